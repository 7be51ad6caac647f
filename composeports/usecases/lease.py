"""Read and renew a lease that the session holds."""

import time
from collections.abc import Iterable
from contextlib import suppress

from composeports.core.allocation import renew
from composeports.core.environment import combined, fixed_variables
from composeports.core.lease import Lease
from composeports.core.ownership import Owner
from composeports.docker.containers import Container
from composeports.errors import (
    ComposeportsError,
    StoreBusyError,
    StoreError,
)
from composeports.host.heartbeat import Heartbeat
from composeports.usecases.session import Session

# Seconds that a command which only reads a lease waits for the store, to extend the lease.
RENEW_TIMEOUT_SECONDS = 0.25


def is_marked(lease: Lease, containers: Iterable[Container]) -> bool:
    """Return True if the labels of one of the containers name the lease's session and store."""
    return any(map(Owner.of(lease).has_marked, (container.mark for container in containers)))


def renew_lease(session: Session, timeout_seconds: float | None = None) -> Lease:
    """Extend the session's lease and return it; NoLeaseError if the session holds none.

    A lease of the git hook counts as used from now on, except for the hook itself.

    Wait up to `timeout_seconds` while other processes write to the store; None is the
    store's own limit.
    """
    now = session.context.now()
    outcome = session.store.update(
        session.session_id,
        lambda snapshot: renew(snapshot, now, session.place, session.view, is_hook=session.is_hook),
        timeout_seconds=timeout_seconds,
    )
    return outcome.lease if outcome.lease is not None else session.held_lease()


def read_lease(session: Session) -> Lease:
    """Return the session's lease, extended if the store can be written to now.

    For commands that only read: a locked store or a full disk does not make them fail. Only the
    first command that uses a lease of the git hook waits as long as others write, because another
    session may take the lease until then; StoreBusyError if that is too long. NoLeaseError if the
    session holds no lease.
    """
    try:
        return renew_lease(session, RENEW_TIMEOUT_SECONDS)
    except StoreBusyError:
        lease = session.held_lease()
        return renew_lease(session) if lease.unused else lease.at(session.place)
    except StoreError:
        return session.held_lease().at(session.place)


def renewal_heartbeat(session: Session) -> Heartbeat:
    """Return the heartbeat that renews the lease three times per TTL while a program runs.

    If the engine can report to a user, the heartbeat also warns when the engine does not answer.
    """

    def renew_quietly() -> None:
        with suppress(ComposeportsError):  # other store calls report the error
            renew_lease(session)

    seconds = session.context.config.port_allocator.ttl_minutes * 60 / 3
    engine = session.context.engine
    if not engine.silence_check_seconds:
        return Heartbeat(seconds, renew_quietly)
    renewed_at = time.monotonic()

    def look() -> None:
        nonlocal renewed_at
        engine.report_if_silent()
        if time.monotonic() - renewed_at >= seconds:
            renewed_at = time.monotonic()
            renew_quietly()

    return Heartbeat(min(seconds, engine.silence_check_seconds), look)


def environment_of(lease: Lease) -> tuple[tuple[str, str], ...]:
    """Return the six fixed variables together with the variables of the last plan."""
    return combined(
        fixed_variables(lease.block.start, lease.project, lease.host), lease.environment
    )
