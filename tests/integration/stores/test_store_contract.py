"""The contract of stores/base.py: every backend must pass this file unchanged."""

import itertools
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composeports.core.allocation import claim, release, renew, with_cooldown
from composeports.core.allocation_request import (
    NOTHING_RUNS,
    UNKNOWN,
    AllocationRequest,
    RunningProjects,
)
from composeports.core.clock import ClockReading
from composeports.core.engine_address import LOCALHOST
from composeports.core.engine_identity import THIS_MACHINE, EngineIdentity
from composeports.core.engine_traits import EngineTraits
from composeports.core.labels import Mark, Tags
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.ports import PortBlock, PortGrid
from composeports.core.protected_names import is_settable
from composeports.core.service_state import ServiceState
from composeports.core.session import project_name
from composeports.core.session_name import slug
from composeports.core.snapshot import CooldownBlock, LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.core.subnets import SubnetNeed, assign_subnets
from composeports.errors import (
    ComposeportsError,
    NoPortsAvailableError,
    PortHeldError,
    StoreError,
)
from composeports.stores.base import Store
from composeports.stores.memory import MemoryStore
from composeports.stores.sqlite.store import SqliteStore
from tests.support import postgres

pytestmark = pytest.mark.integration

# The SHA-256 of these two begins with the same eight hex digits.
TWINS = ("session-16250", "session-52884")
PROJECT_A, PROJECT_B = project_name("a"), project_name("b")
GRID = PortGrid(10000, 10, 4)
NOON = 43200.0
TTL = 2
LATER = NOON + TTL * 60 + 1
SMALL_POOL = "10.213.0.0/22"

BACKENDS: dict[str, Callable[[Path], Store]] = {
    "memory": lambda _: MemoryStore(),
    "sqlite": lambda folder: SqliteStore(folder / "leases.sqlite3"),
    "postgres": postgres.store_on,
}


ONE = EngineIdentity("one", "host-1", "one.example", local=False)
TWO = EngineIdentity("two", "host-2", "two.example", local=False)
# Backends that keep leases of several engines in one place.
ON_ENGINES: dict[str, Callable[[Path, EngineIdentity], Store]] = {
    "sqlite": lambda folder, engine: SqliteStore(folder / "leases.sqlite3", engine=lambda: engine),
    "postgres": postgres.store_for,
}


@dataclass
class Clocks:
    """The clocks of a machine that a test runs, sets and boots."""

    wall: float = NOON
    steady: float = 7.0
    boot: str = "first"

    def __post_init__(self) -> None:
        self.server = self._of_the_server()

    def __call__(self) -> ClockReading:
        return ClockReading(self.boot, self.wall, self.steady)

    def run(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def set(self, seconds: float) -> None:
        self.wall += seconds

    def _of_the_server(self) -> Callable[[], float]:
        """Return another machine's clock, which runs on whatever is done to this one's."""
        begun, before = 2 * NOON, self()

        def read() -> float:
            now = self()
            same = now.boot == before.boot
            return begun + (now.steady - before.steady if same else now.wall - before.wall)

        return read


WITH_CLOCKS: dict[str, Callable[[Path, Clocks], Store]] = {
    "memory": lambda _, clocks: MemoryStore(clock=clocks),
    "sqlite": lambda folder, clocks: SqliteStore(folder / "leases.sqlite3", clock=clocks),
    "postgres": lambda folder, clocks: postgres.store_on(
        folder, clock=clocks, database_time=clocks.server
    ),
}


@dataclass(frozen=True)
class Leases:
    """A store, spoken to in the words of the contract."""

    store: Store
    grid: PortGrid = GRID

    def claim(
        self,
        session_id: str,
        now: float = NOON,
        liveness: RunningProjects = UNKNOWN,
        ttl: int = TTL,
        *,
        pins: Mapping[str, int] | None = None,
        needs: Iterable[SubnetNeed] = (),
    ) -> StoreUpdate:
        """Claim a block, and a subnet of the small pool for each of `needs` in the same step."""
        request = AllocationRequest(session_id, self.grid, now, ttl, liveness, pins=pins or {})

        def decide(snapshot: StoreSnapshot) -> StoreUpdate:
            outcome = claim(snapshot, request)
            lease, taken = outcome.granted, snapshot.held_subnets
            subnets = assign_subnets(needs, lease.subnets, taken, SMALL_POOL)
            return outcome._replace(lease=lease._replace(subnets=subnets))

        return self.store.update(session_id, decide)

    def pin(self, session_id: str, *ports: int, now: float = NOON) -> Lease:
        pins = {f"web:{port}/tcp": port for port in ports}
        return self.claim(session_id, now, pins=pins).granted

    def start(self, session_id: str, now: float = NOON) -> int:
        return self.claim(session_id, now).granted.block.start

    def release(self, session_id: str) -> None:
        self.store.update(session_id, release)

    def put(self, lease: Lease) -> None:
        self.store.update(lease.session_id, lambda _: StoreUpdate(lease))

    def forget(self, session_id: str) -> None:
        self.store.update(session_id, lambda _: StoreUpdate(forget=True))

    def project(self, session_id: str) -> str:
        lease = self.store.get(session_id)
        assert lease is not None
        return lease.project


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = BACKENDS[request.param](tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def leases(store: Store) -> Leases:
    return Leases(store)


@pytest.fixture(scope="module", params=WITH_CLOCKS)
def lasting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Leases]:
    """One store for all examples of a property; no test sets its clocks, which moves leases."""
    clocks = Clocks()
    clocks.server = lambda: clocks.wall
    opened = WITH_CLOCKS[request.param](tmp_path_factory.mktemp("lasting"), clocks)
    yield Leases(opened)
    opened.close()


# Sessions without a lease


def test_an_unknown_session_has_nothing(store: Store) -> None:
    assert store.get("nobody") is None
    assert store.held() == []
    assert store.known() == []
    assert store.snapshot("nobody")._replace(store="") == StoreSnapshot()


def test_releasing_or_renewing_an_unknown_session_makes_none(store: Store) -> None:
    assert store.update("nobody", release) == StoreUpdate()
    assert store.update("nobody", lambda snapshot: renew(snapshot, NOON)) == StoreUpdate()
    assert store.get("nobody") is None


# Claim, renew, release


def test_blocks_are_given_out_lowest_first(leases: Leases) -> None:
    assert [leases.start(name) for name in "abcd"] == [10000, 10010, 10020, 10030]


def test_what_a_claim_grants_is_what_the_store_knows(leases: Leases) -> None:
    granted = leases.claim("a").granted
    assert leases.store.get("a") == granted
    assert leases.store.held() == [granted]


def test_a_claim_again_keeps_block_and_start_and_counts_the_ttl_anew(leases: Leases) -> None:
    first = leases.claim("a").granted
    again = leases.claim("a", LATER, ttl=7).granted
    assert again == first._replace(expires_at=LATER + 420, ttl_minutes=7)
    assert leases.store.get("a") == again


def test_renewing_extends_by_the_lease_s_own_ttl(leases: Leases) -> None:
    leases.claim("a", ttl=7)
    leases.store.update("a", lambda snapshot: renew(snapshot, LATER))
    lease = leases.store.get("a")
    assert lease is not None
    assert lease.expires_at == LATER + 420


def test_held_and_released_sessions_are_known_and_forgotten_ones_are_not(leases: Leases) -> None:
    for name in ("c", "a", "b"):
        leases.start(name)
    leases.release("a")
    leases.forget("c")
    assert [(lease.session_id, lease.held) for lease in leases.store.known()] == [
        ("a", False),
        ("b", True),
    ]


def test_a_released_lease_is_remembered_and_no_longer_held(leases: Leases) -> None:
    granted = leases.claim("a").granted
    leases.release("a")
    assert leases.store.get("a") == granted._replace(held=False)
    assert leases.store.held() == []


def test_a_released_lease_is_not_renewed(leases: Leases) -> None:
    leases.claim("a")
    leases.release("a")
    leases.store.update("a", lambda snapshot: renew(snapshot, LATER))
    assert leases.store.held() == []


def test_a_session_gets_its_earlier_block_back(leases: Leases) -> None:
    assert [leases.start(name) for name in "ab"] == [10000, 10010]
    leases.release("a")
    leases.release("b")
    assert leases.start("b") == 10010


def test_a_remembered_block_is_given_to_others_last(leases: Leases) -> None:
    leases.start("a")
    leases.release("a")
    assert [leases.start(name) for name in "bcde"] == [10010, 10020, 10030, 10000]


def test_a_block_that_many_remember_is_still_given_last(leases: Leases) -> None:
    for name in "abc":
        leases.put(Lease(name, PortBlock(10000, 10), project_name(name), NOON, LATER, held=False))
    assert leases.start("new") == 10010


def test_the_others_memory_of_one_s_own_block_is_seen(leases: Leases) -> None:
    """The session's own row must not hide another one that remembers the same block."""
    for name in "ab":
        leases.put(Lease(name, PortBlock(10000, 10), project_name(name), NOON, LATER, held=False))
    for name, other in ("ab", "ba"):
        assert [hold.session_id for hold in leases.store.snapshot(name).others] == [other]


def test_when_all_blocks_are_held_nothing_changes(leases: Leases) -> None:
    for name in "abcd":
        leases.claim(name)
    before = leases.store.held()
    with pytest.raises(NoPortsAvailableError):
        leases.claim("e")
    assert leases.store.held() == before
    assert leases.store.get("e") is None


# Expiry


def test_an_expired_lease_is_still_listed_as_held(leases: Leases) -> None:
    granted = leases.claim("a").granted
    assert granted.expired(LATER)
    assert leases.store.held() == [granted]


def test_an_expired_block_is_reclaimed_once_nothing_runs_on_it(leases: Leases) -> None:
    for name in "abcd":
        leases.claim(name)
    outcome = leases.claim("e", LATER, NOTHING_RUNS)
    assert outcome.granted.block.start == 10000
    assert outcome.reclaimed == ("a",)
    assert [lease.session_id for lease in leases.store.held()] == ["e", "b", "c", "d"]


def test_a_reclaimed_session_keeps_its_memory(leases: Leases) -> None:
    before, *_ = [leases.claim(name).granted for name in "abcd"]
    leases.claim("e", LATER, NOTHING_RUNS)
    assert leases.store.get("a") == before._replace(held=False)


def test_a_lease_of_the_hook_is_unused_until_a_command_uses_it(leases: Leases) -> None:
    request = AllocationRequest("a", GRID, NOON, TTL, unused=True)
    granted = leases.store.update("a", lambda snapshot: claim(snapshot, request)).granted
    assert granted.unused
    assert leases.store.get("a") == granted
    assert [hold.unused for hold in leases.store.snapshot("b").others] == [True]
    leases.store.update("a", lambda snapshot: renew(snapshot, NOON))
    assert leases.store.get("a") == granted._replace(unused=False)
    assert [hold.unused for hold in leases.store.snapshot("b").others] == [False]


def test_the_oldest_unused_lease_gives_way_and_is_remembered(leases: Leases) -> None:
    for at, name in enumerate("abcd"):
        request = AllocationRequest(name, GRID, NOON - at, TTL, unused=name in "bc")
        leases.store.update(name, partial(claim, request=request))
    before = leases.store.get("c")
    assert before is not None
    request = AllocationRequest("e", GRID, NOON, TTL, NOTHING_RUNS, may_take_unused=True)
    outcome = leases.store.update("e", lambda snapshot: claim(snapshot, request))
    assert (outcome.granted.block.start, outcome.reclaimed) == (10020, ("c",))
    assert [lease.session_id for lease in leases.store.held()] == ["a", "b", "e", "d"]
    assert leases.store.get("c") == before.released()


def test_an_expired_lease_stays_while_nobody_knows_what_runs(leases: Leases) -> None:
    for name in "abcd":
        leases.claim(name)
    with pytest.raises(NoPortsAvailableError):
        leases.claim("e", LATER, UNKNOWN)


def test_an_expired_lease_whose_stack_runs_is_extended(leases: Leases) -> None:
    leases.claim("a")
    running = RunningProjects(known=True, running=frozenset({leases.project("a")}))
    assert leases.claim("b", LATER, running).granted.block.start == 10010
    lease = leases.store.get("a")
    assert lease is not None
    assert (lease.held, lease.expires_at) == (True, LATER + TTL * 60)


def test_reclaiming_and_extending_sessions_that_are_gone_is_no_failure(store: Store) -> None:
    outcome = StoreUpdate(reclaimed=("gone",), extended=(("gone", LATER),))
    store.update("a", lambda _: outcome)
    assert store.get("gone") is None


# Forgetting


def test_a_forgotten_session_leaves_nothing(leases: Leases) -> None:
    leases.claim("a")
    leases.forget("a")
    assert leases.store.get("a") is None
    assert leases.store.held() == []
    assert leases.store.snapshot("b")._replace(store="") == StoreSnapshot()


def test_forgetting_an_unknown_session_is_no_failure(leases: Leases) -> None:
    leases.forget("nobody")
    assert leases.store.get("nobody") is None


# Project names


def test_the_twins_would_have_the_same_project() -> None:
    assert project_name(TWINS[0]) == project_name(TWINS[1])


def test_two_live_sessions_never_share_a_project(leases: Leases) -> None:
    assert leases.claim(TWINS[0]).granted.project != leases.claim(TWINS[1]).granted.project


def test_a_remembered_project_is_not_given_to_another_session(leases: Leases) -> None:
    first = leases.claim(TWINS[0]).granted.project
    leases.release(TWINS[0])
    assert leases.claim(TWINS[1]).granted.project != first
    assert leases.claim(TWINS[0]).granted.project == first


def test_a_name_taken_under_two_salts_is_passed_over_twice(leases: Leases) -> None:
    first = PROJECT_A
    second = project_name("a", {first})
    leases.put(Lease("held", PortBlock(10000, 10), first, NOON, LATER))
    leases.put(Lease("remembered", PortBlock(10010, 10), second, NOON, LATER, held=False))
    assert leases.claim("a").granted.project == project_name("a", {first, second})


def test_a_remembered_name_with_another_prefix_ends_the_search_all_the_same(leases: Leases) -> None:
    name = project_name("a", prefix="team")
    leases.put(Lease("other", PortBlock(10000, 10), name, NOON, LATER, held=False))
    assert leases.claim("a").granted.project == PROJECT_A


# Pins: single ports outside the block


def test_a_pin_is_held_with_the_block(leases: Leases) -> None:
    granted = leases.pin("a", 3000, 8080)
    assert granted.pins == {"web:3000/tcp": 3000, "web:8080/tcp": 8080}
    assert leases.store.get("a") == granted


def test_the_pins_of_the_last_claim_are_the_ones_that_count(leases: Leases) -> None:
    first = leases.pin("a", 3000, 8080)
    again = leases.pin("a", 8080, now=NOON + 1)
    assert again == first._replace(pins={"web:8080/tcp": 8080}, expires_at=again.expires_at)
    assert leases.pin("b", 3000).pins == {"web:3000/tcp": 3000}
    assert leases.claim("a").granted.pins == {}


@pytest.mark.parametrize("port", [3000, 10005])
def test_a_port_that_another_session_has_cannot_be_pinned(leases: Leases, port: int) -> None:
    before = leases.pin("a", 3000)
    with pytest.raises(PortHeldError) as told:
        leases.pin("b", port)
    assert f"port {port}" in told.value.message
    assert "the session a" in told.value.message
    assert leases.store.held() == [before]
    assert leases.store.get("b") is None


def test_a_released_pin_is_free_for_others(leases: Leases) -> None:
    leases.pin("a", 3000)
    leases.release("a")
    assert leases.pin("b", 3000).pins == {"web:3000/tcp": 3000}
    with pytest.raises(PortHeldError):
        leases.pin("a", 3000)


def test_no_block_with_a_pinned_port_is_given(leases: Leases) -> None:
    leases.pin("a", 10019, 10020)
    assert [leases.start(name) for name in "b"] == [10030]
    with pytest.raises(NoPortsAvailableError, match="2 with a port that another session has pin"):
        leases.start("c")


def test_a_session_leaves_an_earlier_block_in_which_another_one_has_pinned(leases: Leases) -> None:
    leases.start("a")
    leases.release("a")
    leases.pin("b", 10003)
    assert leases.start("a") == 10020


def test_a_port_of_one_s_own_block_may_be_pinned(leases: Leases) -> None:
    leases.start("a")
    granted = leases.pin("a", 10005)
    assert (granted.block.start, granted.pins) == (10000, {"web:10005/tcp": 10005})


def test_a_new_session_gets_a_block_without_its_own_pins_where_there_is_one(leases: Leases) -> None:
    assert leases.pin("a", 10005).block.start == 10010
    assert leases.pin("b", 10020, 10030).block.start == 10020


def test_an_expired_pin_is_reclaimed_once_nothing_runs(leases: Leases) -> None:
    before = leases.pin("a", 3000)
    with pytest.raises(PortHeldError):
        leases.pin("b", 3000, now=LATER)
    outcome = leases.claim("b", LATER, NOTHING_RUNS, pins={"web:3000/tcp": 3000})
    assert outcome.reclaimed == ("a",)
    assert leases.store.get("a") == before._replace(held=False)
    assert [lease.session_id for lease in leases.store.held()] == ["b"]


def test_an_expired_pin_is_reclaimed_by_who_holds_a_block_already(leases: Leases) -> None:
    leases.pin("a", 3000)
    leases.start("b", LATER)
    outcome = leases.claim("b", LATER, NOTHING_RUNS, pins={"web:3000/tcp": 3000})
    assert (outcome.reclaimed, outcome.granted.block.start) == (("a",), 10010)


def test_a_block_in_which_an_expired_session_has_pinned_is_given_out(leases: Leases) -> None:
    leases.pin("a", 10015)
    outcome = leases.claim("b", LATER, NOTHING_RUNS)
    assert (outcome.reclaimed, outcome.granted.block.start) == (("a",), 10010)


# Subnets

BACKEND = SubnetNeed("backend#0", "backend", "172.28.0.0/24", 24, 4)


def test_each_session_has_a_subnet_of_its_own(leases: Leases) -> None:
    granted = [leases.claim(name, needs=[BACKEND]).granted for name in "abc"]
    assert [lease.subnets for lease in granted] == [
        {"backend#0": f"10.213.{number}.0/24"} for number in range(3)
    ]
    assert leases.store.held() == granted


def test_a_session_gets_its_earlier_subnet_back(leases: Leases) -> None:
    for name in "ab":
        leases.claim(name, needs=[BACKEND])
    for name in "ab":
        leases.release(name)
    assert leases.claim("b", needs=[BACKEND]).granted.subnets == {"backend#0": "10.213.1.0/24"}


def test_a_subnet_that_another_session_has_got_meanwhile_is_forgotten(leases: Leases) -> None:
    leases.put(
        holding("a", PortBlock(10000, 10), PROJECT_A)._replace(subnets={"x#0": "10.213.0.0/24"})
    )
    leases.release("a")
    leases.put(
        holding("b", PortBlock(10010, 10), PROJECT_B)._replace(subnets={"y#0": "10.213.0.0/25"})
    )
    request = AllocationRequest("a", GRID, NOON, TTL)
    outcome = leases.store.update("a", lambda snapshot: claim(snapshot, request))
    assert outcome.granted.subnets == {}


def test_the_ledger_has_the_pins_subnets_and_places_of_others(leases: Leases) -> None:
    lease = holding("a", PortBlock(10000, 10), PROJECT_A)._replace(
        pins={"web:3000/tcp": 3000, "web:3000/udp": 3000},
        subnets={"x#0": "10.213.0.0/24"},
        place=WorktreeLocation(directory="/srv/shop", machine="ant"),
        traits=EngineTraits("run", "data", "/var/lib/docker", "box", boot="boot"),
        name="shop-2",
    )
    leases.put(lease)
    seen = leases.store.snapshot("b")
    assert seen.others == (LeaseSummary.of(lease),)
    assert seen.others[0].pins == {3000}
    assert seen.others[0].directory == "/srv/shop"
    assert (seen.held_subnets, seen.remembered_subnets) == (("10.213.0.0/24",), ())
    assert seen.held_names == {"shop-2"}
    leases.release("a")
    seen = leases.store.snapshot("b")
    assert (seen.held_subnets, seen.remembered_subnets) == ((), ("10.213.0.0/24",))


# One atomic step


class MadeUpError(Exception):
    """What no store knows."""


@pytest.mark.parametrize("error", [MadeUpError, KeyboardInterrupt, OSError])
def test_what_decide_raises_passes_through_and_nothing_is_written(
    leases: Leases, error: type[BaseException]
) -> None:
    granted = leases.claim("a").granted

    def refuse(_: StoreSnapshot) -> StoreUpdate:
        raise error

    with pytest.raises(error):
        leases.store.update("a", refuse)
    assert leases.store.held() == [granted]
    assert leases.start("b") == 10010


def test_decide_is_shown_what_the_ledger_says(leases: Leases) -> None:
    leases.claim("a")
    leases.claim("b")
    leases.release("b")
    shown: list[StoreSnapshot] = []

    def look(snapshot: StoreSnapshot) -> StoreUpdate:
        shown.append(snapshot)
        return StoreUpdate()

    for name in "abc":
        snapshot = leases.store.snapshot(name)
        leases.store.update(name, look)
        assert shown.pop() == snapshot
        assert {hold.session_id for hold in snapshot.others} == {"a", "b"} - {name}


def test_an_outcome_without_a_lease_changes_nothing(leases: Leases) -> None:
    granted = leases.claim("a").granted
    leases.store.update("a", lambda _: StoreUpdate())
    assert leases.store.get("a") == granted


def holding(
    session_id: str,
    block: PortBlock,
    project: str,
    pins: Iterable[int] = (),
    subnets: Iterable[str] = (),
) -> Lease:
    return Lease(
        session_id,
        block,
        project,
        NOON,
        LATER,
        pins={f"web:{port}/tcp": port for port in pins},
        subnets={f"net#{index}": text for index, text in enumerate(subnets)},
    )


@pytest.mark.parametrize(
    "clash",
    [
        holding("b", PortBlock(10000, 10), PROJECT_B),
        holding("b", PortBlock(10009, 4), PROJECT_B),
        holding("b", PortBlock(9000, 1001), PROJECT_B),
        holding("b", PortBlock(9000, 5000), PROJECT_B),
        holding(TWINS[1], PortBlock(30000, 10), project_name(TWINS[1])),
    ],
)
def test_two_held_leases_never_share_a_port_or_a_project(leases: Leases, clash: Lease) -> None:
    first = holding(TWINS[0], PortBlock(10000, 10), project_name(TWINS[0]))
    leases.put(first)
    with pytest.raises(StoreError) as told:
        leases.put(clash)
    assert f"session {TWINS[0]} holds 10000-10009 as {first.project}" in told.value.message
    assert leases.store.held() == [first]
    assert leases.store.get(clash.session_id) is None


@pytest.mark.parametrize(
    "clash",
    [
        holding("b", PortBlock(30000, 10), PROJECT_B, pins=[3000]),
        holding("b", PortBlock(30000, 10), PROJECT_B, pins=[9000, 10009]),
        holding("b", PortBlock(2991, 10), PROJECT_B),
        holding("b", PortBlock(30000, 10), PROJECT_B, subnets=["10.213.4.0/24"]),
        holding("b", PortBlock(30000, 10), PROJECT_B, subnets=["10.1.0.0/24", "10.213.4.128/26"]),
        holding("b", PortBlock(30000, 10), PROJECT_B, subnets=["10.213.0.0/16"]),
        holding("b", PortBlock(30000, 10), PROJECT_B, subnets=["fd0d:c5e7::/48"]),
    ],
)
def test_neither_do_they_share_a_pin_or_a_subnet(leases: Leases, clash: Lease) -> None:
    subnets = ["10.213.4.0/24", "fd0d:c5e7::/64"]
    first = holding("a", PortBlock(10000, 10), PROJECT_A, [3000], subnets)
    leases.put(first)
    with pytest.raises(StoreError) as told:
        leases.put(clash)
    shown = f"10000-10009, 3000, subnets 10.213.4.0/24, fd0d:c5e7::/64 as {first.project}"
    assert f"session a holds {shown}" in told.value.message
    assert leases.store.held() == [first]
    leases.put(clash._replace(held=False))
    leases.release("a")
    leases.put(clash)
    assert leases.store.held() == [clash]


def test_what_only_lies_beside_a_pin_or_a_subnet_does_not_clash(leases: Leases) -> None:
    leases.put(holding("a", PortBlock(10000, 10), PROJECT_A, [3000], ["10.213.4.0/24"]))
    leases.put(
        holding("b", PortBlock(3001, 10), PROJECT_B, [9999, 10010], ["10.213.5.0/24", "::/0"])
    )
    assert len(leases.store.held()) == 2


def test_neighbours_and_memories_do_not_clash(leases: Leases) -> None:
    one, two = TWINS
    leases.put(holding(one, PortBlock(10000, 10), project_name(one)))
    leases.put(holding("b", PortBlock(10010, 10), PROJECT_B))
    leases.put(holding("c", PortBlock(9990, 10), project_name("c")))
    leases.put(holding(two, PortBlock(10000, 10), project_name(two))._replace(held=False))
    assert [lease.session_id for lease in leases.store.held()] == ["c", one, "b"]


def test_a_block_may_go_to_another_session_in_the_step_that_reclaims_it(leases: Leases) -> None:
    one, two = TWINS
    leases.put(holding(one, PortBlock(10000, 10), project_name(one)))
    taken = holding(two, PortBlock(10000, 10), project_name(two))
    leases.store.update(two, lambda _: StoreUpdate(taken, reclaimed=(one,)))
    assert leases.store.held() == [taken]


def test_a_session_may_move_to_a_block_that_overlaps_its_own(leases: Leases) -> None:
    leases.put(holding("a", PortBlock(10000, 10), PROJECT_A))
    moved = holding("a", PortBlock(10005, 10), PROJECT_A)
    leases.put(moved)
    assert leases.store.held() == [moved]


def test_a_record_is_only_written_under_its_own_session(leases: Leases) -> None:
    with pytest.raises(StoreError):
        leases.store.update(
            "a", lambda _: StoreUpdate(holding("b", PortBlock(10000, 10), PROJECT_B))
        )
    assert leases.store.held() == []


def test_held_leases_come_lowest_block_first(leases: Leases) -> None:
    starts = [50000, 9, 40000, 100, 65532]
    for start in starts:
        leases.put(holding(f"s{start}", PortBlock(start, 4), project_name(f"s{start}")))
    assert [lease.block.start for lease in leases.store.held()] == sorted(starts)


# Every field survives

HOSTILE = (
    "a\nb",
    "it's",
    '"',
    "$(touch x)",
    "`id`",
    "\\",
    "é",
    "日本",
    "🐳",
    "%20?#",
    "--",
    " ",
    "\r\t",
)
texts = st.one_of(st.sampled_from(HOSTILE), st.text(), st.binary().map(os.fsdecode))
# Of the program's own: what others wrote is tests/integration/stores/test_forged_rows.py's.
texts = texts.filter(lambda text: "\0" not in text)
lines = texts.filter(lambda text: not {"\n", "\r"} & {*text})
paths = texts.map(lambda text: f"/{text}")
names = st.from_regex(r"PORT_[A-Z0-9_]{3,9}", fullmatch=True).filter(is_settable)
session_ids = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
session_ids = session_ids.filter(lambda text: bool(text.strip()))
numbers = st.integers(1, 65535)
moments = st.floats(0, 2e10)
stacks = st.builds(
    ComposeInvocation,
    files=st.lists(paths).map(tuple),
    env_files=st.lists(paths).map(tuple),
    profiles=st.lists(texts).map(tuple),
    overridden=st.booleans(),
    default_ports=st.booleans(),
)
some_lease = st.builds(
    Lease,
    session_id=st.one_of(st.sampled_from([text for text in HOSTILE if text.strip()]), session_ids),
    block=st.builds(PortBlock, st.integers(1, 32000), st.integers(4, 32000)),
    project=st.just(""),
    allocated_at=moments,
    expires_at=moments,
    held=st.booleans(),
    ttl_minutes=st.integers(1, 10**6),
    offsets=st.dictionaries(texts, numbers),
    ports=st.dictionaries(texts, numbers),
    urls=st.dictionaries(texts, numbers.map(lambda port: f"http://localhost:{port}")),
    pins=st.dictionaries(texts, numbers),
    subnets=st.dictionaries(texts, numbers.map(lambda number: f"{IPv4Address(number)}/32")),
    environment=st.lists(st.tuples(names, texts)).map(tuple),
    place=st.builds(WorktreeLocation, paths, paths, paths, lines, lines, paths, paths),
    stack=stacks,
    standings=st.dictionaries(
        texts, st.builds(ServiceState, texts, st.lists(texts, max_size=3).map(tuple)), max_size=3
    ),
    marks=st.none() | st.dictionaries(texts, st.builds(Mark, lines, lines)),
    former_stores=st.lists(lines).map(tuple),
    engine=st.sampled_from(["", "a-b-c", "podman:box:/var/lib with spaces"]),
    traits=st.builds(EngineTraits, *[lines] * 7, booted=st.just(math.inf)),
    host=st.just(LOCALHOST),
    name=st.one_of(st.just(""), st.text().map(slug)),
    tags=st.none() | st.dictionaries(texts, st.builds(Tags, lines, lines, lines)),
    unused=st.booleans(),
    store=st.just(""),
)
any_lease = some_lease.map(lambda each: each._replace(project=project_name(each.session_id)))


@given(any_lease)
@settings(deadline=None)
def test_every_field_of_a_lease_survives(lasting: Leases, lease: Lease) -> None:
    lasting.put(lease)
    try:
        assert lasting.store.get(lease.session_id) == lease
        assert lasting.store.held() == [lease] * lease.held
        assert lasting.store.snapshot(lease.session_id).own == lease
    finally:
        lasting.forget(lease.session_id)


# Many at once


class Observer:
    """Detects a block with two owners, without using the store."""

    def __init__(self) -> None:
        self.doubled: list[int] = []
        self._used: set[int] = set()
        self._lock = threading.Lock()

    def enter(self, start: int) -> None:
        with self._lock:
            if start in self._used:
                self.doubled.append(start)
            self._used.add(start)

    def leave(self, start: int) -> None:
        with self._lock:
            self._used.discard(start)


def claim_in_turn(
    leases: Leases, name: str, observer: Observer, together: threading.Barrier
) -> int:
    together.wait()
    claims = 0
    while claims < 50:
        try:
            start = leases.start(name)
        except NoPortsAvailableError:
            continue
        observer.enter(start)
        claims += 1
        observer.leave(start)
        leases.release(name)
    return claims


def test_sixteen_racing_threads_never_have_a_block_at_once(store: Store) -> None:
    leases = Leases(store, PortGrid(10000, 10, 12))
    observer, together = Observer(), threading.Barrier(16)
    with ThreadPoolExecutor(16) as pool:
        done = [
            pool.submit(claim_in_turn, leases, f"s{number}", observer, together)
            for number in range(16)
        ]
        assert sum(each.result() for each in done) == 800
    assert observer.doubled == []
    assert store.held() == []


def test_sixteen_threads_of_one_session_get_one_block(store: Store) -> None:
    leases, together = Leases(store), threading.Barrier(16)

    def claim_at_once(_: int) -> int:
        together.wait()
        return leases.start("same")

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(claim_at_once, range(16))) == {10000}


# Backends agree

SESSIONS = (*TWINS, "c", "d", "e")
GRIDS = (PortGrid(10000, 10, 3), PortGrid(10000, 15, 3), PortGrid(10005, 10, 2))
steps = st.lists(
    st.tuples(
        st.sampled_from(["claim", "claim", "release", "renew", "forget"]),
        st.sampled_from(SESSIONS),
        st.integers(0, 200),
        st.sampled_from(GRIDS),
        st.none() | st.frozensets(st.sampled_from(SESSIONS)),
        st.frozensets(st.sampled_from([3000, 8080, 10004, 10015, 10029]), max_size=2),
        st.lists(st.integers(23, 26), max_size=2),
    ),
    max_size=30,
)
Step = tuple[str, str, int, PortGrid, frozenset[str] | None, frozenset[int], list[int]]
counter = itertools.count()


def take(leases: Leases, step: Step, now: float) -> object:
    """Do one step; return what came of it."""
    kind, name, _, grid, running, ports, prefixes = step
    known = {each: leases.store.get(each) for each in running or ()}
    projects = frozenset(lease.project for lease in known.values() if lease is not None)
    liveness = UNKNOWN if running is None else RunningProjects(known=True, running=projects)
    try:
        if kind == "claim":
            pins = {f"web:{port}/tcp": port for port in sorted(ports)}
            needs = [
                SubnetNeed(f"net#{index}", "net", f"172.16.0.0/{prefix}", prefix, 4)
                for index, prefix in enumerate(prefixes)
            ]
            wish = replace(leases, grid=grid)
            return wish.claim(name, now, liveness, pins=pins, needs=needs).granted
        if kind == "renew":
            return leases.store.update(name, lambda snapshot: renew(snapshot, now)).lease
        (leases.release if kind == "release" else leases.forget)(name)
    except ComposeportsError as error:
        return error.code, error.message
    return None


def ports_of(lease: Lease) -> set[int]:
    return {*range(lease.block.start, lease.block.last + 1), *lease.pins.values()}


def nothing_is_shared(leases: Iterable[Lease]) -> bool:
    """Return True if no two leases have a port, a subnet or a project in common."""
    return all(
        a.project != b.project
        and ports_of(a).isdisjoint(ports_of(b))
        and not any(
            IPv4Network(one).overlaps(IPv4Network(other))
            for one, other in itertools.product(a.subnets.values(), b.subnets.values())
        )
        for a, b in itertools.combinations(leases, 2)
    )


@given(steps)
@settings(deadline=None)
def test_whatever_happens_leases_share_nothing_and_backends_agree(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"agree-{next(counter)}"
    both = [Leases(backend(folder)) for backend in BACKENDS.values()]
    now = NOON
    try:
        for step in steps:
            now += step[2]
            first, *rest = [take(leases, step, now) for leases in both]
            assert rest == [first] * len(rest)
            assert nothing_is_shared(both[0].store.held())
        first_held, *rest_held = [leases.store.held() for leases in both]
        assert rest_held == [first_held] * len(rest_held)
        for name in SESSIONS:
            assert both[0].store.get(name) == both[1].store.get(name)
    finally:
        for leases in both:
            leases.store.close()


# Blocks that are set aside


def test_what_is_set_aside_is_shown_to_all_and_replaced_as_a_whole(leases: Leases) -> None:
    first, second = (PortBlock(10000, 10), PortBlock(10010, 10))

    def aside(block: PortBlock, now: float) -> None:
        leases.store.update(
            "a", lambda snapshot: StoreUpdate(cooldowns=with_cooldown(snapshot, block, now))
        )

    aside(first, NOON)
    assert leases.store.snapshot("b").cooldowns == (CooldownBlock(first, NOON + 600),)
    assert leases.start("b") == 10010
    aside(second, NOON + 600)
    assert leases.store.snapshot("b").cooldowns == (CooldownBlock(second, NOON + 1200),)
    assert leases.store.get("a") is None


# Clocks that are set, machines that sleep


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture(params=WITH_CLOCKS)
def timed(
    request: pytest.FixtureRequest, tmp_path: Path, clocks: Clocks
) -> Iterator[Callable[[], Leases]]:
    """Return a way to open the store; the one in memory is always the same."""
    opened: list[Store] = []

    def open_it() -> Leases:
        if not opened or request.param != "memory":
            opened.append(WITH_CLOCKS[request.param](tmp_path, clocks))
        return Leases(opened[-1])

    yield open_it
    for each in opened:
        each.close()


READS: dict[str, Callable[[Store, str], float]] = {
    "get": lambda store, name: getattr(store.get(name), "expires_at", 0.0),
    "held": lambda store, _: store.held()[0].expires_at,
    "known": lambda store, _: store.known()[0].expires_at,
    "snapshot": lambda store, _: store.snapshot("other").others[0].expires_at,
    "update": lambda store, name: (
        store.update(name, lambda old: StoreUpdate(old.own)).granted.expires_at
    ),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize("moved", [-86400.0, 86400.0])
def test_a_clock_that_is_set_leaves_a_lease_its_time(
    timed: Callable[[], Leases],
    clocks: Clocks,
    moved: float,
    read: Callable[[Store, str], float],
) -> None:
    timed().claim("a", clocks.wall)
    clocks.run(30)
    clocks.set(moved)
    store = timed().store
    assert read(store, "a") - clocks.wall == TTL * 60 - 30
    clocks.run(10)
    assert read(store, "a") - clocks.wall == TTL * 60 - 40


def test_a_lease_that_slept_is_not_handed_out(timed: Callable[[], Leases], clocks: Clocks) -> None:
    timed().claim("a", clocks.wall)
    clocks.set(30000)
    assert timed().claim("b", clocks.wall, NOTHING_RUNS).granted.block.start == 10010
    clocks.run(TTL * 60)
    assert timed().claim("c", clocks.wall, NOTHING_RUNS).reclaimed == ()
    taken = timed().claim("d", clocks.wall, NOTHING_RUNS).granted.block.start
    assert taken == 10030


def test_a_set_clock_brings_back_nothing_that_was_released(
    timed: Callable[[], Leases], clocks: Clocks
) -> None:
    timed().claim("a", clocks.wall)
    timed().release("a")
    clocks.set(-86400)
    assert timed().store.held() == []


def test_what_is_set_aside_moves_with_the_clock(
    timed: Callable[[], Leases], clocks: Clocks
) -> None:
    block = PortBlock(10000, 10)
    timed().store.update(
        "a", lambda snapshot: StoreUpdate(cooldowns=with_cooldown(snapshot, block, clocks.wall))
    )
    clocks.set(86400)
    (aside,) = timed().store.snapshot("b").cooldowns
    assert aside.until - clocks.wall == 600


def test_after_a_boot_the_wall_clock_counts(timed: Callable[[], Leases], clocks: Clocks) -> None:
    timed().claim("a", clocks.wall)
    clocks.boot, clocks.steady = "second", 1.0
    clocks.wall += TTL * 60 + 1
    lease = timed().store.get("a")
    assert lease is not None
    assert lease.expired(clocks.wall)


# Several engines


@pytest.fixture(params=ON_ENGINES)
def on_engine(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[EngineIdentity], Leases]]:
    """Open the one store as it is for an engine."""
    opened: list[Store] = []

    def open_for(engine: EngineIdentity) -> Leases:
        opened.append(ON_ENGINES[request.param](tmp_path, engine))
        return Leases(opened[-1])

    yield open_for
    for store in opened:
        store.close()


OnEngine = Callable[[EngineIdentity], Leases]


def test_each_engine_has_its_whole_range(on_engine: OnEngine) -> None:
    one, two = on_engine(ONE), on_engine(TWO)
    assert [one.start(name) for name in "abcd"] == [10000, 10010, 10020, 10030]
    assert [two.start(name) for name in "dcba"] == [10000, 10010, 10020, 10030]


def test_a_session_has_a_lease_on_each_engine(on_engine: OnEngine) -> None:
    one, two = on_engine(ONE), on_engine(TWO)
    one.start("first")
    assert (one.start("a"), two.start("a")) == (10010, 10000)
    two.release("a")
    assert [lease.held for lease in one.store.known()] == [True, True]
    assert two.store.held() == []
    two.forget("a")
    assert two.store.known() == []
    assert one.store.get("a") is not None


def test_pins_subnets_and_projects_are_an_engine_s_own(on_engine: OnEngine) -> None:
    need = SubnetNeed("net#0", "net", "172.16.0.0/24", 24, 4)
    leases = [
        on_engine(engine).claim("a", pins={"web:80/tcp": 3000}, needs=[need]).granted
        for engine in (ONE, TWO)
    ]
    assert leases[0] == leases[1]


def test_what_is_set_aside_on_one_engine_is_free_on_another(on_engine: OnEngine) -> None:
    one, two = on_engine(ONE), on_engine(TWO)
    (block, *_) = GRID.blocks()
    one.store.update("a", lambda led: StoreUpdate(cooldowns=with_cooldown(led, block, NOON)))
    two.store.update("a", lambda _: StoreUpdate(cooldowns=()))
    assert one.store.snapshot("a").cooldowns == (CooldownBlock(block, NOON + 600),)
    assert (one.start("a"), two.start("a")) == (10010, 10000)


def test_a_name_that_is_remembered_on_another_engine_is_not_in_the_way(
    on_engine: OnEngine,
) -> None:
    one, two = on_engine(ONE), on_engine(TWO)
    for leases in (one, two):
        leases.start(TWINS[0])
        leases.release(TWINS[0])
    two.forget(TWINS[0])
    two.start(TWINS[1])
    one.start(TWINS[1])
    assert two.project(TWINS[1]) == project_name(TWINS[0])
    assert one.project(TWINS[1]) != project_name(TWINS[0])


def test_an_expired_lease_on_another_engine_is_nobody_s_to_reclaim(on_engine: OnEngine) -> None:
    one, two = on_engine(ONE), on_engine(TWO)
    for name in "abcd":
        one.start(name)
    outcome = two.claim("e", LATER, NOTHING_RUNS)
    assert outcome.reclaimed == ()
    assert len(one.store.held()) == 4


def test_a_fleet_is_shown_with_this_engine_first(on_engine: OnEngine) -> None:
    one, two = on_engine(ONE), on_engine(TWO)
    one.start("a")
    one.start("b")
    two.start("c")
    two.start("d")
    two.release("d")
    fleet = [
        (each.engine, [lease.session_id for lease in each.leases])
        for each in two.store.fleet()
        if each.engine != THIS_MACHINE
    ]
    assert fleet == [(TWO, ["c"]), (ONE, ["a", "b"])]


def test_an_engine_without_leases_is_shown_all_the_same(on_engine: OnEngine) -> None:
    fleet = on_engine(ONE).store.fleet()
    assert [(each.engine, each.leases) for each in fleet if each.engine == ONE] == [(ONE, ())]


def test_an_engine_goes_by_the_name_that_it_said_last(on_engine: OnEngine) -> None:
    on_engine(ONE).start("a")
    renamed = ONE._replace(name="host-9", host="nine.example")
    on_engine(renamed).start("a")
    fleet = on_engine(TWO).store.fleet()
    assert renamed in [each.engine for each in fleet]
    assert ONE not in [each.engine for each in fleet]


def test_many_on_two_engines_do_not_meet(on_engine: OnEngine) -> None:
    stores = [on_engine(engine) for engine in (ONE, TWO) * 4]

    def take(turn: int) -> int:
        return stores[turn % 8].start(f"session-{turn // 2}")

    with ThreadPoolExecutor(8) as pool:
        starts = sorted(pool.map(take, range(8)))
    assert starts == sorted([10000, 10010, 10020, 10030] * 2)


def test_a_memory_store_is_of_this_machine() -> None:
    leases = Leases(MemoryStore())
    leases.start("a")
    (only,) = leases.store.fleet()
    assert (only.engine, [lease.session_id for lease in only.leases]) == (THIS_MACHINE, ["a"])
