"""Hold the session lock, so that only one command at a time works on a stack."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from composeports.errors import ComposeportsError
from composeports.host.session_lock_file import (
    LockOwner,
    SessionLock,
    busy_error,
    end_lock_inheritors,
    hold,
    holder,
    is_held,
)
from composeports.paths import session_lock
from composeports.usecases.session import Session

# Commands that start nothing, so that no command has to complete their work.
UNSTARTED = frozenset({"", "allocate"})


@contextmanager
def hold_session_lock(session: Session, command: str) -> Iterator[SessionLock]:
    """Hold the session lock; wait for it as long as another command holds it.

    LockBusyError if a Compose process whose composeports was killed cannot be ended. If the command
    is refused and the session holds no lease, its new lock file is removed.

    Start the session's `queries` only under the lock, because the earlier lock owner may have
    changed the answers.
    """
    session.refresh_engine_identity()
    with hold(_path(session), command, None, waiting(session)) as lock:
        if lock is None:  # the process of a killed command does not end
            raise busy_error(_project(session), _path(session))
        session.store.reread()
        try:
            yield lock
        except ComposeportsError:
            _remove_if_unused(session, lock)
            raise


def _remove_if_unused(session: Session, lock: SessionLock) -> None:
    """Remove the lock file of a refused command whose session holds no lease.

    It stays if an earlier command left it, because the next command completes that one's work.
    """
    with suppress(ComposeportsError):
        record = session.record()
        if not lock.previous_owner.command and (record is None or not record.held):
            lock.remove()


def remove_unused_lock(session: Session, project: str) -> None:
    """Remove the lock file of a project whose session holds no lease any more.

    It stays if a command holds it, or if a killed command left it, as after a refused command.
    """
    path = session_lock(session.context.environ, project)
    with suppress(ComposeportsError), hold(path, "release", 0, lambda _owner: None) as lock:
        if lock is not None and lock.previous_owner.command in UNSTARTED:
            lock.remove()


@contextmanager
def try_session_lock(
    session: Session, command: str, timeout_seconds: float
) -> Iterator[SessionLock | None]:
    """Hold the session lock; yield None if another command keeps it for that time."""
    with hold(_path(session), command, timeout_seconds, waiting(session)) as lock:
        session.store.reread()
        yield lock


@contextmanager
def hold_session_lock_exclusively(
    session: Session, command: str, timeout_seconds: float
) -> Iterator[SessionLock]:
    """Hold the session lock; after the timeout, end the Compose process that holds it.

    LockBusyError if this process does not end, because it may start the stack later.
    """
    with try_session_lock(session, command, timeout_seconds) as lock:
        if lock is not None:
            yield lock
            return
    session.context.report(f"{lock_owner(session)} is still running, and is stopped first")
    end_lock_inheritors(_path(session))
    with hold_session_lock_or_raise(session, command, timeout_seconds) as lock:
        yield lock


@contextmanager
def hold_session_lock_or_raise(
    session: Session, command: str, timeout_seconds: float
) -> Iterator[SessionLock]:
    """Hold the session lock; LockBusyError if another command keeps it for that time."""
    with try_session_lock(session, command, timeout_seconds) as lock:
        if lock is None:
            raise busy_error(_project(session), _path(session))
        yield lock


def lock_owner(session: Session) -> LockOwner:
    """Return the owner of the session lock, for a message."""
    return holder(_path(session))


def locked_projects(session: Session, projects: Iterable[str]) -> frozenset[str]:
    """Return the projects whose session lock is held now."""
    environ = session.context.environ
    return frozenset(project for project in projects if is_held(session_lock(environ, project)))


def waiting(session: Session) -> Callable[[LockOwner], None]:
    """Return a callback for a long wait: it reports the lock owner and ends the early queries."""

    def report(owner: LockOwner) -> None:
        if session.early_queries is not None:
            session.early_queries.stop()  # the files may change during the wait
        session.context.report(f"{owner} works on {_project(session)}: waiting for its end")

    return report


def _project(session: Session) -> str:
    return session.expected_project_name(session.record())


def _path(session: Session) -> str:
    return session_lock(session.context.environ, _project(session))
