"""Start a session's stack, or return the plan for that."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from composeports.core.compose_project import PublishedPort
from composeports.core.lease import Lease
from composeports.core.one_shot_services import is_wait
from composeports.core.plan.plan import Plan
from composeports.core.plan.urls import client_url
from composeports.docker.compose_cli import as_plugin
from composeports.docker.containers import Container
from composeports.errors import ComposeMissingError, ComposeportsError, EngineError
from composeports.host.session_lock_file import SessionLock
from composeports.usecases.interrupted import (
    end_interrupted_down,
    renew_without_network,
    undo_half_replaced,
    unpause_containers,
)
from composeports.usecases.lease import renewal_heartbeat
from composeports.usecases.observe import DEFAULT_PLAN_OPTIONS, PlanOptions, draft, observe
from composeports.usecases.prepare import PreparedStack, command_line, is_half_seeded, prepare
from composeports.usecases.release import release_lease
from composeports.usecases.reserve import preview_lease, roll_back_lease
from composeports.usecases.session import Session
from composeports.usecases.start_failure import StartAttempts

if TYPE_CHECKING:
    from composeports.usecases.seed.seed import Seed, Seeded

# Options with which `docker compose up` stays in the foreground.
FOREGROUND = (
    "--abort-on-container-exit",
    "--abort-on-container-failure",
    "--attach-dependencies",
    "--exit-code-from",
    "--menu",
    "--no-attach",
    "--watch",
    "-w",
)


class UpResult(NamedTuple):
    """The result of `up`: Compose's exit code, lease, plan, and the containers afterwards."""

    code: int
    lease: Lease
    plan: Plan
    containers: tuple[Container, ...] = ()
    note: str = ""
    seeded: "tuple[Seeded, ...]" = ()

    def published(self) -> Iterator[tuple[str, str, str]]:
        """Yield service, port (`80/tcp`) and URL of each port that the containers publish.

        The URL is the planned one if there is one; the engine chose the other host ports.
        """
        planned_urls = {
            (endpoint.service, endpoint.number, endpoint.protocol): endpoint.url
            for endpoint in self.plan.endpoints
        }
        for container in self.containers:
            for number, target, protocol in container.ports:
                port = PublishedPort(container.service, target, protocol)
                guess = client_url(port, number, self.lease.host)
                url = planned_urls.get((container.service, number, protocol), guess)
                yield container.service, f"{target}/{protocol}", url


def plan(session: Session, options: PlanOptions = DEFAULT_PLAN_OPTIONS) -> Plan:
    """Return what `up` would do now, for a read-only session; take no lease."""
    answer, containers = observe(session, engine_needed=False)
    sketch = draft(session, answer.observed, containers, options, engine_needed=False)
    lease = preview_lease(session, containers, sketch.with_planned_ports, sketch.pins)
    return sketch.plan(lease)


def up(  # noqa: PLR0913 - most are keywords
    session: Session,
    lock: SessionLock,
    arguments: Sequence[str] = (),
    options: PlanOptions = DEFAULT_PLAN_OPTIONS,
    *,
    attach: bool = False,
    while_running: Callable[[], None] | None = None,
    seed: "Seed | None" = None,
) -> UpResult:
    """Reserve the lease, write the files and run `docker compose up`.

    `seed` fills empty volumes first; `while_running` is called while Compose runs. If another
    program took a port or a subnet, or the engine has no address pool left for a network, `up`
    tries again with other ports or subnets. PortTakenError if that does not help. If Compose fails,
    the note of the result says what is left of stack and lease. With `attach`, the session lock is
    released as soon as Compose runs.
    """
    foreground = attach or _stays_in_foreground(arguments)
    words = ("up", *(() if foreground else ("--detach",)), *arguments)
    is_real = "--dry-run" not in arguments
    prepared = prepare(session, options)
    if is_real:
        undo_half_replaced(session, prepared.lease.project, prepared.containers)
        end_interrupted_down(session, lock, prepared.lease.project, prepared.containers)
        unpause_containers(session, prepared.lease.project, prepared.containers)
        run_compose = partial(_run, session, lock, prepared, foreground=False)
        renew_without_network(session, prepared, run_compose)
    while_running = _release_gone_worktrees(session, prepared, while_running)
    if prepared.earlier_lease is None and seed is None:
        while_running = _report_plain_data(session, prepared, while_running)
    seed_results = _seeded(session, prepared, seed) if is_real else ()
    code = _run(session, lock, prepared, words, foreground=foreground, while_running=while_running)
    attempts = StartAttempts(session, lock, prepared, options, foreground=foreground)
    while attempts.is_worthwhile(code, prepared):
        prepared = attempts.prepare(prepared)
        code = _run(session, lock, prepared, words, foreground=foreground)
    if code and is_wait(arguments):
        from composeports.usecases.wait import wait_for_others  # noqa: PLC0415 - only after failure

        run_compose = partial(_run, session, lock, prepared, foreground=foreground)
        code = wait_for_others(session, prepared.lease.project, arguments, code, run_compose)
    if code:
        note = _after_failure(session, prepared, foreground=foreground)
        return UpResult(code, prepared.lease, prepared.plan, note=note, seeded=seed_results)
    containers = session.context.engine.containers(prepared.lease.project)
    note = _if_stopped(prepared.lease.project, containers)
    return UpResult(code, prepared.lease, prepared.plan, containers, note, seed_results)


def _release_gone_worktrees(
    session: Session, prepared: PreparedStack, while_running: Callable[[], None] | None
) -> Callable[[], None]:
    """Return a callback that releases leases of removed worktrees.

    It runs while Compose works, and then calls `while_running`.
    """

    def work() -> None:
        from composeports.usecases.gc.quick import tidy  # noqa: PLC0415 - while Compose runs

        with suppress(ComposeportsError):
            tidy(session, prepared.containers)
        if while_running is not None:
            while_running()

    return work


def _report_plain_data(
    session: Session, prepared: PreparedStack, while_running: Callable[[], None]
) -> Callable[[], None]:
    """Return a callback that calls `while_running`, then reports plain Compose's data here."""

    def work() -> None:
        while_running()
        from composeports.usecases.seed.plain_compose import (  # noqa: PLC0415 - while Compose runs
            report_plain_data,
        )

        with suppress(ComposeportsError):
            report_plain_data(session, prepared.project)

    return work


def _seeded(session: Session, prepared: PreparedStack, seed: "Seed | None") -> "tuple[Seeded, ...]":
    """Fill empty volumes; on failure, restore the lease, report that and raise the error again."""
    if seed is None and not is_half_seeded(session, prepared.lease.project):
        return ()
    from composeports.usecases.seed import seed as seeding  # noqa: PLC0415 - only to seed volumes

    plan = prepared.plan
    try:
        return seeding.seed(session, seed, prepared.lease, prepared.project, plan.override)
    except BaseException:
        roll_back_lease(session, prepared.earlier_lease)
        if prepared.earlier_lease is None or not prepared.earlier_lease.held:
            session.folder.remove()
        session.context.report("nothing was started, and the lease is as it was before")
        raise


def _run(  # noqa: PLR0913 - most are keywords
    session: Session,
    lock: SessionLock,
    prepared: PreparedStack,
    words: Sequence[str],
    *,
    foreground: bool,
    while_running: Callable[[], None] | None = None,
) -> int:
    argv, environ = command_line(session, prepared, *words)
    argv = as_plugin(argv, session.environ)

    def release() -> None:
        lock.release()
        if while_running is not None:
            while_running()

    code = session.context.run(
        argv,
        environ,
        out_to_stderr=not foreground,
        while_running=release if foreground else while_running,
        pass_fds=() if foreground else (lock.descriptor,),
        heartbeat=renewal_heartbeat(session),
    )
    session.store.reread()  # Compose takes long, and not every program takes the session lock
    return code


def _stays_in_foreground(arguments: Sequence[str]) -> bool:
    return any(argument.partition("=")[0] in FOREGROUND for argument in arguments)


def _if_stopped(project: str, containers: Sequence[Container]) -> str:
    """Return a message if the stack has containers and none of them runs, else ""."""
    if not containers or any(container.is_running for container in containers):
        return ""
    return (
        f"{project} is stopped; its lease is kept: `composeports up` starts it, "
        "`composeports down` removes it"
    )


def _after_failure(session: Session, prepared: PreparedStack, *, foreground: bool) -> str:
    """Release the lease if nothing of the project exists; return a message about the result."""
    from composeports.usecases.down import leftovers  # noqa: PLC0415 - only after a failure

    project = prepared.lease.project
    try:
        parts = leftovers(session, project)
        containers = session.context.engine.containers(project) if foreground and parts else ()
    except (EngineError, ComposeMissingError):
        return f"the engine does not answer any more: the lease of {project} is kept"
    if any(container.state == "exited" for container in containers):
        note = _if_stopped(project, containers)  # it ran and then ended, or was ended
        if note:
            return note
    if parts:
        return (
            f"{parts} of {project} exist, so the lease is kept: `composeports up` tries again, "
            "`composeports down` removes them"
        )
    release_lease(session)
    session.folder.remove()
    return f"nothing of {project} exists, so the lease is released"
