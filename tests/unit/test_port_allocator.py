"""The public library: which session gets which ports, for how long, and without other modules."""

import itertools
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, dataclass
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.config import PortAllocatorConfig
from composeports.core.session import project_name
from composeports.errors import ConfigError, InvalidSessionError
from composeports.port_allocator import (
    NoPortsAvailableError,
    PortAllocation,
    PortAllocatorService,
    get_port_allocator,
    reset_port_allocator,
)
from tests.harness.waits import HANG

NOON = 43200.0
# The SHA-256 of these two begins with the same eight hex digits.
TWINS = ("session-16250", "session-52884")
Result = TypeVar("Result")


def in_sixteen_threads(call: Callable[[int], Result]) -> list[Result]:
    """Return the results of `call` for 0 to 15, each in a thread; fail if one does not end."""
    results: dict[int, Result] = {}

    def run(number: int) -> None:
        results[number] = call(number)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)
    assert sorted(results) == list(range(16))
    return list(results.values())


@dataclass
class Clock:
    """A clock that the test moves."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now

    def advance(self, *, minutes: float) -> None:
        self.now += minutes * 60


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(clock: Clock) -> PortAllocatorService:
    return PortAllocatorService(PortAllocatorConfig(ttl_minutes=10, max_sessions=3), now=clock)


@pytest.fixture
def _fresh() -> Iterator[None]:
    reset_port_allocator()
    yield
    reset_port_allocator()


def starts(service: PortAllocatorService) -> dict[str, int]:
    return {each.session_id: each.db_port for each in service.status()}


# The time


def test_leases_expire_by_the_time_that_a_test_puts_in_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = PortAllocatorService(PortAllocatorConfig(ttl_minutes=10))
    monkeypatch.setattr("time.time", lambda: NOON)
    assert service.allocate("a").expires_at == NOON + 600
    monkeypatch.setattr("time.time", lambda: NOON + 599)
    assert list(starts(service)) == ["a"]
    monkeypatch.setattr("time.time", lambda: NOON + 600)
    assert service.status() == []
    assert service.allocate("b").db_port == 10000


# Allocation


def test_the_first_session_gets_the_first_block(service: PortAllocatorService) -> None:
    assert service.allocate("a") == PortAllocation(
        session_id="a",
        db_port=10000,
        rest_port=10001,
        realtime_port=10002,
        api_port=10003,
        compose_project_name=project_name("a"),
        allocated_at=NOON,
        expires_at=NOON + 600,
    )


def test_blocks_are_spaced_by_the_range(service: PortAllocatorService) -> None:
    assert [service.allocate(name).db_port for name in "abc"] == [10000, 10100, 10200]


def test_the_configuration_sets_base_and_range() -> None:
    service = PortAllocatorService(PortAllocatorConfig(20000, 4, 1, 2))
    assert [service.allocate(name).api_port for name in "ab"] == [20003, 20007]


def test_the_lowest_free_slot_comes_first(service: PortAllocatorService) -> None:
    for name in "abc":
        service.allocate(name)
    service.release("c")
    service.release("a")
    assert service.allocate("d").db_port == 10000
    assert service.allocate("e").db_port == 10200


def test_the_same_session_has_the_same_ports_and_a_new_time_to_live(
    service: PortAllocatorService, clock: Clock
) -> None:
    first = service.allocate("a")
    service.allocate("b")
    clock.advance(minutes=9)
    again = service.allocate("a")
    assert again.allocated_at == first.allocated_at == NOON
    assert again.expires_at == NOON + 19 * 60
    assert (again.db_port, again.compose_project_name) == (
        first.db_port,
        first.compose_project_name,
    )


def test_refreshing_keeps_a_lease_alive(service: PortAllocatorService, clock: Clock) -> None:
    service.allocate("a")
    for _ in range(5):
        clock.advance(minutes=9)
        service.allocate("a")
    assert starts(service) == {"a": 10000}


@pytest.mark.parametrize("session_id", ["", " ", "\t\n", "a\0b"])
def test_an_id_that_names_no_session_is_refused(
    service: PortAllocatorService, session_id: str
) -> None:
    with pytest.raises(InvalidSessionError):
        service.allocate(session_id)
    with pytest.raises(ValueError, match="the session id"):
        service.allocate(session_id)
    assert service.status() == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"base_port": 80}, "^base_port must be >= 1024, got 80$"),
        ({"range_per_session": 3}, "^range_per_session must be >= 4, got 3$"),
    ],
)
def test_bad_settings_are_refused_before_there_is_an_allocator(
    values: dict[str, int], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        PortAllocatorService(PortAllocatorConfig(**values))


# No ports left


def test_a_full_allocator_refuses_and_changes_nothing(
    service: PortAllocatorService, clock: Clock
) -> None:
    for name in "abc":
        service.allocate(name)
    before = service.status()
    clock.advance(minutes=1)
    with pytest.raises(NoPortsAvailableError) as told:
        service.allocate("d")
    assert (told.value.code, told.value.exit_code) == ("no_ports_available", 75)
    assert service.status() == before
    assert service.allocate("b").db_port == 10100


def test_a_full_allocator_has_room_again_after_a_release(service: PortAllocatorService) -> None:
    for name in "abc":
        service.allocate(name)
    service.release("b")
    assert service.allocate("d").db_port == 10100


# Release


def test_a_released_session_is_gone(service: PortAllocatorService) -> None:
    service.allocate("a")
    assert service.release("a") is True
    assert service.status() == []


@pytest.mark.parametrize("session_id", ["never seen", "", "a"])
def test_releasing_an_unknown_session_is_true_and_changes_nothing(
    service: PortAllocatorService, session_id: str
) -> None:
    service.allocate("b")
    assert service.release(session_id) is True
    assert starts(service) == {"b": 10000}


# Expiry


@pytest.mark.parametrize(("minutes", "left"), [(9.99, ["a"]), (10, []), (11, [])])
def test_a_lease_is_over_when_its_time_is(
    service: PortAllocatorService, clock: Clock, minutes: float, left: list[str]
) -> None:
    service.allocate("a")
    clock.advance(minutes=minutes)
    assert list(starts(service)) == left


def test_the_block_of_an_expired_lease_goes_to_the_next(
    service: PortAllocatorService, clock: Clock
) -> None:
    service.allocate("a")
    clock.advance(minutes=5)
    for name in "bc":
        service.allocate(name)
    clock.advance(minutes=5)
    assert service.allocate("d").db_port == 10000
    assert starts(service) == {"b": 10100, "c": 10200, "d": 10000}


def test_a_session_that_comes_back_after_its_time_has_a_new_lease(
    service: PortAllocatorService, clock: Clock
) -> None:
    service.allocate("a")
    clock.advance(minutes=10)
    assert service.allocate("a").allocated_at == NOON + 600


# Status


def test_status_lists_the_oldest_first(service: PortAllocatorService, clock: Clock) -> None:
    for name in "ba":
        service.allocate(name)
        clock.advance(minutes=1)
    service.allocate("b")
    assert [each.session_id for each in service.status()] == ["b", "a"]


def test_status_is_a_copy(service: PortAllocatorService) -> None:
    service.allocate("a")
    service.status().clear()
    assert starts(service) == {"a": 10000}


# What an allocation gives out


def test_the_snippet_is_six_exports(service: PortAllocatorService) -> None:
    assert service.allocate("session-1").env_snippet == (
        "export AGENT_COORDINATOR_DB_PORT=10000\n"
        "export AGENT_COORDINATOR_REST_PORT=10001\n"
        "export AGENT_COORDINATOR_REALTIME_PORT=10002\n"
        "export API_PORT=10003\n"
        f"export COMPOSE_PROJECT_NAME={project_name('session-1')}\n"
        "export SUPABASE_URL=http://localhost:10001"
    )


def test_an_allocation_cannot_be_changed(service: PortAllocatorService) -> None:
    allocation = service.allocate("a")
    with pytest.raises(FrozenInstanceError):
        allocation.db_port = 1  # type: ignore[misc]


def test_two_sessions_whose_names_collide_have_two_projects(service: PortAllocatorService) -> None:
    assert project_name(TWINS[0]) == project_name(TWINS[1])
    first, second = map(service.allocate, TWINS)
    assert first.compose_project_name == project_name(TWINS[0])
    assert second.compose_project_name != first.compose_project_name
    assert [service.allocate(name) for name in TWINS] == [first, second]


# One for the process


@pytest.mark.usefixtures("_fresh")
def test_the_process_has_one_allocator() -> None:
    service = get_port_allocator()
    service.allocate("a")
    assert get_port_allocator() is service


@pytest.mark.usefixtures("_fresh")
def test_a_reset_makes_a_new_one() -> None:
    before = get_port_allocator()
    before.allocate("a")
    reset_port_allocator()
    assert get_port_allocator() is not before
    assert get_port_allocator().status() == []


@pytest.mark.usefixtures("_fresh")
def test_the_process_s_allocator_is_set_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT_ALLOC_BASE", "20000")
    assert get_port_allocator().allocate("a").db_port == 20000


@pytest.mark.usefixtures("_fresh")
def test_the_first_call_settles_the_configuration() -> None:
    first = get_port_allocator(PortAllocatorConfig(20000))
    assert get_port_allocator(PortAllocatorConfig(30000)) is first
    assert first.allocate("a").db_port == 20000


@pytest.mark.usefixtures("_fresh")
def test_sixteen_threads_get_one_allocator() -> None:
    together = threading.Barrier(16, timeout=HANG)

    def get(_: int) -> PortAllocatorService:
        together.wait()
        return get_port_allocator()

    assert len(set(in_sixteen_threads(get))) == 1


# Nothing else is needed


@pytest.mark.usefixtures("_fresh")
def test_it_works_without_a_database_and_opens_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a connection was opened")

    for name in ("SUPABASE_URL", "SUPABASE_SERVICE_KEY", "DATABASE_URL", "COMPOSEPORTS_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(sqlite3, "connect", refuse)
    service = get_port_allocator()
    assert service.allocate("a").env_snippet.endswith("SUPABASE_URL=http://localhost:10001")
    assert service.status()
    assert service.release("a")


# Many at once


@pytest.fixture
def impatient() -> Iterator[threading.Barrier]:
    """Yield a barrier behind which threads take turns so often that a missing lock shows.

    Not earlier: a coverage tool that is at work cannot be handed to so many threads so often.
    """
    before = sys.getswitchinterval()
    yield threading.Barrier(16, action=lambda: sys.setswitchinterval(1e-6), timeout=HANG)
    sys.setswitchinterval(before)


def test_sixteen_threads_never_share_a_port_or_a_project(impatient: threading.Barrier) -> None:
    service = PortAllocatorService(PortAllocatorConfig(range_per_session=4, max_sessions=80))

    def allocate(number: int) -> list[PortAllocation]:
        impatient.wait()
        return [service.allocate(f"session-{number}-{each}") for each in range(5)]

    given_ = [each for found in in_sixteen_threads(allocate) for each in found]
    assert sorted(each.db_port for each in given_) == list(range(10000, 10320, 4))
    assert len({each.compose_project_name for each in given_}) == 80


def test_sixteen_threads_that_come_and_go_never_have_a_block_at_once(
    impatient: threading.Barrier,
) -> None:
    service = PortAllocatorService(PortAllocatorConfig(max_sessions=12))
    lock = threading.Lock()
    used: set[int] = set()

    def come_and_go(number: int) -> int:
        impatient.wait()
        done = 0
        while done < 50:
            try:
                port = service.allocate(f"session-{number}").db_port
            except NoPortsAvailableError:
                continue
            with lock:
                assert port not in used
                used.add(port)
            done += 1
            with lock:
                used.discard(port)
            service.release(f"session-{number}")
        return done

    assert sum(in_sixteen_threads(come_and_go)) == 800
    assert service.status() == []


def test_sixteen_threads_of_one_session_get_one_block() -> None:
    service, together = PortAllocatorService(), threading.Barrier(16, timeout=HANG)

    def allocate(_: int) -> int:
        together.wait()
        return service.allocate("same").db_port

    assert set(in_sixteen_threads(allocate)) == {10000}


# Histories

Step = tuple[str, str, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["allocate", "allocate", "release"]),
        st.sampled_from((*TWINS, "c", "d", "e")),
        st.integers(0, 12),
    ),
    max_size=30,
)


@given(steps)
def test_whatever_happens_no_two_allocations_share_a_port_or_a_project(history: list[Step]) -> None:
    clock = Clock()
    service = PortAllocatorService(
        PortAllocatorConfig(range_per_session=4, ttl_minutes=10, max_sessions=3), now=clock
    )
    for kind, name, minutes in history:
        clock.advance(minutes=minutes)
        before = {each.session_id: each for each in service.status()}
        if kind == "release":
            assert service.release(name)
        elif name not in before and len(before) == 3:
            with pytest.raises(NoPortsAvailableError):
                service.allocate(name)
        else:
            free = {10000, 10004, 10008} - {each.db_port for each in before.values()}
            expected = before[name].db_port if name in before else min(free)
            assert service.allocate(name).db_port == expected
        live = service.status()
        assert len({each.db_port for each in live}) == len(live)
        assert len({each.compose_project_name for each in live}) == len(live)
        assert all(each.expires_at > clock.now for each in live)
        assert [each.allocated_at for each in live] == sorted(each.allocated_at for each in live)
        kept = {each.session_id: each for each in live if each.session_id != name}
        assert kept == {other: each for other, each in before.items() if other != name}


@given(st.permutations(["a", "b", "c"]), st.integers(1, 9))
def test_a_refresh_in_any_order_changes_nobody_s_ports(order: list[str], minutes: int) -> None:
    clock = Clock()
    service = PortAllocatorService(PortAllocatorConfig(ttl_minutes=10), now=clock)
    before = {name: service.allocate(name).db_port for name in "abc"}
    clock.advance(minutes=minutes)
    assert {name: service.allocate(name).db_port for name in order} == before
    assert list(itertools.chain(starts(service))) == ["a", "b", "c"]
