"""Which block a claim gives to a session, and which sessions give way for it."""

from collections.abc import Iterable, Iterator
from itertools import chain

from composeports.core.allocation_request import AllocationRequest
from composeports.core.ports import HIGHEST_PORT, PortBlock, PortGrid
from composeports.core.snapshot import LeaseSummary, StoreSnapshot
from composeports.errors import NoPortsAvailableError

# The number of sessions that is suggested when all blocks of a smaller number are held.
ROUND_NUMBER = 100


def choose_block(snapshot: StoreSnapshot, request: AllocationRequest) -> PortBlock:
    """Return the block that the session gets, and that no lease which stays has a port of.

    Expired leases whose stacks do not run give way first. If that is not enough and the request may
    take unused leases, these give way too, the oldest first, and no more than are needed.

    Raise NoPortsAvailableError if no block is left.
    """
    blocking_leases = leases_that_block(snapshot, request)
    for leases in _fewer_and_fewer(blocking_leases, request):
        block = next(_candidates(snapshot, request, leases), None)
        if block is not None:
            return block
    raise _no_ports(snapshot, request, blocking_leases)


def leases_that_block(
    snapshot: StoreSnapshot, request: AllocationRequest
) -> tuple[LeaseSummary, ...]:
    """Return the leases of other sessions that block their ports.

    Such a lease is held, and either not expired or possibly running. An unsound record (`refused`)
    that is held always blocks its ports: it does not show what is running on them.
    """
    return tuple(lease for lease in snapshot.others if _blocks_its_ports(lease, request))


def _fewer_and_fewer(
    blocking_leases: tuple[LeaseSummary, ...], request: AllocationRequest
) -> Iterator[tuple[LeaseSummary, ...]]:
    """Yield the leases that stay: all of them, then always one less, as long as one gives way."""
    yield blocking_leases
    staying_leases = list(blocking_leases)
    for lease in _giving_way(blocking_leases, request):
        staying_leases.remove(lease)
        yield tuple(staying_leases)


def _giving_way(
    blocking_leases: Iterable[LeaseSummary], request: AllocationRequest
) -> list[LeaseSummary]:
    """Return the unused leases that give way, the oldest first.

    The git hook, whose own lease would be unused, takes none.
    """
    if not request.may_take_unused or request.unused:
        return []
    leases = (
        lease
        for lease in blocking_leases
        if lease.unused and not lease.refused and request.is_empty(lease)
    )
    return sorted(leases, key=lambda lease: (lease.allocated_at, lease.session_id))


def _candidates(
    snapshot: StoreSnapshot, request: AllocationRequest, blocking_leases: Iterable[LeaseSummary]
) -> Iterator[PortBlock]:
    """Yield free blocks in order of preference.

    The order is: the session's previous block; blocks that no other session used before; other free
    blocks; blocks that contain a port which this session pins; blocks in cool-down.
    """
    grid = request.grid
    # Use slot numbers: comparing each block with each lease would lock the store for too long.
    blocked_slots = _slots(
        grid, (ports for lease in blocking_leases for ports in lease.all_ports())
    )
    blocked_slots |= _slots(grid, (block for block in request.avoid if grid.has(block)))
    cooldown_slots = _slots(
        grid, (cooldown.block for cooldown in snapshot.cooldowns if cooldown.until > request.now)
    )
    pinned_slots = _slots(grid, (PortBlock(port, 1) for port in request.pins.values()))
    remembered_slots = _slots(
        grid, (lease.block for lease in snapshot.others if grid.has(lease.block))
    )
    free_slots = [slot for slot in range(grid.slots) if slot not in blocked_slots]
    regular_slots = [slot for slot in free_slots if slot not in cooldown_slots]
    unpinned_slots = [slot for slot in regular_slots if slot not in pinned_slots]
    previous_slots = [slot for slot in _own_slots(snapshot, grid) if slot in regular_slots]
    fresh_slots = (slot for slot in unpinned_slots if slot not in remembered_slots)
    yield from map(
        grid.block, chain(previous_slots, fresh_slots, unpinned_slots, regular_slots, free_slots)
    )


def _own_slots(snapshot: StoreSnapshot, grid: PortGrid) -> Iterable[int]:
    """Return the slot of the session's previous block; empty if it is not in the grid."""
    lease = snapshot.own
    return grid.slots_of(lease.block) if lease is not None and grid.has(lease.block) else ()


def _slots(grid: PortGrid, ports: Iterable[PortBlock]) -> set[int]:
    return {slot for block in ports for slot in grid.slots_of(block)}


def _blocks_its_ports(hold: LeaseSummary, request: AllocationRequest) -> bool:
    is_expired = hold.expires_at <= request.now and not hold.refused
    return hold.held and not (is_expired and request.idle(hold))


def _no_ports(
    snapshot: StoreSnapshot,
    request: AllocationRequest,
    blocking_leases: tuple[LeaseSummary, ...],
) -> NoPortsAvailableError:
    grid = request.grid
    held_count = sum(lease.held for lease in snapshot.others)
    busy_count = len(request.avoid)
    pinned_count = len(_only_pinned(request, blocking_leases))
    reason = f"{held_count} held by other sessions"
    if pinned_count:
        reason += f", {pinned_count} with a port that another session has pinned"
    if busy_count:
        reason += f", {busy_count} with a port that something else uses"
    more = _more_sessions(grid)
    way_out = (
        f"`composeports settings set max_sessions {more}` makes room for more sessions (where "
        "PORT_ALLOC_MAX_SESSIONS is set, raise that)"
        if more
        else "no more blocks fit: a lower PORT_ALLOC_RANGE or PORT_ALLOC_BASE makes room"
    )
    return NoPortsAvailableError(
        f"no block of ports is free: of {grid.slots}, {reason}",
        hint=f"{_who_has_blocks(held_count, busy_count)}; {way_out}",
        max_sessions=grid.slots,
        suggested_max_sessions=more,
        held=held_count,
        busy_blocks=sorted(block.start for block in request.avoid),
    )


def _who_has_blocks(held_count: int, busy_count: int) -> str:
    """Return the step that frees a block that a session holds, or else one with a used port."""
    if not held_count and busy_count:
        return "end a program that uses a port of a block (`docker ps` and `ss -lntp` show them)"
    return "`composeports status` shows who holds them; end one with `composeports down` there"


def _more_sessions(grid: PortGrid) -> int:
    """Return a higher number of sessions whose blocks are accepted; 0 if there is none.

    It is 100 or twice the number, if so many blocks fit below the last port.
    """
    most = (HIGHEST_PORT - grid.base) // grid.size
    return min(most, max(ROUND_NUMBER, 2 * grid.slots)) if most > grid.slots else 0


def _only_pinned(
    request: AllocationRequest, blocking_leases: tuple[LeaseSummary, ...]
) -> list[PortBlock]:
    """Return the blocks that are blocked only by another session's pinned port."""
    pinned_ports = [port for lease in blocking_leases for port in lease.pins]
    return [
        block
        for block in request.grid.blocks()
        if any(port in block for port in pinned_ports)
        if not any(lease.block.overlaps(block) for lease in blocking_leases)
    ]
