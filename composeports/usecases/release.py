"""Release a lease, and restore the files that were linked to it."""

import os

from composeports.core.allocation import release
from composeports.core.lease import Lease
from composeports.core.other_engine import reject_other_engine
from composeports.core.ownership import first_names
from composeports.docker.compose_files import has_link
from composeports.errors import ComposeMissingError, EngineError, EngineSilentError, StackLeftError
from composeports.host.session_files import USER_ENV
from composeports.usecases.lease import is_marked
from composeports.usecases.session import Session
from composeports.usecases.session_lock import hold_session_lock_or_raise

# Seconds that `release` waits for another command that holds the session lock.
RELEASE_TIMEOUT_SECONDS = 3.0


def release_lease(session: Session) -> None:
    """Release the session's lease and keep its record; do nothing for an unknown session.

    If the `.env` file is linked to the stack, restore it.
    """
    place = session.place
    outcome = session.store.update(session.session_id, lambda snapshot: release(snapshot, place))
    if outcome.lease is not None:
        remove_link_of_released(session, outcome.lease)


def remove_link_of_released(session: Session, lease: Lease) -> None:
    """Restore `.env` to its state before `composeports link`, for a lease that has ended."""
    directory = lease.place.directory if lease.place.is_on(session.machine) else ""
    if not directory:
        return
    from composeports.usecases.link.link import remove_link, remove_link_of  # noqa: PLC0415 - rare

    if has_link(os.path.join(directory, USER_ENV)):
        remove_link(directory, lease.project, session.context.report)
    # A killed `link` or `unlink` may have left an entry in git's exclude file.
    remove_link_of(lease, session.context.report)


def release_without_stack(
    session: Session, timeout_seconds: float = RELEASE_TIMEOUT_SECONDS
) -> None:
    """Release the session's lease if no container of its project exists.

    StackLeftError if there are containers. EngineError if a stack was started and the engine does
    not answer, because only the engine knows the containers. LockBusyError if another command holds
    the session lock for more than `timeout_seconds`.
    """
    record = session.record()
    if record is None or not record.held:
        return
    with hold_session_lock_or_raise(session, "release", timeout_seconds) as lock:
        _release_if_empty(session)
        lock.remove()


def _release_if_empty(session: Session) -> None:
    record = session.record()
    if record is None or not record.held:
        return
    view = session.view
    if view.has_other_id(record):
        reject_other_engine(record, view)
    try:
        containers = session.context.engine.containers(record.project)
    except (EngineError, ComposeMissingError) as error:
        if record.stack.files or isinstance(error, EngineSilentError):
            raise
        containers = ()
    reject_other_engine(record, view, marked=is_marked(record, containers))
    if containers:
        count = "1 container" if len(containers) == 1 else f"{len(containers)} containers"
        names = sorted(container.name or container.id[:12] for container in containers)
        message = f"the stack {record.project} still has {count}: {first_names(names)}"
        hint = "`composeports down` removes them and releases the ports"
        raise StackLeftError(message, hint=hint, project=record.project, containers=names)
    release_lease(session)
