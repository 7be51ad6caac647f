"""Who gets which ports: claim, renew, release and reclaim, as decisions over what a store knows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import NamedTuple, Self

from composeports.core.engine_identity import NOWHERE, Viewpoint
from composeports.core.engine_traits import OTHER, SAME, UNSURE
from composeports.core.labels import Mark
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.ledger import CooldownBlock, LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.core.ownership import Owner
from composeports.core.ports import PortBlock, PortGrid
from composeports.core.session import check_session_id, project_name
from composeports.core.subnet import overlapping
from composeports.errors import NoPortsAvailableError, OtherEngineError, PortHeldError

# How long a block is set aside after somebody else took one of its ports.
SET_ASIDE_MINUTES = 10


class RunningProjects(NamedTuple):
    """Which projects have running containers; `known` is False when the engine did not answer."""

    known: bool
    running: frozenset[str] = frozenset()

    def idle(self, project: str) -> bool:
        """Tell whether the engine said that nothing of `project` runs."""
        return self.known and project not in self.running

    def with_running(self, projects: Iterable[str]) -> Self:
        """Return the same with more projects that run."""
        return self._replace(running=self.running.union(projects))


NOTHING_RUNS = RunningProjects(known=True)
UNKNOWN = RunningProjects(known=False)


class AllocationRequest(NamedTuple):
    """What a session asks for. `ttl_minutes` counts from `now` (seconds since the epoch).

    `pins` are the host ports that it has to have, by keys such as `"web:3000/tcp"`; `view` is the
    engine that is asked for it, and that `liveness` is of. `marked` are the projects and marks of
    its containers; `adopts`: a stack that may be on another engine with the same id is on this one.
    `taken` are project names in use on the engine that the store does not know.
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
    adopts: bool = False
    taken: frozenset[str] = frozenset()

    def idle(self, of: Lease | LeaseSummary) -> bool:
        """Tell whether the engine said that nothing of a lease's stack runs.

        What it says of a stack that may be on another engine means nothing.
        """
        return self.view.is_same(of) and self.liveness.idle(of.project)

    def has_containers(self, of: Lease) -> bool:
        """Tell whether the engine has containers that are marked as a lease's own."""
        owner = Owner.of(of)
        marks = (mark for project, mark in self.marked if project == of.project)
        return any(map(owner.has_marked, marks))


def claim(ledger: StoreSnapshot, request: AllocationRequest) -> StoreUpdate:
    """Give the session its block: the one it holds, the one it had, else the lowest free one.

    With it go the ports in `request.pins`, instead of those that the session had pinned before.
    PortHeldError when another session has one of these, NoPortsAvailableError when there is no
    block, OtherEngineError when the session's own stack is on another engine; the store then writes
    nothing.
    """
    check_session_id(request.session_id)
    own = ledger.own
    marked = own is not None and request.has_containers(own)
    refuse_elsewhere(own, request.view, marked=marked, adopts=request.adopts)
    _refuse_held_pins(ledger, request)
    ledger = replace(ledger, own=_renamed(ledger, request))
    own = ledger.own
    if own is not None and own.held and _keeps(own, request):
        return _granted(ledger, request, replace(own, pins=dict(request.pins)))
    block = next(_candidates(ledger, request), None)
    if block is None:
        raise _no_ports(ledger, request)
    outcome = _granted(ledger, request, _fresh(ledger, request, block))
    return outcome._replace(extended=_extended(ledger, request, outcome.reclaimed))


def refuse_elsewhere(
    own: Lease | None, view: Viewpoint, *, marked: bool = False, adopts: bool = False
) -> None:
    """Do nothing but raise OtherEngineError for a stack that may have been started elsewhere.

    `marked`: the engine that is asked has containers with the lease's marks, which count where its
    traits leave it open. `adopts`: the user says (--adopt) that the stack is there.
    """
    if own is None or not own.held or not own.stack.files or view.is_same(own):
        return
    if not view.has_other_id(own):
        if not adopts and not (marked and view.sameness(own) == UNSURE):
            raise _on_twin(own, view)
        return
    raise OtherEngineError(
        f"the stack {own.project} of this session was started on another engine ({own.engine})",
        hint="choose that engine again (`docker context use`, DOCKER_HOST) and run `composeports "
        "down` there; or give this stack a session of its own with --session",
        project=own.project,
        engine=own.engine,
    )


def _on_twin(own: Lease, view: Viewpoint) -> OtherEngineError:
    sure = view.sameness(own) == OTHER
    where = own.traits.name or own.on_machine or "another machine"
    said = "was" if sure else "may have been"
    return OtherEngineError(
        f"the stack {own.project} of this session {said} started on another engine with the same "
        f"id ({own.engine}), on {where}; nothing was changed",
        hint="if it is this engine (its machine was renamed, its data moved), `composeports up "
        f"--adopt` or `down --adopt` says so; if not, {new_id(view.traits.folder)}",
        project=own.project,
        engine=own.engine,
        name=where,
    )


def new_id(folder: str) -> str:
    """Return how an engine gets an id of its own; `folder` is where its data is."""
    kept = f"{(folder or '/var/lib/docker').rstrip('/')}/engine-id"
    return (
        "give one of the two engines a new id: with its stacks down, "
        f"`rm -f {kept} /etc/docker/key.json`, and restart it; or set COMPOSEPORTS_ENGINE there"
    )


def _keeps(own: Lease, request: AllocationRequest) -> bool:
    """Tell whether a session stays on its block; a changed grid moves it once nothing runs."""
    if own.block in request.avoid:
        return False
    return own.block in request.grid or not request.idle(own)


def _refuse_held_pins(ledger: StoreSnapshot, request: AllocationRequest) -> None:
    if not request.pins:
        return
    standing = [hold for hold in ledger.others if _stands(hold, request)]
    for key, port in request.pins.items():
        for hold in standing:
            if hold.has(port):
                raise _port_held(key, port, hold)


def _port_held(key: str, port: int, hold: LeaseSummary) -> PortHeldError:
    how = "pinned" if port in hold.pins else f"in the block {hold.block.start}-{hold.block.last}"
    place = f" in {hold.directory}" if hold.directory else ""
    return PortHeldError(
        f"port {port}, which {key} has to have, is held by the session {hold.session_id}{place} "
        f"({how})",
        hint="`composeports down` there frees it; or give this session another port",
        port=port,
        key=key,
        holder=hold.session_id,
        directory=hold.directory,
    )


def _granted(ledger: StoreSnapshot, request: AllocationRequest, lease: Lease) -> StoreUpdate:
    """Return the lease renewed; who had one of its ports, and does not stand, loses all of its."""
    if request.view.engine:
        lease = replace(lease, engine=request.view.engine, traits=request.view.traits.kept)
    lease = replace(lease, store=ledger.store)
    return StoreUpdate(
        lease=lease.renewed(request.now, request.ttl_minutes).at(request.place),
        reclaimed=tuple(
            hold.session_id
            for hold in ledger.others
            if hold.held and not hold.refused
            if hold.shares_port(lease.block, lease.pins.values())
        ),
    )


def _extended(
    ledger: StoreSnapshot, request: AllocationRequest, reclaimed: tuple[str, ...]
) -> tuple[tuple[str, float], ...]:
    """Return expired leases whose stacks run, with the time that they get."""
    until = request.now + request.ttl_minutes * 60
    return tuple(
        (hold.session_id, until)
        for hold in ledger.others
        if hold.held and hold.expires_at <= request.now and hold.session_id not in reclaimed
        if not hold.refused
        if hold.project in request.liveness.running
    )


def _fresh(ledger: StoreSnapshot, request: AllocationRequest, block: PortBlock) -> Lease:
    """Return a new lease; what the session is remembered for (project, offsets) is kept.

    So are its subnets, but for those that another session has got meanwhile.
    """
    pins = dict(request.pins)
    if ledger.own is None:
        name = _free_name(ledger, request, request.prefix)
        return Lease(request.session_id, block, name, request.now, request.now, pins=pins)
    subnets = _without(ledger.own.subnets, ledger.held_subnets)
    return replace(
        ledger.own,
        block=block,
        allocated_at=request.now,
        ports={},
        urls={},
        environment=(),
        pins=pins,
        subnets=subnets,
        # A stack that moves has its volumes and networks still; one that begins is looked at.
        marks=ledger.own.marks if ledger.own.held else None,
    )


def _renamed(ledger: StoreSnapshot, request: AllocationRequest) -> Lease | None:
    """Return the session's own lease, renamed if its project name is in `taken`.

    Of a project with another name it has nothing yet.
    """
    own = ledger.own
    if own is None or own.project not in request.taken:
        return own
    name = _free_name(ledger, request, own.project.rpartition("-")[0])
    return replace(own, project=name, stack=ComposeInvocation(), marks=None)


def _free_name(ledger: StoreSnapshot, request: AllocationRequest, prefix: str) -> str:
    taken = request.taken | {hold.project for hold in ledger.others}
    return project_name(request.session_id, taken, prefix)


def _without(subnets: Mapping[str, str], taken: Iterable[str]) -> dict[str, str]:
    lost = overlapping(subnets.values(), taken)
    return {key: subnet for key, subnet in subnets.items() if subnet not in lost}


def _candidates(ledger: StoreSnapshot, request: AllocationRequest) -> Iterator[PortBlock]:
    """Yield free blocks: the session's earlier one, those nobody remembers, then the rest.

    One with a port that the session itself pins comes after those without, and one that is set
    aside comes last.
    """
    grid = request.grid
    # Slots, since comparing each block with each hold takes long while the store is locked.
    standing = (hold for hold in ledger.others if _stands(hold, request))
    taken = _slots(grid, (ports for hold in standing for ports in hold.all_ports()))
    taken |= _slots(grid, (block for block in request.avoid if block in grid))
    aside = _slots(grid, (each.block for each in ledger.set_aside if each.until > request.now))
    pinned = _slots(grid, (PortBlock(port, 1) for port in request.pins.values()))
    remembered = _slots(grid, (hold.block for hold in ledger.others if hold.block in grid))
    free = [slot for slot in range(grid.slots) if slot not in taken]
    good = [slot for slot in free if slot not in aside]
    clear = [slot for slot in good if slot not in pinned]
    own = [slot for slot in _own_slots(ledger, grid) if slot in good]
    unknown = (slot for slot in clear if slot not in remembered)
    yield from map(grid.block, chain(own, unknown, clear, good, free))


def _own_slots(ledger: StoreSnapshot, grid: PortGrid) -> Iterable[int]:
    """Return the slot of the session's earlier block, where that is one of the grid's own."""
    own = ledger.own
    return grid.slots_of(own.block) if own is not None and own.block in grid else ()


def _slots(grid: PortGrid, ports: Iterable[PortBlock]) -> set[int]:
    return {slot for each in ports for slot in grid.slots_of(each)}


def with_cooldown(ledger: StoreSnapshot, block: PortBlock, now: float) -> tuple[CooldownBlock, ...]:
    """Return all that is set aside once `block` is, for a while from `now` (since the epoch)."""
    others = (each for each in ledger.set_aside if each.until > now and each.block != block)
    return (*others, CooldownBlock(block, now + SET_ASIDE_MINUTES * 60))


def _stands(hold: LeaseSummary, request: AllocationRequest) -> bool:
    """Tell whether a hold keeps its block: held, and not both expired and known to be idle.

    Whoever wrote a record that is refused, nothing is known of what runs on its ports.
    """
    expired = hold.expires_at <= request.now and not hold.refused
    return hold.held and not (expired and request.idle(hold))


def _no_ports(ledger: StoreSnapshot, request: AllocationRequest) -> NoPortsAvailableError:
    grid = request.grid
    held = sum(hold.held for hold in ledger.others)
    busy = len(request.avoid)
    pinned = len(_only_pinned(ledger, request))
    reason = f"{held} held by other sessions"
    if pinned:
        reason += f", {pinned} with a port that another session has pinned"
    if busy:
        reason += f", {busy} with a port that something else uses"
    return NoPortsAvailableError(
        f"no block of ports is free: of {grid.slots}, {reason}",
        hint="`composeports status` shows who holds them; end one with `composeports down` there, "
        "or raise PORT_ALLOC_MAX_SESSIONS",
        max_sessions=grid.slots,
        held=held,
        busy_blocks=sorted(block.start for block in request.avoid),
    )


def _only_pinned(ledger: StoreSnapshot, request: AllocationRequest) -> list[PortBlock]:
    """Return the blocks that are not free for nothing but a pinned port in them."""
    standing = [hold for hold in ledger.others if _stands(hold, request)]
    pinned = [port for hold in standing for port in hold.pins]
    return [
        block
        for block in request.grid.blocks()
        if any(port in block for port in pinned)
        if not any(hold.block.overlaps(block) for hold in standing)
    ]


def release(ledger: StoreSnapshot) -> StoreUpdate:
    """End the session's hold and keep its memory; nothing to do for an unknown session."""
    return StoreUpdate(ledger.own.released() if ledger.own is not None else None)


def renew(
    ledger: StoreSnapshot,
    now: float,
    place: WorktreeLocation | None = None,
    view: Viewpoint = NOWHERE,
) -> StoreUpdate:
    """Extend a held lease by its own time to live; a released or unknown one stays so.

    It keeps up with what its engine looks like.
    """
    own = ledger.own
    if own is None or not own.held:
        return StoreUpdate()
    if own.engine and view.engine and view.sameness(own) == SAME:
        own = replace(own, traits=view.traits.kept)
    return StoreUpdate(own.renewed(now, own.ttl_minutes).at(place or own.place))


def reinstated(ledger: StoreSnapshot) -> StoreUpdate:
    """Give a session the hold back that a claim took which led to nothing after all."""
    own = ledger.own
    if own is None or own.held:
        return StoreUpdate()
    return rolled_back(ledger, replace(own, held=True))


def rolled_back(ledger: StoreSnapshot, before: Lease | None) -> StoreUpdate:
    """Put the session's record back to what it was, but for what others have got meanwhile."""
    if before is None:
        return StoreUpdate(forget=True)
    if not before.held:
        return StoreUpdate(before)
    rivals = [hold for hold in ledger.others if hold.held]
    if any(hold.shares_port(before.block, ()) for hold in rivals):
        return StoreUpdate(before.released())
    pins = {
        key: port for key, port in before.pins.items() if not any(hold.has(port) for hold in rivals)
    }
    subnets = _without(before.subnets, ledger.held_subnets)
    return StoreUpdate(replace(before, pins=pins, subnets=subnets))
