"""The session lock for use cases: one command at a time works on a stack; how waiting looks."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from composeports.host.session_lock_file import (
    LockOwner,
    SessionLock,
    busy_error,
    end_what_works,
    hold,
    holder,
    is_held,
)
from composeports.paths import session_lock
from composeports.usecases.session import Session


@contextmanager
def hold_session_lock(workspace: Session, command: str) -> Iterator[SessionLock]:
    """Hold the lock of the session's stack, however long somebody else has it.

    LockBusyError where a Compose whose composeports was killed cannot be ended.

    What the workspace asks (its `questions`) has to be asked after this, since whoever was at work
    has changed the answers.
    """
    workspace.meet_engine()
    with hold(_path(workspace), command, None, waiting(workspace)) as lock:
        if lock is None:  # what a killed command has started cannot be ended
            raise busy_error(_project(workspace), _path(workspace))
        yield lock


@contextmanager
def try_session_lock(
    workspace: Session, command: str, patience: float
) -> Iterator[SessionLock | None]:
    """Hold the lock of the session's stack; None where somebody has it for `patience` seconds."""
    with hold(_path(workspace), command, patience, waiting(workspace)) as lock:
        yield lock


@contextmanager
def at_work_alone(workspace: Session, command: str, patience: float) -> Iterator[SessionLock]:
    """Hold the lock; a Compose that has it for `patience` seconds is ended.

    LockBusyError where that is in vain, since what works on the stack may start it later.
    """
    with try_session_lock(workspace, command, patience) as lock:
        if lock is not None:
            yield lock
            return
    workspace.doors.say(f"{lock_owner(workspace)} is still at work, and is ended first")
    end_what_works(_path(workspace))
    with hold_session_lock_or_raise(workspace, command, patience) as lock:
        yield lock


@contextmanager
def hold_session_lock_or_raise(
    workspace: Session, command: str, patience: float
) -> Iterator[SessionLock]:
    """Hold the lock; LockBusyError where somebody has it for `patience` seconds."""
    with try_session_lock(workspace, command, patience) as lock:
        if lock is None:
            raise busy_error(_project(workspace), _path(workspace))
        yield lock


def lock_owner(workspace: Session) -> LockOwner:
    """Return who has the lock of the session's stack, for a message."""
    return holder(_path(workspace))


def locked_projects(workspace: Session, projects: Iterable[str]) -> frozenset[str]:
    """Return those of the projects on which somebody works right now."""
    environ = workspace.doors.environ
    return frozenset(each for each in projects if is_held(session_lock(environ, each)))


def waiting(workspace: Session) -> Callable[[LockOwner], None]:
    """Return what tells a person whom we wait for."""
    return lambda who: workspace.doors.say(
        f"{who} works on {_project(workspace)}: waiting for its end"
    )


def _project(workspace: Session) -> str:
    return workspace.likely_project(workspace.record())


def _path(workspace: Session) -> str:
    return session_lock(workspace.doors.environ, _project(workspace))
