"""Run the commands of the settings in the session's environment, once the stack is healthy."""

import os
from collections.abc import Sequence

from composeports.core.after_up import FIRST_UP, AfterCommand, shown, why_not_run
from composeports.core.wait_options import starts_nothing
from composeports.errors import EXIT_INTERRUPTED, AfterFailedError
from composeports.host.process import without_api_keys
from composeports.host.record_file import hold_file, is_on_record, is_own, remove_record
from composeports.paths import first_up_record
from composeports.usecases.allow import refuse_not_allowed
from composeports.usecases.compose_up import UpResult, stays_in_foreground
from composeports.usecases.lease import renewal_heartbeat
from composeports.usecases.prepare import PreparedStack
from composeports.usecases.service_report import services_started
from composeports.usecases.session import Session
from composeports.usecases.status import environment
from composeports.usecases.wrapped import wrapped_if_possible

DUE = b"due\n"


class AfterUp:
    """The commands of the settings, and what one `up` does with them.

    `commands` are those that may run afterwards.
    """

    def __init__(
        self, session: Session, arguments: Sequence[str], *, attach: bool, no_after: bool
    ) -> None:
        """Find out which commands may run after an `up` with these arguments.

        NotAllowedError if there are some, and this user has not allowed them.
        """
        self._session = session
        self._arguments = arguments
        self.commands: tuple[AfterCommand, ...] = ()
        if no_after or starts_nothing(arguments):
            return
        if stays_in_foreground(arguments, attach=attach):
            _tell_not_run(session, why_not_run((), (), (), foreground=True))
            return
        self.commands = refuse_not_allowed(session)

    def note_first_up(self, stack: PreparedStack) -> None:
        """Record that the command after the first `up` is due, if nothing of the project exists.

        The record stays until the command has succeeded, also if a process is killed in between.
        """
        session = self._session
        if not session.settings.after_first_up or stack.had_containers:
            return
        if session.context.engine.volumes(stack.lease.project):
            return
        with hold_file(self._record(stack), _nothing) as file:
            if file is not None and is_own(os.fstat(file)):
                os.pwrite(file, DUE, 0)

    def finish(self, stack: PreparedStack, result: UpResult) -> UpResult:
        """Run the commands that are due if `up` succeeded; return the result with their keys.

        Their output goes to stderr. Volumes that were filled with another session's data need no
        command after a first `up`. The session lock must not be held, because a command may call
        composeports. AfterFailedError if a command fails; the stack keeps running.
        """
        if result.seeded:
            remove_record(self._record(stack))
        if result.code or not self.commands:
            return result
        session, arguments = self._session, self._arguments
        started = services_started(session, stack, arguments)
        whole = services_started(session, stack, ())
        why = why_not_run(arguments, started, whole, foreground=False)
        if why:
            _tell_not_run(session, why)
            return result
        project = stack.lease.project
        ran = tuple(each.key for each in self.commands if _run_if_due(session, project, each))
        return result._replace(after=ran)

    def _record(self, stack: PreparedStack) -> str:
        return first_up_record(self._session.context.environ, stack.lease.project)


def _run_if_due(session: Session, project: str, command: AfterCommand) -> bool:
    if command.key != FIRST_UP:
        _run(session, command)
        return True
    path = first_up_record(session.context.environ, project)
    if not is_on_record(path):
        return False

    def wait() -> None:
        session.context.report(f"waiting for {FIRST_UP}, which another `composeports up` runs")

    with hold_file(path, wait) as file:
        if file is None or not os.fstat(file).st_size:
            return False
        _run(session, command)
        os.ftruncate(file, 0)
    return True


def _run(session: Session, command: AfterCommand) -> None:
    """Run a command as `composeports env -- sh -c COMMAND` does, in the folder of the settings.

    It does not get the API keys of a server that runs it for a client.
    """
    context = session.context
    context.report(f"running {shown(command)}")
    pairs = wrapped_if_possible(session, environment(session), verbose=False)
    code = context.run(
        ("sh", "-c", command.line),
        {**without_api_keys(session.environ), **dict(pairs)},
        cwd=session.settings_folder,
        out_to_stderr=True,
        heartbeat=renewal_heartbeat(session),
        as_users_own=True,
    )
    session.store.reread()
    if code:
        raise _failed(command, code)


def _failed(command: AfterCommand, code: int) -> AfterFailedError:
    error = AfterFailedError(
        f"the stack runs, and `{command.key}` in [after] ended with exit code {code}",
        hint="correct the command or what it needs, and `composeports up` runs it again; "
        "`composeports up --no-after` leaves it out",
        command=command.key,
        command_exit_code=code,
    )
    if code == EXIT_INTERRUPTED:
        error.exit_code = EXIT_INTERRUPTED
    return error


def _tell_not_run(session: Session, why: str) -> None:
    session.context.report(f"the commands in [after] of the settings are not run: {why}")


def _nothing() -> None:
    """Do nothing while this process waits for the record."""
