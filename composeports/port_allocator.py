"""The public Python API for allocation alone: in memory, thread-safe, no Docker and no database."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from composeports.config import PortAllocatorConfig
from composeports.core.claims import NOTHING_RUNS, Request, claim
from composeports.core.clock import Reading, jump
from composeports.core.environment import as_export, fixed_variables
from composeports.core.lease import Lease
from composeports.core.ledger import Hold, Ledger
from composeports.core.session import check_session_id
from composeports.errors import NoPortsAvailableError
from composeports.host.clock import read_clock

__all__ = [
    "NoPortsAvailableError",
    "PortAllocation",
    "PortAllocatorService",
    "get_port_allocator",
    "reset_port_allocator",
]


@dataclass(frozen=True, slots=True)
class PortAllocation:
    """What a lease gives out. Times are seconds since the epoch."""

    session_id: str
    db_port: int
    rest_port: int
    realtime_port: int
    api_port: int
    compose_project_name: str
    allocated_at: float
    expires_at: float

    @property
    def env_snippet(self) -> str:
        """The six variables as `export NAME=value` lines, without a newline at the end."""
        return as_export(fixed_variables(self.db_port, self.compose_project_name))


class PortAllocatorService:
    """Gives every session a block of ports of its own, until it is released or expires."""

    def __init__(
        self,
        config: PortAllocatorConfig | None = None,
        *,
        clock: Callable[[], Reading] = read_clock,
    ) -> None:
        """Use `config`, the defaults without one; a wall clock that is set anew ends no lease."""
        self._config = PortAllocatorConfig() if config is None else config
        self._clock = clock
        self._time: Reading | None = None
        self._leases: dict[str, Lease] = {}
        self._lock = threading.Lock()

    def allocate(self, session_id: str) -> PortAllocation:
        """Return the session's block, the lowest free one for a new session.

        Again for the same session: the same ports and `allocated_at`, with the time to live
        started anew. NoPortsAvailableError when all blocks are held; nothing changes then.
        InvalidSessionError (a ValueError) for an empty or blank id.
        """
        check_session_id(session_id)
        with self._lock:
            now = self._note_time()
            self._forget_expired(now)
            request = Request(
                session_id=session_id,
                grid=self._config.grid,
                now=now,
                ttl_minutes=self._config.ttl_minutes,
                liveness=NOTHING_RUNS,
            )
            lease = claim(self._ledger(session_id), request).granted
            self._leases[session_id] = lease
            return _allocation(lease)

    def release(self, session_id: str) -> bool:
        """Give the session's block back; True also for a session that holds none."""
        with self._lock:
            self._leases.pop(session_id, None)
            return True

    def status(self) -> list[PortAllocation]:
        """Return all allocations that have not expired, oldest first."""
        with self._lock:
            self._forget_expired(self._note_time())
            return [_allocation(lease) for lease in self._leases.values()]

    def _ledger(self, session_id: str) -> Ledger:
        others = tuple(
            Hold(lease.session_id, lease.block, lease.project, lease.expires_at, held=True)
            for lease in self._leases.values()
            if lease.session_id != session_id
        )
        return Ledger(self._leases.get(session_id), others)

    def _note_time(self) -> float:
        """Return the seconds since the epoch; move all leases along with a clock that jumped."""
        now = self._clock()
        moved = jump(self._time, now)
        self._time = now
        if moved:
            self._leases = {
                name: replace(lease, expires_at=lease.expires_at + moved)
                for name, lease in self._leases.items()
            }
        return now.wall

    def _forget_expired(self, now: float) -> None:
        self._leases = {
            name: lease for name, lease in self._leases.items() if not lease.expired(now)
        }


def _allocation(lease: Lease) -> PortAllocation:
    return PortAllocation(
        session_id=lease.session_id,
        db_port=lease.db_port,
        rest_port=lease.rest_port,
        realtime_port=lease.realtime_port,
        api_port=lease.api_port,
        compose_project_name=lease.project,
        allocated_at=lease.allocated_at,
        expires_at=lease.expires_at,
    )


class _Shared:
    """The one allocator of this process."""

    lock = threading.Lock()
    service: PortAllocatorService | None = None


def get_port_allocator(config: PortAllocatorConfig | None = None) -> PortAllocatorService:
    """Return the allocator of this process; the first call settles its configuration.

    Without `config` that is read from the environment (`PORT_ALLOC_*`).
    """
    with _Shared.lock:
        if _Shared.service is None:
            _Shared.service = PortAllocatorService(config or PortAllocatorConfig.from_env())
        return _Shared.service


def reset_port_allocator() -> None:
    """Forget the allocator of this process; the next `get_port_allocator` makes a new one."""
    with _Shared.lock:
        _Shared.service = None
