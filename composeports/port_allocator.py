"""Public Python API for allocation alone: in memory, thread-safe, no Docker and no database."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from composeports.config import PortAllocatorConfig
from composeports.core.allocation import claim
from composeports.core.allocation_request import NOTHING_RUNS, AllocationRequest
from composeports.core.environment import as_export, fixed_variables
from composeports.core.lease import Lease
from composeports.core.session import check_session_id
from composeports.core.snapshot import LeaseSummary, StoreSnapshot
from composeports.errors import NoPortsAvailableError

__all__ = [
    "NoPortsAvailableError",
    "PortAllocation",
    "PortAllocatorService",
    "get_port_allocator",
    "reset_port_allocator",
]


@dataclass(frozen=True, slots=True)
class PortAllocation:
    """The ports and names of a lease. Times are in seconds since the epoch."""

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
    """Gives each session its own block of ports, until the session releases it or it expires."""

    def __init__(
        self,
        config: PortAllocatorConfig | None = None,
        *,
        now: Callable[[], float] | None = None,
    ) -> None:
        """Use the given `config` and clock `now`; None means the defaults and `time.time`.

        `now` returns seconds since the epoch. `time.time` is looked up at each call, so that a test
        may replace it.
        """
        self._config = PortAllocatorConfig() if config is None else config
        self._now = now or _seconds
        self._leases: dict[str, Lease] = {}
        self._lock = threading.Lock()

    def allocate(self, session_id: str) -> PortAllocation:
        """Return the session's allocation; a new session gets the lowest free block.

        For the same session again, return the same ports and `allocated_at`, and start the time to
        live anew. Raise NoPortsAvailableError if all blocks are held; nothing changes then. Raise
        InvalidSessionError (a ValueError) for an empty or blank id.
        """
        check_session_id(session_id)
        with self._lock:
            now = self._now()
            self._forget_expired(now)
            request = AllocationRequest(
                session_id=session_id,
                grid=self._config.grid,
                now=now,
                ttl_minutes=self._config.ttl_minutes,
                liveness=NOTHING_RUNS,
            )
            lease = claim(self._snapshot(session_id), request).granted
            self._leases[session_id] = lease
            return allocation_of(lease)

    def release(self, session_id: str) -> bool:
        """Release the session's block; return True, also if the session holds none."""
        with self._lock:
            self._leases.pop(session_id, None)
            return True

    def status(self) -> list[PortAllocation]:
        """Return all allocations that have not expired, oldest first."""
        with self._lock:
            self._forget_expired(self._now())
            return [allocation_of(lease) for lease in self._leases.values()]

    def _snapshot(self, session_id: str) -> StoreSnapshot:
        summaries = tuple(
            LeaseSummary(lease.session_id, lease.block, lease.project, lease.expires_at, held=True)
            for lease in self._leases.values()
            if lease.session_id != session_id
        )
        return StoreSnapshot(self._leases.get(session_id), summaries)

    def _forget_expired(self, now: float) -> None:
        self._leases = {
            name: lease for name, lease in self._leases.items() if not lease.expired(now)
        }


def _seconds() -> float:
    return time.time()


def allocation_of(lease: Lease) -> PortAllocation:
    """Return the allocation of a lease."""
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
    """The allocator of this process; the allocator of a server in the process comes first."""

    lock = threading.Lock()
    service: PortAllocatorService | None = None
    servers: PortAllocatorService | None = None


def get_port_allocator(config: PortAllocatorConfig | None = None) -> PortAllocatorService:
    """Return the allocator of this process; the first call sets its configuration.

    Without `config`, the configuration is read from the environment (`PORT_ALLOC_*`). If the
    process has an application of `composeports.servers.http.create_app`, return the allocator of
    that application and ignore `config`, so that no block is given to two sessions.
    """
    with _Shared.lock:
        if _Shared.servers is not None:
            return _Shared.servers
        if _Shared.service is None:
            _Shared.service = PortAllocatorService(config or PortAllocatorConfig.from_env())
        return _Shared.service


def reset_port_allocator() -> None:
    """Discard the allocator of this process; the next `get_port_allocator` makes a new one."""
    with _Shared.lock:
        _Shared.service = None
        _Shared.servers = None


def share_allocator(service: PortAllocatorService) -> None:
    """Let `get_port_allocator` return this allocator: a server's, which uses its store."""
    with _Shared.lock:
        _Shared.servers = service


def unshare_allocator(service: PortAllocatorService) -> None:
    """Undo `share_allocator`, if this allocator is still the shared one."""
    with _Shared.lock:
        if _Shared.servers is service:
            _Shared.servers = None
