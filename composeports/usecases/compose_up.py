"""Run `docker compose up` for a prepared stack, and describe the result."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from composeports.core.compose_project import PublishedPort
from composeports.core.lease import Lease
from composeports.core.one_shot_services import is_wait
from composeports.core.plan.plan import Plan
from composeports.core.plan.urls import client_url
from composeports.docker.compose_cli import as_plugin
from composeports.docker.containers import Container
from composeports.errors import ComposeMissingError, EngineError
from composeports.host.session_lock_file import SessionLock
from composeports.usecases.lease import renewal_heartbeat
from composeports.usecases.prepare import PreparedStack, command_line, is_half_seeded
from composeports.usecases.release import release_lease
from composeports.usecases.reserve import roll_back_lease
from composeports.usecases.session import Session

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


class ComposeUp:
    """Runs `docker compose up` for one request, under the session lock.

    A Compose in the foreground runs for as long as the user wants: as soon as it runs, the session
    lock is released.
    """

    def __init__(
        self, session: Session, lock: SessionLock, arguments: Sequence[str], *, attach: bool
    ) -> None:
        """Read from the arguments of `docker compose up` how it runs."""
        self.session = session
        self.lock = lock
        self.arguments = arguments
        self.foreground = attach or _stays_in_foreground(arguments)
        self.is_dry_run = "--dry-run" in arguments

    def fill_volumes(self, stack: PreparedStack, seed: "Seed | None") -> "tuple[Seeded, ...]":
        """Fill empty volumes if `seed` says so, or an earlier command did not finish it.

        If that fails, restore the lease, report that and raise the error again.
        """
        session = self.session
        if self.is_dry_run or (seed is None and not is_half_seeded(session, stack.lease.project)):
            return ()
        from composeports.usecases.seed import seed as seeding  # noqa: PLC0415 - only to seed

        try:
            return seeding.seed(session, seed, stack.lease, stack.project, stack.plan.override)
        except BaseException:
            roll_back_lease(session, stack.earlier_lease)
            if stack.earlier_lease is None or not stack.earlier_lease.held:
                session.folder.remove()
            session.context.report("nothing was started, and the lease is as it was before")
            raise

    def start(self, stack: PreparedStack, while_running: Callable[[], None] | None = None) -> int:
        """Run `docker compose up` and call `while_running` meanwhile; return the exit code."""
        words = ("up", *(() if self.foreground else ("--detach",)), *self.arguments)
        return self.run(stack, words, foreground=self.foreground, while_running=while_running)

    def run(
        self,
        stack: PreparedStack,
        words: Sequence[str],
        *,
        foreground: bool = False,
        while_running: Callable[[], None] | None = None,
    ) -> int:
        """Run `docker compose` with these words on the prepared stack; return its exit code."""
        session = self.session
        argv, environ = command_line(session, stack, *words)

        def release_lock() -> None:
            self.lock.release()
            if while_running is not None:
                while_running()

        code = session.context.run(
            as_plugin(argv, session.environ),
            environ,
            out_to_stderr=not foreground,
            while_running=release_lock if foreground else while_running,
            pass_fds=() if foreground else (self.lock.descriptor,),
            heartbeat=renewal_heartbeat(session),
        )
        session.store.reread()  # Compose takes long, and not every program takes the session lock
        return code

    def wait_for_others(self, stack: PreparedStack, code: int) -> int:
        """Return the exit code of `up --wait`; a service that ended with 0 has not failed."""
        if not code or not is_wait(self.arguments):
            return code
        from composeports.usecases.wait import wait_for_others  # noqa: PLC0415 - only after failure

        run = partial(self.run, stack, foreground=self.foreground)
        return wait_for_others(self.session, stack.lease.project, self.arguments, code, run)

    def result(
        self, stack: PreparedStack, code: int, seeded: "tuple[Seeded, ...]" = ()
    ) -> UpResult:
        """Return the result of an `up` that ended with Compose's exit code."""
        if code:
            return UpResult(code, stack.lease, stack.plan, (), self._after_failure(stack), seeded)
        project = stack.lease.project
        containers = self.session.context.engine.containers(project)
        note = _if_stopped(project, containers)
        return UpResult(code, stack.lease, stack.plan, containers, note, seeded)

    def _after_failure(self, stack: PreparedStack) -> str:
        """Release the lease if nothing of the project exists; return a message about the rest."""
        from composeports.usecases.down import leftovers  # noqa: PLC0415 - only after a failure

        session, project = self.session, stack.lease.project
        try:
            parts = leftovers(session, project)
            is_interactive = self.foreground and parts
            containers = session.context.engine.containers(project) if is_interactive else ()
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
