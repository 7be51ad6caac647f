"""Decisions about leases of port blocks: claim, renew, release and reclaim.

Each decision takes a snapshot of the store and returns the update that the store must write.
"""

from collections.abc import Iterable, Mapping

from composeports.core.allocation_request import AllocationRequest
from composeports.core.block_choice import choose_block, leases_that_block
from composeports.core.engine_identity import NOWHERE, Viewpoint
from composeports.core.engine_traits import SAME
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.other_engine import reject_other_engine
from composeports.core.ports import PortBlock
from composeports.core.project_name import prefix_of, with_prefix
from composeports.core.session import check_session_id, project_name
from composeports.core.session_name import default_name, unique_name
from composeports.core.snapshot import CooldownBlock, LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.core.subnet import overlapping
from composeports.errors import PortHeldError

# Length of the cool-down of a block after another program took one of its ports.
COOLDOWN_MINUTES = 10


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
    block = choose_block(snapshot, request)
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
    blocking_leases = leases_that_block(snapshot, request)
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

    A reclaimed lease was expired or unused, and its stack was not running; its session loses all of
    its ports.
    """
    own = snapshot.own
    was_used = own is not None and own.held and not own.unused
    if request.view.engine:
        lease = lease._replace(engine=request.view.engine, traits=request.view.traits.kept)
    lease = lease._replace(store=snapshot.store).at(request.place)
    lease = lease._replace(name=_name(snapshot, lease), unused=request.unused and not was_used)
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
    """Return the session's lease, with a new project name if its name is taken or left.

    A name in `request.taken` is taken. The lease then has no Compose invocation, marks and tags,
    because the new project is empty. A released lease leaves the name `request.empty_project`.
    """
    lease = snapshot.own
    if lease is None:
        return None
    if lease.project in request.taken:
        name = _free_name(snapshot, request, prefix_of(lease.project))
        return lease._replace(project=name, stack=ComposeInvocation(), marks=None, tags=None)
    if lease.held or lease.project != request.empty_project:
        return lease
    name = with_prefix(lease.project, request.prefix)
    if name in _used_names(snapshot, request):
        name = _free_name(snapshot, request, request.prefix)
    return lease._replace(project=name, marks=None, tags=None)


def _free_name(snapshot: StoreSnapshot, request: AllocationRequest, prefix: str) -> str:
    return project_name(request.session_id, _used_names(snapshot, request), prefix)


def _used_names(snapshot: StoreSnapshot, request: AllocationRequest) -> frozenset[str]:
    return request.taken | {lease.project for lease in snapshot.others}


def _without(subnets: Mapping[str, str], taken: Iterable[str]) -> dict[str, str]:
    conflicts = overlapping(subnets.values(), taken)
    return {key: subnet for key, subnet in subnets.items() if subnet not in conflicts}


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
    *,
    is_hook: bool = False,
) -> StoreUpdate:
    """Return the update that extends a held lease by its own time to live.

    A command that renews a lease uses it; only the git hook (`is_hook`) leaves an unused lease
    unused. A released or unknown lease is not changed. If the engine in `view` is the engine of the
    lease, its current traits are stored in the lease.
    """
    lease = snapshot.own
    if lease is None or not lease.held:
        return StoreUpdate()
    if lease.engine and view.engine and view.sameness(lease) == SAME:
        lease = lease._replace(traits=view.traits.kept)
    lease = lease._replace(unused=lease.unused and is_hook)
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
