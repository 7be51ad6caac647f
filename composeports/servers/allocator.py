"""The public Python API on a server's store, for programs that run the server in their process."""

from composeports.port_allocator import PortAllocation, PortAllocatorService, allocation_of
from composeports.usecases.allocate import allocate
from composeports.usecases.context import Context
from composeports.usecases.release import release_without_stack
from composeports.usecases.session_lookup import session_by_id, session_from_record


class StoreAllocator(PortAllocatorService):
    """Allocates ports in the server's store, which all other programs with this store use too.

    So no other program gives the same ports to another session.
    """

    def __init__(self, context: Context) -> None:
        """Use the store of `context`."""
        super().__init__(context.config.port_allocator, now=context.now)
        self._context = context

    def allocate(self, session_id: str) -> PortAllocation:
        """Allocate or renew the session's lease, like `POST /ports/allocate`; return its ports."""
        return allocation_of(allocate(session_by_id(self._context, session_id)))

    def release(self, session_id: str) -> bool:
        """Release the session's lease and return True.

        StackLeftError while containers of the session exist.
        """
        release_without_stack(session_from_record(self._context, session_id))
        return True

    def status(self) -> list[PortAllocation]:
        """Return all allocations that have not expired, oldest first."""
        now = self._now()
        leases = [
            held_lease for held_lease in self._context.store.held() if not held_lease.expired(now)
        ]
        return [
            allocation_of(held_lease)
            for held_lease in sorted(leases, key=lambda lease: lease.allocated_at)
        ]
