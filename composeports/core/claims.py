"""Who gets which block: claim, renew, release and reclaim, as decisions over what a store knows."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from composeports.core.block import Block, Grid
from composeports.core.lease import Lease, Place
from composeports.core.session import check_session_id, project_name
from composeports.errors import NoPortsAvailableError


@dataclass(frozen=True, slots=True)
class Hold:
    """What a decision needs to know of another session's lease, held or remembered."""

    session_id: str
    block: Block
    project: str
    expires_at: float
    held: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a store knows, seen from one session, in one instant."""

    own: Lease | None = None
    others: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class Liveness:
    """Which projects have running containers; `known` is False when the engine did not answer."""

    known: bool
    running: frozenset[str] = frozenset()

    def idle(self, project: str) -> bool:
        """Tell whether the engine said that nothing of `project` runs."""
        return self.known and project not in self.running


NOTHING_RUNS = Liveness(known=True)
UNKNOWN = Liveness(known=False)


@dataclass(frozen=True, slots=True)
class Request:
    """What a session asks for. `ttl_minutes` counts from `now` (seconds since the epoch)."""

    session_id: str
    grid: Grid
    now: float
    ttl_minutes: int
    liveness: Liveness = UNKNOWN
    place: Place = field(default_factory=Place)
    avoid: frozenset[Block] = frozenset()
    prefix: str = "ac"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a store writes in one transaction.

    `lease` replaces the session's own record (`forget` deletes it instead); the sessions in
    `reclaimed` keep their memory and lose their hold; `extended` moves other leases' `expires_at`.
    """

    lease: Lease | None = None
    forget: bool = False
    reclaimed: tuple[str, ...] = ()
    extended: tuple[tuple[str, float], ...] = ()

    @property
    def granted(self) -> Lease:
        """The lease that a claim gave, which no other outcome has to have."""
        if self.lease is None:
            message = "this outcome gives no lease"
            raise ValueError(message)
        return self.lease


def claim(ledger: Ledger, request: Request) -> Outcome:
    """Give the session its block: the one it holds, the one it had, else the lowest free one.

    NoPortsAvailableError when there is none; the store then writes nothing.
    """
    check_session_id(request.session_id)
    own = ledger.own
    if own is not None and own.held and _keeps(own, request):
        return Outcome(own.renewed(request.now, request.ttl_minutes).at(request.place))
    block = next(_candidates(ledger, request), None)
    if block is None:
        raise _no_ports(ledger, request)
    return _granted(ledger, request, block)


def _keeps(own: Lease, request: Request) -> bool:
    """Tell whether a session stays on its block; a changed grid moves it once nothing runs."""
    if own.block in request.avoid:
        return False
    return own.block in request.grid or not request.liveness.idle(own.project)


def _granted(ledger: Ledger, request: Request, block: Block) -> Outcome:
    lost = [hold for hold in ledger.others if hold.held and hold.block.overlaps(block)]
    until = request.now + request.ttl_minutes * 60
    return Outcome(
        lease=_fresh(ledger, request, block),
        reclaimed=tuple(hold.session_id for hold in lost),
        extended=tuple(
            (hold.session_id, until)
            for hold in ledger.others
            if hold.held and hold.expires_at <= request.now and hold not in lost
            if hold.project in request.liveness.running
        ),
    )


def _fresh(ledger: Ledger, request: Request, block: Block) -> Lease:
    """Return a new lease; what the session is remembered for (project, offsets) is kept."""
    until = request.now + request.ttl_minutes * 60
    if ledger.own is None:
        taken = {hold.project for hold in ledger.others}
        name = project_name(request.session_id, taken, request.prefix)
        lease = Lease(request.session_id, block, name, request.now, until)
    else:
        lease = replace(
            ledger.own, block=block, allocated_at=request.now, ports={}, urls={}, environment=()
        )
    return lease.renewed(request.now, request.ttl_minutes).at(request.place)


def _candidates(ledger: Ledger, request: Request) -> Iterator[Block]:
    """Yield free blocks: the session's earlier one, those nobody remembers, then the rest."""
    standing = [hold.block for hold in ledger.others if _stands(hold, request)]
    remembered = {hold.block for hold in ledger.others}
    free = [
        block
        for block in request.grid.blocks()
        if block not in request.avoid and not any(map(block.overlaps, standing))
    ]
    if ledger.own is not None and ledger.own.block in free:
        yield ledger.own.block
    yield from (block for block in free if block not in remembered)
    yield from free


def _stands(hold: Hold, request: Request) -> bool:
    """Tell whether a hold keeps its block: held, and not both expired and known to be idle."""
    expired = hold.expires_at <= request.now
    return hold.held and not (expired and request.liveness.idle(hold.project))


def _no_ports(ledger: Ledger, request: Request) -> NoPortsAvailableError:
    grid = request.grid
    held = sum(hold.held for hold in ledger.others)
    busy = len(request.avoid)
    reason = f"{held} held by other sessions"
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


def release(ledger: Ledger) -> Outcome:
    """End the session's hold and keep its memory; nothing to do for an unknown session."""
    return Outcome(ledger.own.released() if ledger.own is not None else None)


def renew(ledger: Ledger, now: float, place: Place | None = None) -> Outcome:
    """Extend a held lease by its own time to live; a released or unknown one stays so."""
    own = ledger.own
    if own is None or not own.held:
        return Outcome()
    return Outcome(own.renewed(now, own.ttl_minutes).at(place or own.place))
