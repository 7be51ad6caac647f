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
from composeports.usecases.compose_up import stays_in_foreground
from composeports.usecases.lease import renewal_heartbeat
from composeports.usecases.prepare import PreparedStack
from composeports.usecases.service_report import services_started
from composeports.usecases.session import Session
from composeports.usecases.status import environment
from composeports.usecases.wrapped import wrapped_if_possible

DUE = b"due\n"


def commands_after(
    session: Session, arguments: Sequence[str], *, attach: bool
) -> tuple[AfterCommand, ...]:
    """Return the commands that may run after an `up` with these arguments.

    NotAllowedError if there are some, and this user has not allowed them.
    """
    if starts_nothing(arguments):
        return ()
    if stays_in_foreground(arguments, attach=attach):
        _tell_not_run(session, why_not_run((), (), (), foreground=True))
        return ()
    return refuse_not_allowed(session)


def note_first_up(session: Session, stack: PreparedStack) -> None:
    """Record that the command after the first `up` is due, if nothing of the project exists yet.

    The record stays until the command has succeeded, also if a process is killed in between.
    """
    project = stack.lease.project
    if stack.had_containers or session.context.engine.volumes(project):
        return
    with hold_file(first_up_record(session.context.environ, project), _nothing) as file:
        if file is not None and is_own(os.fstat(file)):
            os.pwrite(file, DUE, 0)


def forget_first_up(session: Session, project: str) -> None:
    """Remove the record, because the volumes have got data of another session."""
    remove_record(first_up_record(session.context.environ, project))


def run_after(
    session: Session,
    stack: PreparedStack,
    commands: Sequence[AfterCommand],
    arguments: Sequence[str],
) -> tuple[str, ...]:
    """Run the commands that are due, and return their keys; their output goes to stderr.

    The session lock must not be held, because a command may call composeports. AfterFailedError if
    a command fails; the stack keeps running.
    """
    why = why_not_run(
        arguments,
        services_started(session, stack, arguments),
        services_started(session, stack, ()),
        foreground=False,
    )
    if why:
        _tell_not_run(session, why)
        return ()
    return tuple(
        command.key for command in commands if _run_if_due(session, stack.lease.project, command)
    )


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
