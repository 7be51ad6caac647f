"""Run `docker compose up` for a prepared stack, and describe the result."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from composeports.core.compose_project import PublishedPort
from composeports.core.lease import Lease
from composeports.core.plan.plan import Plan
from composeports.core.plan.urls import client_url
from composeports.core.pull_option import services_to_pull, split_pull
from composeports.core.service_status import ContainerStatus
from composeports.core.wait_options import (
    is_wait,
    is_wait_said,
    limit_of,
    starts_nothing,
    without_wait,
)
from composeports.docker.compose_cli import as_plugin
from composeports.docker.containers import Container
from composeports.errors import ComposeMissingError, EngineError
from composeports.host.session_lock_file import SessionLock
from composeports.usecases.lease import renewal_heartbeat
from composeports.usecases.prepare import PreparedStack, command_line, is_half_seeded
from composeports.usecases.release import release_lease
from composeports.usecases.reserve import roll_back_lease
from composeports.usecases.service_report import (
    failed_services,
    services_started,
    status_of,
    statuses_of,
)
from composeports.usecases.session import Session
from composeports.usecases.session_lock import waiting

if TYPE_CHECKING:
    from composeports.core.failed_service import FailedService
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


# A program that a signal ended has this exit code or a higher one.
ENDED_BY_SIGNAL = 128


class PublishedUrl(NamedTuple):
    """A port (`80/tcp`) that a container publishes, and the URL for it."""

    service: str
    port: str
    url: str
    status: ContainerStatus


class UpResult(NamedTuple):
    """The result of `up`: Compose's exit code, lease, plan, and the containers afterwards.

    `failed` are the services that failed, which may be some even if the exit code is 0. `after` are
    the keys of the settings' commands that ran.
    """

    code: int
    lease: Lease
    plan: Plan
    containers: tuple[Container, ...] = ()
    note: str = ""
    seeded: "tuple[Seeded, ...]" = ()
    failed: "tuple[FailedService, ...]" = ()
    after: tuple[str, ...] = ()

    @property
    def statuses(self) -> tuple[ContainerStatus, ...]:
        """Return the status of each container, without those of `docker compose run`."""
        return tuple(map(status_of, self._own_containers()))

    def published(self) -> Iterator[PublishedUrl]:
        """Yield each port that the containers publish.

        The URL is the planned one if there is one; the engine chose the other host ports.
        """
        planned_urls = {
            (endpoint.service, endpoint.number, endpoint.protocol): endpoint.url
            for endpoint in self.plan.endpoints
        }
        for container in self.containers:
            status = status_of(container)
            for number, target, protocol in container.ports:
                port = PublishedPort(container.service, target, protocol)
                guess = client_url(port, number, self.lease.host)
                url = planned_urls.get((container.service, number, protocol), guess)
                yield PublishedUrl(container.service, f"{target}/{protocol}", url, status)

    def _own_containers(self) -> Iterator[Container]:
        return (container for container in self.containers if not container.is_of_run)


class ComposeUp:
    """Runs `docker compose up` for one request, under the session lock.

    A Compose in the foreground runs for as long as the user wants: as soon as it runs, the session
    lock is released.
    """

    def __init__(
        self,
        session: Session,
        lock: SessionLock,
        arguments: Sequence[str],
        *,
        attach: bool,
        must_be_healthy: bool = False,
    ) -> None:
        """Read from the arguments of `docker compose up` how it runs.

        An `up` in the foreground waits for healthy services only if the arguments say so, and then
        Compose does not stay in the foreground. With `must_be_healthy`, every other `up` waits
        unless the arguments say that it does not.
        """
        self.session = session
        self.lock = lock
        self.foreground = stays_in_foreground(arguments, attach=attach)
        self.is_dry_run = "--dry-run" in arguments
        self._starts_nothing = starts_nothing(arguments)
        self._limit = limit_of(arguments)
        self._must_be_healthy = must_be_healthy or session.settings.wait
        self._is_waiting = self._must_wait(arguments)
        self.arguments = without_wait(arguments) if self._is_waiting else arguments
        self._late_services: tuple[str, ...] = ()

    def _must_wait(self, arguments: Sequence[str]) -> bool:
        if self.foreground or self._starts_nothing:
            return False
        return is_wait(arguments) if is_wait_said(arguments) else self._must_be_healthy

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
        """Run `docker compose up` and call `while_running` meanwhile; return the exit code.

        With `--pull always`, Compose would ask a registry for the session's own images, too, so the
        other images are pulled first.
        """
        code, arguments = self._pull(stack)
        if code:
            return code
        words = ("up", *(() if self.foreground else ("--detach",)), *arguments)
        return self.run(stack, words, foreground=self.foreground, while_running=while_running)

    def _pull(self, stack: PreparedStack) -> tuple[int, Sequence[str]]:
        """Pull what `--pull` asks for; return the exit code, and what is left for `up`."""
        policy, arguments = split_pull(self.arguments)
        if not policy or self.is_dry_run:
            return 0, self.arguments
        started = services_started(self.session, stack, arguments)
        services = services_to_pull(stack.project, stack.plan.override, started)
        if services is None:
            return 0, self.arguments
        if not services:
            return 0, arguments
        return self.run(stack, ("pull", "--policy", policy, *services)), arguments

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

    def wait_until_started(self, stack: PreparedStack, code: int) -> int:
        """Return the exit code after the wait for the services, if this `up` waits.

        The session lock is released during the wait, so that `down` can end the stack.
        """
        if code or not self._is_waiting:
            return code
        from composeports.usecases.wait import wait_until_started  # noqa: PLC0415 - if it waits

        session, project = self.session, stack.lease.project
        services = services_started(session, stack, self.arguments)
        self.lock.release()
        result = wait_until_started(session, project, services, self._limit)
        self.lock.take(None, waiting(session))
        session.store.reread()
        self._late_services = result.late
        return result.code

    def result(
        self, stack: PreparedStack, code: int, seeded: "tuple[Seeded, ...]" = ()
    ) -> UpResult:
        """Return the result of an `up` that ended with Compose's exit code.

        If it waited, and a service has failed since then, its exit code is 1.
        """
        lease, plan = stack.lease, stack.plan
        if code:
            failed = self._failed_services(stack, code)
            note = self._after_failure(stack)
            return UpResult(code, lease, plan, (), note, seeded, failed)
        containers = self.session.context.engine.containers(lease.project)
        failed = self._failed_of(stack, containers, code)
        if failed and self._is_waiting:
            return UpResult(1, lease, plan, (), self._after_failure(stack), seeded, failed)
        note = _if_stopped(lease.project, containers)
        return UpResult(code, lease, plan, containers, note, seeded, failed)

    def _failed_services(self, stack: PreparedStack, code: int) -> "tuple[FailedService, ...]":
        """Return the services that failed; nothing if a signal ended `up`."""
        if code >= ENDED_BY_SIGNAL:
            return ()
        try:
            containers = self.session.context.engine.containers(stack.lease.project)
        except (EngineError, ComposeMissingError):
            return ()
        return self._failed_of(stack, containers, code)

    def _failed_of(
        self, stack: PreparedStack, containers: Sequence[Container], code: int
    ) -> "tuple[FailedService, ...]":
        if self._starts_nothing:
            return ()
        services = services_started(self.session, stack, self.arguments)
        return failed_services(
            self.session,
            statuses_of(containers, services),
            self._late_services,
            has_failed=bool(code),
            foreground=self.foreground,
        )

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


def stays_in_foreground(arguments: Sequence[str], *, attach: bool) -> bool:
    """Return True if `docker compose up` with these arguments stays in the foreground."""
    is_named = any(argument.partition("=")[0] in FOREGROUND for argument in arguments)
    return is_named or (attach and not is_wait(arguments))


def _if_stopped(project: str, containers: Sequence[Container]) -> str:
    """Return a message if the stack has containers and none of them runs, else ""."""
    if not containers or any(container.is_running for container in containers):
        return ""
    return (
        f"{project} is stopped; its lease is kept: `composeports up` starts it, "
        "`composeports down` removes it"
    )
