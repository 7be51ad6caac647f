"""Decisions about leases of port blocks: claim, renew, release and reclaim.

Each decision takes a snapshot of the store and returns the update that the store must write.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple, Self

from composeports.core.engine_identity import NOWHERE, Viewpoint
from composeports.core.engine_traits import SAME
from composeports.core.labels import Mark
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.other_engine import reject_other_engine
from composeports.core.ownership import Owner
from composeports.core.ports import HIGHEST_PORT, PortBlock, PortGrid
from composeports.core.session import check_session_id, project_name
from composeports.core.session_name import default_name, unique_name
from composeports.core.snapshot import CooldownBlock, LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.core.subnet import overlapping
from composeports.errors import NoPortsAvailableError, PortHeldError

# Length of the cool-down of a block after another program took one of its ports.
COOLDOWN_MINUTES = 10
# The number of sessions that is suggested when all blocks of a smaller number are held.
ROUND_NUMBER = 100


class RunningProjects(NamedTuple):
    """Projects with running containers; `known` is False if the engine did not answer."""

    known: bool
    running: frozenset[str] = frozenset()

    def idle(self, project: str) -> bool:
        """Return True if the engine answered and no container of `project` is running."""
        return self.known and project not in self.running

    def with_running(self, projects: Iterable[str]) -> Self:
        """Return a copy with additional running projects."""
        return self._replace(running=self.running.union(projects))


NOTHING_RUNS = RunningProjects(known=True)
UNKNOWN = RunningProjects(known=False)


class AllocationRequest(NamedTuple):
    """A session's request for a block of ports.

    `ttl_minutes` counts from `now` (seconds since the epoch). `pins` maps keys such as
    `"web:3000/tcp"` to the host ports that the session must get. `view` is the engine that was
    queried, and `liveness` is the answer of that engine. `marked` contains the project and the mark
    of each container on it. `adopt_allowed` is True if the user says (--adopt) that a stack which
    may be on another engine with the same id is on this engine. `taken` are project names that are
    in use on the engine and unknown to the store.
    """

    session_id: str
    grid: PortGrid
    now: float
    ttl_minutes: int
    liveness: RunningProjects = UNKNOWN
    place: WorktreeLocation = WorktreeLocation()
    avoid: frozenset[PortBlock] = frozenset()
    prefix: str = "ac"
    pins: Mapping[str, int] = {}
    view: Viewpoint = NOWHERE
    marked: frozenset[tuple[str, Mark]] = frozenset()
    adopt_allowed: bool = False
    taken: frozenset[str] = frozenset()

    def idle(self, of: Lease | LeaseSummary) -> bool:
        """Return True if the engine answered and nothing of the lease's stack is running.

        Return False if the stack may be on another engine, because the answer does not apply to it.
        """
        return self.view.is_same(of) and self.liveness.idle(of.project)

    def has_containers(self, of: Lease) -> bool:
        """Return True if the engine has containers with the mark of this lease."""
        owner = Owner.of(of)
        marks = (mark for project, mark in self.marked if project == of.project)
        return any(map(owner.has_marked, marks))


def claim(snapshot: StoreSnapshot, request: AllocationRequest) -> StoreUpdate:
    """Return the update that gives the session a block of ports.

    The session keeps the block that it holds. Otherwise it gets its previous block, or else the
    lowest free one. The pins of the lease are replaced by `request.pins`.

    Raise PortHeldError if another session holds one of the pinned ports, NoPortsAvailableError if
    no block is free, and OtherEngineError if the session's stack is on another engine. After an
    error, the store writes nothing.
    """
    check_session_id(request.session_id)
    lease = snapshot.own
    has_containers = lease is not None and request.has_containers(lease)
    reject_other_engine(
        lease, request.view, marked=has_containers, adopt_allowed=request.adopt_allowed
    )
    _refuse_held_pins(snapshot, request)
    snapshot = snapshot._replace(own=_renamed(snapshot, request))
    lease = snapshot.own
    if lease is not None and lease.held and _keeps(lease, request):
        return _granted(snapshot, request, lease._replace(pins=dict(request.pins)))
    block = next(_candidates(snapshot, request), None)
    if block is None:
        raise _no_ports(snapshot, request)
    outcome = _granted(snapshot, request, _fresh(snapshot, request, block))
    return outcome._replace(extended=_extended(snapshot, request, outcome.reclaimed))


def _keeps(own: Lease, request: AllocationRequest) -> bool:
    """Return True if the session keeps its block.

    After a change of the grid, the session moves to another block once its stack is not running.
    """
    if own.block in request.avoid:
        return False
    return request.grid.has(own.block) or not request.idle(own)


def _refuse_held_pins(snapshot: StoreSnapshot, request: AllocationRequest) -> None:
    if not request.pins:
        return
    blocking_leases = [lease for lease in snapshot.others if _blocks_its_ports(lease, request)]
    for key, port in request.pins.items():
        for lease in blocking_leases:
            if lease.has(port):
                raise _port_held(key, port, lease)


def _port_held(key: str, port: int, hold: LeaseSummary) -> PortHeldError:
    reason = "pinned" if port in hold.pins else f"in the block {hold.block.start}-{hold.block.last}"
    location = f" in {hold.directory}" if hold.directory else ""
    return PortHeldError(
        f"port {port}, which {key} has to have, is held by the session {hold.session_id}{location} "
        f"({reason})",
        hint="`composeports down` there frees it; or give this session another port",
        port=port,
        key=key,
        holder=hold.session_id,
        directory=hold.directory,
    )


def _granted(snapshot: StoreSnapshot, request: AllocationRequest, lease: Lease) -> StoreUpdate:
    """Return the update that renews the lease and reclaims leases that share a port with it.

    A reclaimed lease was expired and its stack was not running; its session loses all of its ports.
    """
    if request.view.engine:
        lease = lease._replace(engine=request.view.engine, traits=request.view.traits.kept)
    lease = lease._replace(store=snapshot.store).at(request.place)
    lease = lease._replace(name=_name(snapshot, lease))
    return StoreUpdate(
        lease=lease.renewed(request.now, request.ttl_minutes),
        reclaimed=tuple(
            other_lease.session_id
            for other_lease in snapshot.others
            if other_lease.held and not other_lease.refused
            if other_lease.shares_port(lease.block, lease.pins.values())
        ),
    )


def _name(snapshot: StoreSnapshot, lease: Lease) -> str:
    """Return the readable name of the session, which no other session with a lease has.

    A held lease keeps its name. A released lease keeps it if no other session got it meanwhile.
    """
    own = snapshot.own
    if own is not None and own.held and own.name:
        return own.name
    if lease.name and lease.name not in snapshot.held_names:
        return lease.name
    return unique_name(default_name(lease.session_id, lease.place), snapshot.held_names)


def _extended(
    snapshot: StoreSnapshot, request: AllocationRequest, reclaimed: tuple[str, ...]
) -> tuple[tuple[str, float], ...]:
    """Return expired leases whose stacks are running, each with a new expiry time.

    Each item is a session id and a time in seconds since the epoch.
    """
    expires_at = request.now + request.ttl_minutes * 60
    return tuple(
        (lease.session_id, expires_at)
        for lease in snapshot.others
        if lease.held and lease.expires_at <= request.now and lease.session_id not in reclaimed
        if not lease.refused
        if lease.project in request.liveness.running
    )


def _fresh(snapshot: StoreSnapshot, request: AllocationRequest, block: PortBlock) -> Lease:
    """Return a new lease on the block, with the session's remembered project name and offsets.

    The session also keeps its remembered subnets, except those that another session holds now.
    """
    pins = dict(request.pins)
    if snapshot.own is None:
        name = _free_name(snapshot, request, request.prefix)
        return Lease(request.session_id, block, name, request.now, request.now, pins=pins)
    subnets = _without(snapshot.own.subnets, snapshot.held_subnets)
    return snapshot.own._replace(
        block=block,
        allocated_at=request.now,
        ports={},
        urls={},
        environment=(),
        pins=pins,
        subnets=subnets,
        # A stack that moves to another block keeps its volumes and networks, so the marks stay
        # valid. For a new stack, the engine is queried again.
        marks=snapshot.own.marks if snapshot.own.held else None,
    )


def _renamed(snapshot: StoreSnapshot, request: AllocationRequest) -> Lease | None:
    """Return the session's lease, with a new project name if its name is in `request.taken`.

    The renamed lease has no Compose invocation, marks and tags, because the new project is empty.
    """
    lease = snapshot.own
    if lease is None or lease.project not in request.taken:
        return lease
    name = _free_name(snapshot, request, lease.project.rpartition("-")[0])
    return lease._replace(project=name, stack=ComposeInvocation(), marks=None, tags=None)


def _free_name(snapshot: StoreSnapshot, request: AllocationRequest, prefix: str) -> str:
    used_names = request.taken | {lease.project for lease in snapshot.others}
    return project_name(request.session_id, used_names, prefix)


def _without(subnets: Mapping[str, str], taken: Iterable[str]) -> dict[str, str]:
    conflicts = overlapping(subnets.values(), taken)
    return {key: subnet for key, subnet in subnets.items() if subnet not in conflicts}


def _candidates(snapshot: StoreSnapshot, request: AllocationRequest) -> Iterator[PortBlock]:
    """Yield free blocks in order of preference.

    The order is: the session's previous block; blocks that no other session used before; other free
    blocks; blocks that contain a port which this session pins; blocks in cool-down.
    """
    grid = request.grid
    # Use slot numbers: comparing each block with each lease would lock the store for too long.
    blocking_leases = (lease for lease in snapshot.others if _blocks_its_ports(lease, request))
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
    unused_slots = (slot for slot in unpinned_slots if slot not in remembered_slots)
    yield from map(
        grid.block, chain(previous_slots, unused_slots, unpinned_slots, regular_slots, free_slots)
    )


def _own_slots(snapshot: StoreSnapshot, grid: PortGrid) -> Iterable[int]:
    """Return the slot of the session's previous block; empty if it is not in the grid."""
    lease = snapshot.own
    return grid.slots_of(lease.block) if lease is not None and grid.has(lease.block) else ()


def _slots(grid: PortGrid, ports: Iterable[PortBlock]) -> set[int]:
    return {slot for block in ports for slot in grid.slots_of(block)}


def with_cooldown(
    snapshot: StoreSnapshot, block: PortBlock, now: float
) -> tuple[CooldownBlock, ...]:
    """Return all blocks in cool-down, including `block`.

    The cool-down of `block` ends COOLDOWN_MINUTES after `now`. Blocks whose cool-down is over are
    left out. `now` is in seconds since the epoch.
    """
    cooldowns = (
        cooldown
        for cooldown in snapshot.cooldowns
        if cooldown.until > now and cooldown.block != block
    )
    return (*cooldowns, CooldownBlock(block, now + COOLDOWN_MINUTES * 60))


def _blocks_its_ports(hold: LeaseSummary, request: AllocationRequest) -> bool:
    """Return True while another session's lease blocks its ports.

    The lease must be held, and either not expired or possibly running. An unsound record
    (`refused`) that is held always blocks its ports: it does not show what is running on them.
    """
    is_expired = hold.expires_at <= request.now and not hold.refused
    return hold.held and not (is_expired and request.idle(hold))


def _no_ports(snapshot: StoreSnapshot, request: AllocationRequest) -> NoPortsAvailableError:
    grid = request.grid
    held_count = sum(lease.held for lease in snapshot.others)
    busy_count = len(request.avoid)
    pinned_count = len(_only_pinned(snapshot, request))
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
        hint="`composeports status` shows who holds them; end one with `composeports down` there; "
        f"{way_out}",
        max_sessions=grid.slots,
        suggested_max_sessions=more,
        held=held_count,
        busy_blocks=sorted(block.start for block in request.avoid),
    )


def _more_sessions(grid: PortGrid) -> int:
    """Return a higher number of sessions whose blocks are accepted; 0 if there is none.

    It is 100 or twice the number, if so many blocks fit below the last port.
    """
    most = (HIGHEST_PORT - grid.base) // grid.size
    return min(most, max(ROUND_NUMBER, 2 * grid.slots)) if most > grid.slots else 0


def _only_pinned(snapshot: StoreSnapshot, request: AllocationRequest) -> list[PortBlock]:
    """Return the blocks that are blocked only by another session's pinned port."""
    blocking_leases = [lease for lease in snapshot.others if _blocks_its_ports(lease, request)]
    pinned_ports = [port for lease in blocking_leases for port in lease.pins]
    return [
        block
        for block in request.grid.blocks()
        if any(port in block for port in pinned_ports)
        if not any(lease.block.overlaps(block) for lease in blocking_leases)
    ]


def release(snapshot: StoreSnapshot, place: WorktreeLocation | None = None) -> StoreUpdate:
    """Return the update that ends the session's lease and keeps its record.

    If the session is at `place` now, the record remembers that, because the folder that proves a
    move is removed with the stack. For an unknown session the update is empty.
    """
    lease = snapshot.own
    if lease is None:
        return StoreUpdate()
    if place is not None and place.session_id == lease.session_id:
        lease = lease.at(place)
    return StoreUpdate(lease.released())


def renew(
    snapshot: StoreSnapshot,
    now: float,
    place: WorktreeLocation | None = None,
    view: Viewpoint = NOWHERE,
) -> StoreUpdate:
    """Return the update that extends a held lease by its own time to live.

    A released or unknown lease is not changed. If the engine in `view` is the engine of the lease,
    its current traits are stored in the lease.
    """
    lease = snapshot.own
    if lease is None or not lease.held:
        return StoreUpdate()
    if lease.engine and view.engine and view.sameness(lease) == SAME:
        lease = lease._replace(traits=view.traits.kept)
    return StoreUpdate(lease.renewed(now, lease.ttl_minutes).at(place or lease.place))


def reinstated(snapshot: StoreSnapshot) -> StoreUpdate:
    """Return the update that gives a session its lease back.

    Another session's claim had reclaimed the lease, but failed later. For a session without a
    record, or with a held lease, the update is empty.
    """
    lease = snapshot.own
    if lease is None or lease.held:
        return StoreUpdate()
    return rolled_back(snapshot, lease._replace(held=True))


def rolled_back(snapshot: StoreSnapshot, before: Lease | None) -> StoreUpdate:
    """Return the update that restores the session's earlier record `before`.

    Ports and subnets that other sessions hold by now are not restored, nor a name that another
    session has by now. If one of them has a port of
    the block, the lease is restored as released. If `before` is None, the record is deleted.
    """
    if before is None:
        return StoreUpdate(forget=True)
    if not before.held:
        return StoreUpdate(before)
    rivals = [rival for rival in snapshot.others if rival.held]
    if any(rival.shares_port(before.block, ()) for rival in rivals):
        return StoreUpdate(before.released())
    pins = {
        key: port
        for key, port in before.pins.items()
        if not any(rival.has(port) for rival in rivals)
    }
    subnets = _without(before.subnets, snapshot.held_subnets)
    name = before.name and unique_name(before.name, snapshot.held_names)
    return StoreUpdate(before._replace(pins=pins, subnets=subnets, name=name))
