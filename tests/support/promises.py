"""Sessions, time, engine and crashes with one store, and a simple model of the promises.

No two held leases share a port, a subnet or a project. A lease is never handed out while it has
not expired, its project runs, or the engine does not answer. The same session gets the same block
as long as no other session needed it. A lease lasts for its time to live, even if the clock is
changed. An operation that did not finish has changed nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from composeports.core.allocation import claim, release, renew, rolled_back, with_cooldown
from composeports.core.allocation_request import UNKNOWN, AllocationRequest, RunningProjects
from composeports.core.clock import ClockReading
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock, PortGrid
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.core.subnet import overlapping
from composeports.core.subnets import SubnetNeed, assign_subnets
from composeports.errors import NoPortsAvailableError, NoSubnetsAvailableError, PortHeldError
from composeports.stores.base import Store

SESSIONS = ("a", "b", "c")
GRID = PortGrid(10000, 10, 2)
BLOCKS = tuple(GRID.blocks())
TTL_MINUTES = 2
POOL = "10.213.0.0/22"
ASIDE_SECONDS = 600
# Outside of the grid, and in its first and last block.
PINS = (3000, 3001, 10004, 10019)
# Longer than a clock error that is tolerated, and never the sum of two others.
JUMPS = (-86400, -3600, 3600, 86400)


class CrashError(Exception):
    """A process that is no more."""


@dataclass
class Clock:
    """The two clocks of a machine, in whole seconds, so that sums are exact."""

    wall: float = 1_000_000.0
    steady: float = 500.0

    def read(self) -> ClockReading:
        """Return the clocks' times."""
        return ClockReading("boot", self.wall, self.steady)

    def run(self, seconds: float) -> None:
        """Move the clocks forward."""
        self.wall += seconds
        self.steady += seconds


@dataclass(frozen=True)
class Held:
    """What the model knows of a held lease; it ends at `until` of the steady clock."""

    block: PortBlock
    project: str
    pins: frozenset[int]
    subnets: frozenset[str]
    until: float
    unused: bool = False

    def has(self, port: int) -> bool:
        """Return True if the port is this lease's."""
        return port in self.block or port in self.pins


@dataclass
class Model:
    """The promises that can be stated without a store."""

    held: dict[str, Held] = field(default_factory=dict)
    projects: dict[str, str] = field(default_factory=dict)
    # The block that a session had last, unless another session has needed it since.
    homes: dict[str, PortBlock] = field(default_factory=dict)
    aside: dict[PortBlock, float] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    engine_answers: bool = True

    def may_go(self, session: str, now: float) -> bool:
        """Return True if another session may get the session's lease."""
        idle = self.engine_answers and session not in self.running
        return idle and self.held[session].until <= now

    def gives_way(self, session: str) -> bool:
        """Return True if another session may get the lease when no block is free."""
        idle = self.engine_answers and session not in self.running
        return idle and self.held[session].unused

    def standing(self, session: str, now: float, *, may_take_unused: bool = False) -> list[Held]:
        """Return the leases of others that have to stay."""
        return [
            held
            for name, held in self.held.items()
            if name != session and not self.may_go(name, now)
            if not (may_take_unused and self.gives_way(name))
        ]


class Promises(RuleBasedStateMachine):
    """Whatever sessions, time, engine and crashes do, in any order."""

    store: Store

    def open(self, clock: Clock) -> Store:
        """Return the store, with all that it knew when it was open before."""
        raise NotImplementedError

    def tear(self) -> None:
        """Die in the middle of a write; nothing of it may be seen."""

    def teardown(self) -> None:
        """Close the store."""
        self.store.close()

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.model = Model()
        self.store = self.open(self.clock)

    # What sessions do

    @rule(session=st.sampled_from(SESSIONS))
    def claim_alone(self, session: str) -> None:
        """Claim nothing but a block, as most do."""
        self.claim(session, frozenset(), 0)

    @rule(
        session=st.sampled_from(SESSIONS),
        pins=st.frozensets(st.sampled_from(PINS), max_size=1),
        networks=st.integers(0, 2),
    )
    def claim(self, session: str, pins: frozenset[int], networks: int) -> None:
        request = self._request(session, pins)
        try:
            outcome = self.store.update(
                session, lambda snapshot: _claimed(snapshot, request, networks)
            )
        except NoPortsAvailableError:
            self._no_block_was_left(session)
        except PortHeldError:
            standing = self.model.standing(session, self.clock.steady)
            assert any(held.has(port) for held in standing for port in pins)
        except NoSubnetsAvailableError:
            assert networks
        else:
            self._granted(session, outcome)

    @rule(session=st.sampled_from(SESSIONS))
    def claim_by_hook(self, session: str) -> None:
        """Claim a block in advance, as the git hook does; it is unused until a command uses it."""
        request = self._request(session, frozenset())._replace(unused=True)
        try:
            outcome = self.store.update(session, lambda snapshot: claim(snapshot, request))
        except NoPortsAvailableError:
            self._no_block_was_left(session)
        else:
            was_used = session in self.model.held and not self.model.held[session].unused
            assert outcome.granted.unused is not was_used
            self._granted(session, outcome)

    @rule(session=st.sampled_from(SESSIONS))
    def claim_from_others(self, session: str) -> None:
        """Claim a block from a session that has not used it, if no other is left."""
        request = self._request(session, frozenset())._replace(may_take_unused=True)
        try:
            outcome = self.store.update(session, lambda snapshot: claim(snapshot, request))
        except NoPortsAvailableError:
            self._no_block_was_left(session, may_take_unused=True)
        else:
            now = self.clock.steady
            if not all(self.model.may_go(name, now) for name in outcome.reclaimed):
                self._no_block_was_left(session)
            self._granted(session, outcome, may_take_unused=True)

    @rule(session=st.sampled_from(SESSIONS))
    def renew(self, session: str) -> None:
        self.store.update(session, lambda snapshot: renew(snapshot, self.clock.wall))
        if session in self.model.held:
            self._extend(session)
            self.model.held[session] = replace(self.model.held[session], unused=False)

    @rule(session=st.sampled_from(SESSIONS))
    def release(self, session: str) -> None:
        """Release, as the use cases do it: never while the stack runs."""
        if session not in self.model.running:
            self.store.update(session, release)
            self.model.held.pop(session, None)

    @rule(session=st.sampled_from(SESSIONS))
    def take_back(self, session: str) -> None:
        """Forget a session, as the use cases do after a first claim that led to nothing."""
        if session not in self.model.running:
            self.store.update(session, lambda snapshot: rolled_back(snapshot, None))
            for known in (self.model.held, self.model.homes, self.model.projects):
                known.pop(session, None)

    @rule(block=st.sampled_from(BLOCKS))
    def set_aside(self, block: PortBlock) -> None:
        now = self.clock.wall
        self.store.update("a", lambda snapshot: _aside(snapshot, block, now))
        self.model.aside[block] = self.clock.steady + ASIDE_SECONDS

    # What the engine does

    @rule(session=st.sampled_from(SESSIONS))
    def start_stack(self, session: str) -> None:
        if session in self.model.held:
            self.model.running.add(session)

    @rule(session=st.sampled_from(SESSIONS))
    def stop_stack(self, session: str) -> None:
        self.model.running.discard(session)

    @rule(answers=st.booleans())
    def reach_engine(self, answers: bool) -> None:
        self.model.engine_answers = answers

    # What time does

    @rule(seconds=st.sampled_from([1, 90, TTL_MINUTES * 60, ASIDE_SECONDS]))
    def pass_time(self, seconds: int) -> None:
        self.clock.run(seconds)

    @rule(seconds=st.sampled_from(JUMPS))
    def set_clock(self, seconds: int) -> None:
        self.clock.wall += seconds

    # What goes wrong

    @rule(session=st.sampled_from(SESSIONS))
    def crash_while_deciding(self, session: str) -> None:
        request = self._request(session, frozenset())

        def decide(snapshot: StoreSnapshot) -> StoreUpdate:
            claim(snapshot, request)
            raise CrashError

        try:
            self.store.update(session, decide)
        except (CrashError, NoPortsAvailableError):
            return
        raise AssertionError("what decide raised did not pass through")

    @rule()
    def tear_a_write(self) -> None:
        self.tear()

    @precondition(lambda self: bool(self.model.held))
    @rule()
    def reopen(self) -> None:
        self.store = self.open(self.clock)

    # What has to hold after every step

    @invariant()
    def the_store_has_what_was_promised(self) -> None:
        leases = {lease.session_id: lease for lease in self.store.held()}
        assert {name: self._known(lease) for name, lease in leases.items()} == self.model.held

    @invariant()
    def nothing_is_shared(self) -> None:
        leases = self.store.held()
        for index, one in enumerate(leases):
            for two in leases[index + 1 :]:
                assert _ports(one).isdisjoint(_ports(two))
                assert not overlapping(one.subnets.values(), two.subnets.values())
                assert one.project != two.project

    def _known(self, lease: Lease) -> Held:
        """Return a lease as the model sees one."""
        return Held(
            lease.block,
            lease.project,
            frozenset(lease.pins.values()),
            frozenset(lease.subnets.values()),
            lease.expires_at - self.clock.wall + self.clock.steady,
            lease.unused,
        )

    def _request(self, session: str, pins: frozenset[int]) -> AllocationRequest:
        running = frozenset(self.model.held[name].project for name in self.model.running)
        answers = self.model.engine_answers
        liveness = RunningProjects(known=True, running=running) if answers else UNKNOWN
        named: Mapping[str, int] = {f"web:{port}/tcp": port for port in pins}
        return AllocationRequest(session, GRID, self.clock.wall, TTL_MINUTES, liveness, pins=named)

    def _granted(
        self, session: str, outcome: StoreUpdate, *, may_take_unused: bool = False
    ) -> None:
        model, now = self.model, self.clock.steady
        lease = self._known(outcome.granted)
        for name in outcome.reclaimed:
            gives_way = may_take_unused and model.gives_way(name)
            assert model.may_go(name, now) or gives_way, f"{name} was robbed"
            del model.held[name]
        for name, _ in outcome.extended:
            assert name in model.running
            self._extend(name)
        self._is_home(session, lease)
        assert lease.until == now + TTL_MINUTES * 60
        assert model.projects.setdefault(session, lease.project) == lease.project
        model.held[session] = lease
        model.homes[session] = lease.block
        for name, home in list(model.homes.items()):
            needed = home.overlaps(lease.block) or any(port in home for port in lease.pins)
            if name != session and needed:
                del model.homes[name]

    def _is_home(self, session: str, lease: Held) -> None:
        """Check that the session gets its block again, if no other session has needed it."""
        model, now = self.model, self.clock.steady
        home = model.homes.get(session)
        if home is None:
            return
        set_aside = any(until > now for block, until in model.aside.items() if block == home)
        if session in model.held or not set_aside:
            assert lease.block == home, f"{session} was at {home} and is at {lease.block}"

    def _no_block_was_left(self, session: str, *, may_take_unused: bool = False) -> None:
        now = self.clock.steady
        standing = self.model.standing(session, now, may_take_unused=may_take_unused)
        for block in BLOCKS:
            assert any(
                held.block.overlaps(block) or any(port in block for port in held.pins)
                for held in standing
            ), f"{block} was free"

    def _extend(self, session: str) -> None:
        until = self.clock.steady + TTL_MINUTES * 60
        self.model.held[session] = replace(self.model.held[session], until=until)


def _claimed(snapshot: StoreSnapshot, request: AllocationRequest, networks: int) -> StoreUpdate:
    outcome = claim(snapshot, request)
    needs = [
        SubnetNeed(f"net#{number}", "net", "172.16.0.0/24", 24, 4) for number in range(networks)
    ]
    lease = outcome.granted
    subnets = assign_subnets(needs, lease.subnets, snapshot.held_subnets, POOL)
    return outcome._replace(lease=lease._replace(subnets=subnets))


def _aside(snapshot: StoreSnapshot, block: PortBlock, now: float) -> StoreUpdate:
    return StoreUpdate(snapshot.own, cooldowns=with_cooldown(snapshot, block, now))


def _ports(lease: Lease) -> set[int]:
    return {*range(lease.block.start, lease.block.last + 1), *lease.pins.values()}
