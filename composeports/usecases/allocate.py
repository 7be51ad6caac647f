"""Take or renew a lease without starting a stack."""

from contextlib import suppress

from composeports.core.lease import Lease
from composeports.errors import (
    ComposeMissingError,
    EngineError,
    EngineSilentError,
    NoLeaseError,
)
from composeports.usecases.files_of_main import with_files_of_main
from composeports.usecases.lease import renew_lease
from composeports.usecases.reserve import reserve_lease
from composeports.usecases.session import Session
from composeports.usecases.session_lock import hold_session_lock


def allocate(session: Session) -> Lease:
    """Take or renew the session's lease without starting a stack; works without an engine too.

    EngineSilentError if there is an engine that does not answer: its containers may use the ports.
    A block that the session holds already is not probed: the session's own programs may use it. A
    worktree first gets the files of the main checkout that the settings name.
    """
    session = with_files_of_main(session)
    with suppress(NoLeaseError):  # another session has just taken the block
        if _holds_a_block(session):
            return renew_lease(session)
    with hold_session_lock(session, "allocate"):
        with suppress(NoLeaseError):
            if _holds_a_block(session):  # another command took it during the wait
                return renew_lease(session)
        return _reserve_exclusively(session)


def _holds_a_block(session: Session) -> bool:
    record = session.record()
    grid = session.context.config.port_allocator.grid
    return record is not None and record.held and grid.has(record.block)


def _reserve_exclusively(session: Session) -> Lease:
    try:
        containers = session.context.engine.containers()
    except EngineSilentError:
        raise
    except (EngineError, ComposeMissingError):
        containers = None
    return reserve_lease(session, containers)
