"""Taking and releasing leases: the claim and the port check, with fakes."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from composeports.core.lease import ComposeInvocation, Lease
from composeports.core.ports import PortBlock
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.docker.containers import Container
from composeports.errors import (
    EngineError,
    EngineSilentError,
    LockBusyError,
    NoLeaseError,
    NoPortsAvailableError,
    PortHeldError,
    StackLeftError,
)
from composeports.host.port_listeners import PortListener
from composeports.host.session_lock_file import hold
from composeports.paths import session_lock
from composeports.stores.sqlite.store import SqliteStore
from composeports.usecases.allocate import allocate
from composeports.usecases.lease import renew_lease, renewal_heartbeat
from composeports.usecases.release import release_lease, release_without_stack
from composeports.usecases.reserve import (
    PlanPorts,
    cool_down_block,
    preview_lease,
    reserve_lease,
    roll_back_lease,
)
from composeports.usecases.session import Session
from composeports.usecases.status import status
from tests.support.fakes import NOON, FakeMachine

pytestmark = pytest.mark.integration


@pytest.fixture(params=["memory", "sqlite"], autouse=True)
def _store(request: pytest.FixtureRequest, machine: FakeMachine, tmp_path: Path) -> Iterator[None]:
    if request.param == "sqlite":
        machine.store = SqliteStore(tmp_path / "leases.sqlite3")
    with closing(machine.store):
        yield


def published(*ports: tuple[int, str]) -> PlanPorts:
    """Return a plan that publishes ports at offsets of the block."""

    def finish(lease: Lease, _: StoreSnapshot) -> Lease:
        numbers = {f"web:{at}/{kind}": lease.block.port(at) for at, kind in ports}
        return lease._replace(ports=numbers, stack=ComposeInvocation(files=("/w/compose.yaml",)))

    return finish


WEB = published((4, "tcp"))


def take(
    machine: FakeMachine,
    session: Session,
    finish: PlanPorts = WEB,
    *,
    containers: tuple[Container, ...] | None = (),
) -> Lease:
    seen = containers if containers != () else machine.engine.containers()
    return reserve_lease(session, seen, finish)


def start_of(machine: FakeMachine, name: str) -> int:
    return take(machine, machine.session(name)).block.start


# A look at the ports


def test_the_fixed_ports_and_the_published_ones_are_looked_at(machine: FakeMachine) -> None:
    take(machine, machine.session("a"), published((4, "tcp"), (5, "udp")))
    fixed = {(20000 + offset, "tcp") for offset in range(4)}
    assert machine.ports.asked == [fixed | {(20004, "tcp"), (20005, "udp")}]


@pytest.mark.parametrize("busy", [(20000, "tcp"), (20003, "tcp"), (20004, "tcp")])
def test_a_block_with_a_busy_port_is_given_up_for_the_next(
    machine: FakeMachine, busy: tuple[int, str]
) -> None:
    machine.ports.used = {busy}
    assert start_of(machine, "a") == 20010
    assert machine.said == [f"something else uses port {busy[0]}/tcp: trying another block"]
    (held,) = machine.store.held()
    assert (held.block.start, held.ports) == (20010, {"web:4/tcp": 20014})


@pytest.mark.parametrize("busy", [(20004, "udp"), (20005, "tcp"), (20000, "udp"), (19999, "tcp")])
def test_a_port_that_the_plan_does_not_give_out_is_no_reason_to_move(
    machine: FakeMachine, busy: tuple[int, str]
) -> None:
    machine.ports.used = {busy}
    assert start_of(machine, "a") == 20000


def test_udp_ports_are_looked_at_as_such(machine: FakeMachine) -> None:
    machine.ports.used = {(20004, "udp")}
    assert take(machine, machine.session("a"), published((4, "udp"))).block.start == 20010


@pytest.mark.parametrize("state", ["running", "exited", "created"])
def test_a_foreign_container_reserves_its_port_stopped_or_not(
    machine: FakeMachine, state: str
) -> None:
    machine.engine.add("other", (20004, 80, "tcp"), state=state)
    assert start_of(machine, "a") == 20010


def test_several_busy_blocks_are_passed_by(machine: FakeMachine) -> None:
    machine.ports.used = {(20000, "tcp"), (20014, "tcp")}
    assert start_of(machine, "a") == 20020
    assert len(machine.said) == 2


def test_when_no_block_is_left_the_store_is_as_it_was(machine: FakeMachine) -> None:
    machine.ports.used = {(start, "tcp") for start in (20000, 20010, 20020)}
    with pytest.raises(NoPortsAvailableError) as told:
        take(machine, machine.session("a"))
    assert machine.store.get("a") is None
    assert machine.store.held() == []
    assert "3 with a port that something else uses" in told.value.message
    assert told.value.details["busy_blocks"] == [20000, 20010, 20020]


def test_a_remembered_session_is_remembered_as_before_when_no_block_is_left(
    machine: FakeMachine,
) -> None:
    session = machine.session("a")
    take(machine, session)
    release_lease(session)
    before = machine.store.get("a")
    machine.ports.used = {(start, "tcp") for start in (20000, 20010, 20020)}
    with pytest.raises(NoPortsAvailableError):
        take(machine, session)
    assert machine.store.get("a") == before


def test_a_held_lease_is_held_as_before_when_no_block_is_left(machine: FakeMachine) -> None:
    session = machine.session("a")
    before = take(machine, session)
    machine.ports.used = {(20004, "tcp"), (20010, "tcp"), (20020, "tcp")}
    machine.clock.pass_minutes(1)
    with pytest.raises(NoPortsAvailableError):
        take(machine, session)
    assert machine.store.get("a") == before


@pytest.mark.parametrize("error", [EngineError("away"), KeyboardInterrupt()])
def test_whatever_fails_while_ports_are_looked_at_the_claim_is_taken_back(
    machine: FakeMachine, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> frozenset[tuple[int, str]]:
        raise error

    monkeypatch.setattr(machine.ports, "taken", fail)
    with pytest.raises(type(error)):
        take(machine, machine.session("a"))
    assert machine.store.get("a") is None


def test_a_plan_that_fails_leaves_no_claim(machine: FakeMachine) -> None:
    def too_small(lease: Lease, _: StoreSnapshot) -> Lease:
        lease.block.port(10)
        return lease

    with pytest.raises(ValueError, match="outside a block"):
        take(machine, machine.session("a"), too_small)
    assert machine.store.get("a") is None


def test_a_record_whose_block_was_lost_meanwhile_is_put_back_released(
    machine: FakeMachine,
) -> None:
    before = take(machine, machine.session("a"))
    machine.store.update("a", lambda _: StoreUpdate(forget=True))
    take(machine, machine.session("b"))
    roll_back_lease(machine.session("a"), before)
    assert machine.store.get("a") == before.released()
    assert [lease.session_id for lease in machine.store.held()] == ["b"]


# A block that the session has already


def test_own_programs_on_the_fixed_ports_are_no_reason_to_move(machine: FakeMachine) -> None:
    session = machine.session("a")
    take(machine, session)
    machine.ports.used = {(20003, "tcp")}
    assert take(machine, session).block.start == 20000
    assert machine.ports.asked[-1] == {(20004, "tcp")}


def test_something_else_on_a_published_port_moves_the_stack_and_says_so(
    machine: FakeMachine,
) -> None:
    session = machine.session("a")
    take(machine, session)
    machine.ports.used = {(20004, "tcp")}
    assert take(machine, session).block.start == 20010
    assert machine.said == [
        "something else uses port 20004/tcp of this session: its ports move to another block"
    ]


def test_while_the_stack_runs_nothing_is_looked_at(machine: FakeMachine) -> None:
    session = machine.session("a")
    lease = take(machine, session)
    machine.engine.add(lease.project, (20004, 80, "tcp"))
    machine.ports.used = {(20004, "tcp")}
    asked = len(machine.ports.asked)
    assert take(machine, session).block.start == 20000
    assert len(machine.ports.asked) == asked


def test_a_stopped_stack_s_own_reservation_is_not_in_its_way(machine: FakeMachine) -> None:
    session = machine.session("a")
    lease = take(machine, session)
    machine.engine.add(lease.project, (20004, 80, "tcp"), state="exited")
    assert take(machine, session).block.start == 20000


def test_with_an_engine_that_does_not_answer_a_held_block_is_kept_unlooked(
    machine: FakeMachine,
) -> None:
    session = machine.session("a")
    take(machine, session)
    machine.ports.used = {(20004, "tcp")}
    assert take(machine, session, containers=None).block.start == 20000


def test_a_remembered_block_is_looked_at_like_a_new_one(machine: FakeMachine) -> None:
    session = machine.session("a")
    take(machine, session)
    release_lease(session)
    machine.ports.used = {(20003, "tcp")}
    assert take(machine, session).block.start == 20010


def test_a_session_goes_back_to_no_port_of_a_block_that_it_left(machine: FakeMachine) -> None:
    session = machine.session("a")
    take(machine, session)
    machine.ports.used = {(20004, "tcp")}
    take(machine, session)
    machine.ports.used = set()
    assert take(machine, session).block.start == 20010


# Expiry


def fill(machine: FakeMachine) -> list[Lease]:
    return [take(machine, machine.session(name)) for name in ("a", "b", "c")]


def test_an_expired_lease_whose_stack_runs_is_never_handed_out(machine: FakeMachine) -> None:
    for lease in fill(machine):
        machine.engine.add(lease.project, (lease.block.port(4), 80, "tcp"))
    machine.clock.pass_minutes(1000)
    with pytest.raises(NoPortsAvailableError):
        take(machine, machine.session("d"))
    assert [lease.session_id for lease in machine.store.held()] == ["a", "b", "c"]


@pytest.mark.parametrize("state", ["restarting", "paused"])
def test_restarting_and_paused_containers_hold_their_lease_too(
    machine: FakeMachine, state: str
) -> None:
    for lease in fill(machine):
        machine.engine.add(lease.project, state=state)
    machine.clock.pass_minutes(1000)
    with pytest.raises(NoPortsAvailableError):
        take(machine, machine.session("d"))


def test_an_expired_lease_of_which_nothing_runs_is_handed_out(machine: FakeMachine) -> None:
    first, *rest = fill(machine)
    for lease in rest:
        machine.engine.add(lease.project)
    machine.clock.pass_minutes(31)
    assert start_of(machine, "d") == first.block.start
    assert [lease.session_id for lease in machine.store.held()] == ["d", "b", "c"]


def test_a_lease_that_has_not_expired_is_kept_without_a_stack(machine: FakeMachine) -> None:
    fill(machine)
    machine.clock.pass_minutes(29)
    with pytest.raises(NoPortsAvailableError):
        take(machine, machine.session("d"))


def test_with_an_engine_that_does_not_answer_every_lease_is_kept(machine: FakeMachine) -> None:
    fill(machine)
    machine.clock.pass_minutes(1000)
    with pytest.raises(NoPortsAvailableError):
        take(machine, machine.session("d"), containers=None)
    assert [lease.session_id for lease in machine.store.held()] == ["a", "b", "c"]


def test_an_expired_lease_that_runs_is_renewed_by_who_looks(machine: FakeMachine) -> None:
    lease = take(machine, machine.session("a"))
    machine.engine.add(lease.project, (20004, 80, "tcp"))
    machine.clock.pass_minutes(31)
    take(machine, machine.session("b"))
    renewed = machine.store.get("a")
    assert renewed is not None
    assert renewed.expires_at == machine.clock.now() + 30 * 60


def test_a_block_that_stopped_containers_of_an_expired_lease_want_is_passed_by(
    machine: FakeMachine,
) -> None:
    first, second, third = fill(machine)
    machine.engine.add(first.project, (20000, 80, "tcp"), state="exited")
    machine.engine.add(second.project)
    machine.clock.pass_minutes(31)
    assert take(machine, machine.session("d")).block == third.block
    assert [lease.session_id for lease in machine.store.held()] == ["a", "b", "d"]


def test_a_block_that_only_stopped_containers_of_an_expired_lease_want_is_the_last_choice(
    machine: FakeMachine,
) -> None:
    first, *rest = fill(machine)
    machine.engine.add(first.project, (20000, 80, "tcp"), state="exited")
    for lease in rest:
        machine.engine.add(lease.project)
    machine.clock.pass_minutes(31)
    assert take(machine, machine.session("d")).block == first.block
    assert [lease.session_id for lease in machine.store.held()] == ["d", "b", "c"]


@contextmanager
def at_work_on(machine: FakeMachine, lease: Lease, command: str = "up") -> Iterator[None]:
    path = session_lock(machine.context().environ, lease.project)
    with hold(path, command, 0, lambda _: None):
        yield


def test_an_expired_lease_on_whose_stack_somebody_works_is_kept_and_renewed(
    machine: FakeMachine,
) -> None:
    first, second, _ = fill(machine)
    machine.clock.pass_minutes(31)
    with at_work_on(machine, first):
        assert start_of(machine, "d") == second.block.start
        assert [lease.session_id for lease in machine.store.held()] == ["a", "d", "c"]
    assert start_of(machine, "e") == 20020


def test_when_somebody_works_on_every_expired_lease_there_is_no_block(
    machine: FakeMachine,
) -> None:
    leases = fill(machine)
    machine.clock.pass_minutes(31)
    with ExitStack() as work:
        for lease in leases:
            work.enter_context(at_work_on(machine, lease))
        with pytest.raises(NoPortsAvailableError):
            take(machine, machine.session("d"))


def test_an_expired_pin_of_a_session_at_work_is_held(machine: FakeMachine) -> None:
    session = machine.session("a")
    lease = reserve_lease(session, (), WEB, {"web:80/tcp": 3000})
    machine.clock.pass_minutes(31)
    with at_work_on(machine, lease), pytest.raises(PortHeldError):
        reserve_lease(machine.session("b"), (), WEB, {"web:80/tcp": 3000})
    reserve_lease(machine.session("b"), (), WEB, {"web:80/tcp": 3000})


# Blocks that are set aside


def test_a_block_to_avoid_is_given_up_by_who_holds_it(machine: FakeMachine) -> None:
    session = machine.session("a")
    before = take(machine, session)
    moved = reserve_lease(session, (), WEB, avoid=frozenset({before.block}))
    assert moved.block.start == 20010
    assert take(machine, session).block.start == 20010


def test_a_block_that_is_set_aside_is_the_last_choice_of_all(machine: FakeMachine) -> None:
    cool_down_block(machine.session("a"), PortBlock(20000, 10))
    assert [start_of(machine, name) for name in ("a", "b", "c")] == [20010, 20020, 20000]


# The owner of a port


def test_a_process_in_the_way_is_named(machine: FakeMachine) -> None:
    machine.ports.used = {(20004, "tcp")}
    machine.ports.holders = {(20004, "tcp"): PortListener(7, "nginx")}
    assert start_of(machine, "a") == 20010
    assert machine.said == ["nginx (process 7) uses port 20004/tcp: trying another block"]


def test_a_container_in_the_way_is_named_and_not_its_proxy(machine: FakeMachine) -> None:
    machine.engine.add("shop", (20004, 80, "tcp"))
    machine.ports.holders = {(20004, "tcp"): PortListener(7, "docker-proxy")}
    assert start_of(machine, "a") == 20010
    (said,) = machine.said
    assert said.startswith("the container 000000000000 (service web of the project shop) uses port")


# A stack that other processes change at the same time


def test_a_stack_that_started_since_the_engine_was_asked_does_not_move(
    machine: FakeMachine,
) -> None:
    session = machine.session("a")
    lease = take(machine, session)
    machine.engine.add(lease.project, (20004, 80, "tcp"))
    machine.ports.used = {(20004, "tcp")}
    assert reserve_lease(session, (), WEB).block.start == 20000
    assert machine.said == []


def test_release_waits_for_who_works_on_the_stack_but_not_for_ever(
    machine: FakeMachine,
) -> None:
    session = machine.session("a")
    lease = take(machine, session, lambda lease, _: lease)
    with at_work_on(machine, lease), pytest.raises(LockBusyError) as told:
        release_without_stack(session, 0.2)
    assert told.value.exit_code == 75
    assert f"works on {lease.project} right now" in told.value.message
    assert session.held_lease() == lease
    release_without_stack(session)
    assert machine.store.held() == []


def test_the_heartbeat_renews_thrice_in_the_time_of_a_lease(machine: FakeMachine) -> None:
    session = machine.session("a")
    take(machine, session)
    heartbeat = renewal_heartbeat(session)
    assert heartbeat.seconds == 30 * 60 / 3
    machine.clock.pass_minutes(29)
    heartbeat.call()
    assert session.held_lease().expires_at == machine.clock.now() + 30 * 60


def test_the_heartbeat_brings_no_lease_back_and_never_fails(machine: FakeMachine) -> None:
    session = machine.session("a")
    heartbeat = renewal_heartbeat(session)
    heartbeat.call()
    take(machine, session)
    release_lease(session)
    heartbeat.call()
    assert machine.store.held() == []


# A look ahead


def test_a_look_ahead_says_what_would_be_taken_and_writes_nothing(machine: FakeMachine) -> None:
    take(machine, machine.session("a"))
    machine.ports.used = {(20014, "tcp")}
    before = machine.store.held()
    session = machine.session("b")
    likely = preview_lease(session, machine.engine.containers(), WEB)
    assert likely.block.start == 20020
    assert machine.store.held() == before
    assert machine.store.get("b") is None
    assert take(machine, session) == likely


# allocate, renew, release


def test_allocate_takes_a_block_without_an_engine(machine: FakeMachine) -> None:
    machine.engine.away = True
    lease = allocate(machine.session("a"))
    assert (lease.block.start, lease.expires_at) == (20000, NOON + 30 * 60)
    assert machine.ports.asked == [{(20000 + offset, "tcp") for offset in range(4)}]


def test_allocate_without_an_engine_still_sees_busy_ports(machine: FakeMachine) -> None:
    machine.engine.away = True
    machine.ports.used = {(20002, "tcp")}
    assert allocate(machine.session("a")).block.start == 20010


def test_allocate_without_an_engine_keeps_expired_leases(machine: FakeMachine) -> None:
    fill(machine)
    machine.engine.away = True
    machine.clock.pass_minutes(1000)
    with pytest.raises(NoPortsAvailableError):
        allocate(machine.session("d"))


def test_allocate_again_renews_and_looks_at_nothing(machine: FakeMachine) -> None:
    first = allocate(machine.session("a"))
    machine.ports.used = {(20003, "tcp")}
    machine.ports.asked.clear()
    machine.clock.pass_minutes(10)
    again = allocate(machine.session("a"))
    assert again == first._replace(expires_at=NOON + 40 * 60)
    assert machine.ports.asked == []


def test_allocate_moves_to_the_new_grid_once_the_settings_have_changed(
    machine: FakeMachine,
) -> None:
    allocate(machine.session("a"))
    machine.settings = replace(machine.settings, base_port=30000)
    assert allocate(machine.session("a")).block.start == 30000


def test_a_running_stack_stays_on_its_block_when_the_settings_change(machine: FakeMachine) -> None:
    lease = take(machine, machine.session("a"))
    machine.engine.add(lease.project, (20004, 80, "tcp"))
    machine.settings = replace(machine.settings, base_port=30000)
    assert allocate(machine.session("a")).block.start == 20000


def test_renewing_extends_and_records_the_place(machine: FakeMachine, tmp_path: Path) -> None:
    lease = allocate(machine.session("a"))
    (tmp_path / "moved").mkdir()
    machine.clock.pass_minutes(5)
    renewed = renew_lease(machine.session("a", tmp_path / "moved"))
    assert renewed.expires_at == lease.expires_at + 5 * 60
    assert renewed.place.directory == f"{tmp_path}/moved"


def test_renewing_what_is_not_held_says_how_to_get_it(machine: FakeMachine) -> None:
    session = machine.session("a")
    for _ in range(2):
        with pytest.raises(NoLeaseError) as told:
            renew_lease(session)
        assert "composeports up" in told.value.hint
        allocate(session)
        release_lease(session)


def test_releasing_an_unknown_session_is_nothing_to_do(machine: FakeMachine) -> None:
    machine.engine.away = True
    release_without_stack(machine.session("nobody"))
    assert machine.store.get("nobody") is None


@pytest.mark.parametrize("state", ["running", "exited", "created"])
def test_a_lease_whose_stack_has_containers_is_not_released(
    machine: FakeMachine, state: str
) -> None:
    lease = take(machine, machine.session("a"))
    machine.engine.add(lease.project, state=state)
    with pytest.raises(StackLeftError, match="still has 1 container") as told:
        release_without_stack(machine.session("a"))
    assert "composeports down" in told.value.hint
    assert machine.store.held() == [lease]


def test_containers_of_others_are_no_reason_to_keep_a_lease(machine: FakeMachine) -> None:
    machine.engine.add("other", (20004, 80, "tcp"))
    lease = take(machine, machine.session("a"))
    release_without_stack(machine.session("a"))
    assert machine.store.get("a") == lease.released()


def test_a_lease_with_a_stack_is_kept_while_nobody_knows_what_runs(machine: FakeMachine) -> None:
    lease = take(machine, machine.session("a"))
    machine.engine.away = True
    with pytest.raises(EngineError):
        release_without_stack(machine.session("a"))
    assert machine.store.held() == [lease]


def test_a_lease_that_never_had_a_stack_is_released_without_an_engine(
    machine: FakeMachine,
) -> None:
    allocate(machine.session("a"))
    machine.engine.away = True
    release_without_stack(machine.session("a"))
    assert machine.store.held() == []


# The list of all sessions


def test_the_states_are_what_the_engine_and_the_disk_say(
    machine: FakeMachine, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("runs", "stands", "gone")]
    for folder in folders:
        folder.mkdir()
    leases = [allocate(machine.session(cwd=folder)) for folder in folders]
    machine.engine.add(leases[0].project)
    machine.engine.add(leases[1].project, state="exited")
    folders[2].rmdir()
    machine.clock.pass_minutes(0.5)
    found = status(machine.session(cwd=folders[1]))
    assert [each.state for each in found] == ["running", "stopped", "gone"]
    assert [each.mine for each in found] == [False, True, False]
    assert [each.remaining_ttl_minutes for each in found] == [30, 30, 30]


def test_without_an_engine_every_state_is_unknown_and_that_is_said(machine: FakeMachine) -> None:
    fill(machine)
    machine.engine.away = True
    machine.clock.pass_minutes(45)
    found = status(machine.session("a"))
    assert [(each.state, each.remaining_ttl_minutes) for each in found] == [("unknown", 0)] * 3
    assert machine.said == ["the Docker engine did not answer: it is away; states are unknown"]


# The session's own containers that something else is starting


STARTING = ("created", "exited", "restarting")


def starting(
    machine: FakeMachine,
    state: str,
    *ports: tuple[int, int, str],
    plan: PlanPorts = WEB,
) -> Session:
    """A session whose container has its ports already, and does not count as running yet."""
    session = machine.session("a")
    lease = take(machine, session, plan)
    machine.engine.add(lease.project, *ports, state=state)
    machine.ports.used = {(host, kind) for host, _, kind in ports}
    return session


def run_all(machine: FakeMachine) -> None:
    """Let all containers run, with their planned ports."""
    for number, each in enumerate(machine.engine.present):
        bindings = machine.engine.bindings[each.id]
        ports = tuple((host, 80, kind) for host, kind in sorted(bindings))
        machine.engine.present[number] = each._replace(state="running", ports=ports)


@pytest.mark.parametrize("state", STARTING)
@pytest.mark.parametrize(
    "holder", [None, PortListener(7, "docker-proxy"), PortListener(7, "dockerd")]
)
@pytest.mark.parametrize("pauses", [1, 5])
def test_own_containers_that_are_starting_are_waited_for(
    machine: FakeMachine, state: str, holder: PortListener | None, pauses: int
) -> None:
    session = starting(machine, state, (20004, 80, "tcp"))
    machine.ports.holders = {} if holder is None else {(20004, "tcp"): holder}

    def run_after_pauses() -> None:
        if len(machine.pauses) == pauses:
            run_all(machine)

    machine.on_pause = run_after_pauses
    assert reserve_lease(session, session.context.engine.containers(), WEB).block.start == 20000
    assert machine.said == []


def test_several_containers_that_start_with_udp_and_a_range_keep_their_ports(
    machine: FakeMachine,
) -> None:
    plan = published((4, "udp"), (5, "tcp"), (6, "tcp"), (7, "tcp"))
    session = starting(machine, "exited", (20004, 53, "udp"), (20005, 81, "tcp"), plan=plan)
    project = session.expected_project_name(session.record())
    machine.engine.add(project, (20006, 82, "tcp"), (20007, 83, "tcp"), state="created")
    machine.ports.used |= {(20006, "tcp"), (20007, "tcp")}
    machine.on_pause = lambda: run_all(machine)
    lease = reserve_lease(session, session.context.engine.containers(), plan)
    assert (lease.block.start, machine.said) == (20000, [])


def test_a_start_that_fails_leaves_the_ports_to_the_session(machine: FakeMachine) -> None:
    session = starting(machine, "created", (20004, 80, "tcp"))
    machine.on_pause = machine.ports.used.clear
    assert reserve_lease(session, session.context.engine.containers(), WEB).block.start == 20000
    assert len(machine.pauses) == 1


@pytest.mark.parametrize(
    "holder", [PortListener(7, "nginx"), PortListener(7, "docker-proxy", engine="another")], ids=str
)
def test_a_stranger_at_a_port_of_a_stopped_stack_is_not_waited_for(
    machine: FakeMachine, holder: PortListener
) -> None:
    session = starting(machine, "exited", (20004, 80, "tcp"))
    machine.ports.holders = {(20004, "tcp"): holder}
    assert reserve_lease(session, session.context.engine.containers(), WEB).block.start == 20010
    assert machine.pauses == []


def test_another_container_at_a_port_of_a_stopped_stack_is_not_waited_for(
    machine: FakeMachine,
) -> None:
    session = starting(machine, "exited", (20004, 80, "tcp"))
    machine.engine.add("shop", (20004, 80, "tcp"))
    assert reserve_lease(session, session.context.engine.containers(), WEB).block.start == 20010
    assert machine.pauses == []


def test_what_never_starts_is_waited_for_ten_seconds_and_never_called_another_engines(
    machine: FakeMachine,
) -> None:
    session = starting(machine, "created", (20004, 80, "tcp"))
    machine.ports.holders = {(20004, "tcp"): PortListener(7, "docker-proxy", engine="this")}
    assert reserve_lease(session, session.context.engine.containers(), WEB).block.start == 20010
    assert sum(machine.pauses) == pytest.approx(10)
    assert machine.said[0].startswith("a container of this engine (docker-proxy, process 7) uses")


def test_an_engine_that_freezes_while_own_containers_start_moves_nobody(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = starting(machine, "created", (20004, 80, "tcp"))
    seen = session.context.engine.containers()

    def freeze(_project: str | None = None) -> NoReturn:
        message = "the Docker engine did not answer within 10 s"
        raise EngineSilentError(message)

    monkeypatch.setattr(machine.engine, "start_listing", freeze)
    with pytest.raises(EngineSilentError):
        reserve_lease(session, seen, WEB)
    assert machine.store.held()[0].block.start == 20000
