"""Pinned ports, from facts only: which session may have one, which loses one, and the messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.allocation import claim, rolled_back
from composeports.core.allocation_request import (
    NOTHING_RUNS,
    UNKNOWN,
    AllocationRequest,
    RunningProjects,
)
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.ports import PortBlock, PortGrid
from composeports.core.session import project_name
from composeports.core.snapshot import LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.errors import NoPortsAvailableError, PortHeldError
from composeports.stores.conflicts import refuse_conflicts
from composeports.stores.rows import RowSource, hold_from_row

GRID = PortGrid(10000, 10, 4)
NOON = 43200.0
WEB = "web:3000/tcp"


def lease(session_id: str = "me", start: int = 10000, **pins: int) -> Lease:
    keys = {f"{service}:3000/tcp": port for service, port in pins.items()}
    until = NOON + 60
    return Lease(session_id, PortBlock(start, 10), f"ac-{session_id}", NOON, until, pins=keys)


def hold(
    session_id: str = "other", start: int = 10010, *ports: int, directory: str = ""
) -> LeaseSummary:
    block = PortBlock(start, 10)
    pins = frozenset(ports)
    return LeaseSummary(session_id, block, f"ac-{session_id}", NOON + 60, True, pins, (), directory)


def expired(found: LeaseSummary) -> LeaseSummary:
    return found._replace(expires_at=NOON - 1)


def ask(
    *others: LeaseSummary,
    own: Lease | None = None,
    liveness: RunningProjects = UNKNOWN,
    **pins: int,
) -> StoreUpdate:
    keys = {f"{service}:3000/tcp": port for service, port in pins.items()}
    return claim(
        StoreSnapshot(own, others), AllocationRequest("me", GRID, NOON, 1, liveness, pins=keys)
    )


# Which session may have a port


def test_a_port_that_nobody_has_is_given() -> None:
    assert ask(hold("other", 10010, 3001), web=3000).granted.pins == {WEB: 3000}


@pytest.mark.parametrize("own", [None, lease(), lease()._replace(held=False)])
@pytest.mark.parametrize(("port", "how"), [(3000, "pinned"), (10019, "block 10010-10019")])
def test_a_port_of_another_session_is_refused_with_its_holder(
    own: Lease | None, port: int, how: str
) -> None:
    with pytest.raises(PortHeldError) as told:
        ask(hold("other", 10010, 3000, directory="/srv/shop"), own=own, web=port)
    error = told.value
    assert (error.code, error.exit_code) == ("port_held", 75)
    for words in (f"port {port}", WEB, "the session other in /srv/shop", how):
        assert words in error.message
    assert "`composeports down` there" in error.hint
    assert error.details == {
        "port": port,
        "key": WEB,
        "holder": "other",
        "directory": "/srv/shop",
    }


def test_where_the_holder_lives_may_be_unknown() -> None:
    with pytest.raises(PortHeldError, match=r"by the session other \(pinned\)"):
        ask(hold("other", 10010, 3000), web=3000)


def test_what_is_only_remembered_is_nobody_s() -> None:
    assert ask(hold("other", 10010, 3000)._replace(held=False), web=3000).reclaimed == ()


@pytest.mark.parametrize("own", [None, lease(), lease(api=8080)])
@pytest.mark.parametrize("port", [3000, 10015])
def test_an_expired_and_idle_holder_loses_its_lease(own: Lease | None, port: int) -> None:
    outcome = ask(expired(hold("other", 10010, 3000)), own=own, liveness=NOTHING_RUNS, web=port)
    assert outcome.reclaimed == ("other",)
    assert outcome.granted.pins == {WEB: port}


@pytest.mark.parametrize("liveness", [UNKNOWN, RunningProjects(True, frozenset({"ac-other"}))])
def test_an_expired_holder_that_may_run_keeps_its_port(liveness: RunningProjects) -> None:
    with pytest.raises(PortHeldError):
        ask(expired(hold("other", 10010, 3000)), liveness=liveness, web=3000)


# What becomes of the lease


def test_a_held_lease_keeps_all_but_its_pins_and_its_time() -> None:
    own = lease(web=3000, api=8080)._replace(
        offsets={WEB: 4},
        environment=(("A", "b"),),
        subnets={"x#0": "10.213.0.0/24"},
        place=WorktreeLocation("/w", "/g", "/d", "main"),
        name="w",
    )
    assert ask(own=own, web=3001).granted == own._replace(
        pins={WEB: 3001}, expires_at=NOON + 60, ttl_minutes=1
    )


def test_subnets_are_kept_over_a_release_and_a_move() -> None:
    own = lease(start=20000)._replace(subnets={"x#0": "10.213.0.0/24"}, held=False)
    assert ask(own=own).granted.subnets == own.subnets
    assert ask(own=own._replace(held=True), liveness=NOTHING_RUNS).granted.subnets == own.subnets


def test_of_the_subnets_only_those_go_that_another_session_holds() -> None:
    own = lease()._replace(held=False, subnets={"x#0": "10.213.0.0/24", "y#0": "10.213.1.0/24"})
    other = hold()._replace(subnets=("10.213.1.128/25",))
    assert ask(other, own=own).granted.subnets == {"x#0": "10.213.0.0/24"}
    assert ask(other._replace(held=False), own=own).granted.subnets == own.subnets


def test_no_free_block_says_how_many_a_pin_is_in_the_way_of() -> None:
    others = [hold("a", 10000, 10012), hold("b", 10020, 10035)]
    with pytest.raises(NoPortsAvailableError) as told:
        ask(*others)
    assert "2 held by other sessions, 2 with a port that another session has" in told.value.message


# Back to what was before


def back(before: Lease | None, *others: LeaseSummary) -> StoreUpdate:
    return rolled_back(StoreSnapshot(lease(), others), before)


def test_a_session_that_was_unknown_is_forgotten() -> None:
    assert back(None) == StoreUpdate(forget=True)


def test_a_record_that_is_not_held_comes_back_as_it_was() -> None:
    before = lease(web=3000)._replace(held=False)
    assert back(before, hold("other", 10000, 3000)) == StoreUpdate(before)


def test_a_lease_comes_back_as_it_was() -> None:
    before = lease(web=3000)._replace(subnets={"x#0": "10.213.0.0/24"})
    assert back(before, hold("other", 10010, 3001)) == StoreUpdate(before)


@pytest.mark.parametrize("other", [hold("other", 10005), hold("other", 10010, 10003)])
def test_a_block_that_another_session_has_got_is_lost(other: LeaseSummary) -> None:
    assert back(lease(web=3000), other) == StoreUpdate(lease(web=3000).released())


def test_pins_and_subnets_that_another_session_has_got_are_lost_alone() -> None:
    before = lease(web=3000, api=10015, db=5432)._replace(subnets={"x#0": "10.213.0.0/24"})
    other = hold("other", 10010, 3000)._replace(subnets=("10.213.0.0/16",))
    kept = before._replace(pins={"db:3000/tcp": 5432}, subnets={})
    assert back(before, other) == StoreUpdate(kept)
    assert back(before, other._replace(held=False)) == StoreUpdate(before)


# For all

ports = st.sampled_from([3000, 3001, 9999, *range(10000, 10045, 3)])
holds = st.lists(
    st.builds(
        lambda start, pins, held, late: hold("x", start, *pins)._replace(
            held=held, expires_at=NOON - late
        ),
        st.integers(9995, 10040),
        st.frozensets(ports, max_size=3),
        st.booleans(),
        st.sampled_from([-60, 60]),
    ),
    max_size=4,
).map(
    lambda found: [
        each._replace(session_id=f"s{number}", project=f"ac-{number}")
        for number, each in enumerate(found)
    ]
)
owns = st.none() | st.builds(
    lambda start, held, port: lease(start=start, web=port)._replace(held=held),
    st.sampled_from([10000, 10010, 20000]),
    st.booleans(),
    ports,
)


@given(holds, owns, st.frozensets(ports, max_size=3), st.sampled_from([UNKNOWN, NOTHING_RUNS]))
def test_a_claim_takes_no_port_of_who_stands(
    others: list[LeaseSummary], own: Lease | None, pins: frozenset[int], liveness: RunningProjects
) -> None:
    if own is not None and own.held:
        had = own.pins.values()
        others = [each for each in others if not (each.held and each.shares_port(own.block, had))]
    request = AllocationRequest(
        "me", GRID, NOON, 1, liveness, pins={f"web:{port}/tcp": port for port in pins}
    )
    snapshot = StoreSnapshot(own, tuple(others))
    try:
        outcome = claim(snapshot, request)
    except (NoPortsAvailableError, PortHeldError):
        return
    refuse_conflicts("me", snapshot, outcome)
    granted = outcome.granted
    assert set(granted.pins.values()) == pins
    mine = {*range(granted.block.start, granted.block.last + 1), *pins}
    for each in others:
        theirs = {*range(each.block.start, each.block.last + 1), *each.pins}
        if each.session_id in outcome.reclaimed:
            assert each.held
            assert each.expires_at <= NOON
            assert liveness == NOTHING_RUNS
            assert not mine.isdisjoint(theirs)
        elif each.held:
            assert mine.isdisjoint(theirs)


@given(holds, owns)
def test_what_is_restored_conflicts_with_nobody(
    others: list[LeaseSummary], before: Lease | None
) -> None:
    snapshot = StoreSnapshot(None, tuple(others))
    outcome = rolled_back(snapshot, before)
    refuse_conflicts("me", snapshot, outcome)


@given(st.integers(1, 100), st.integers(1, 20), st.integers(0, 130))
def test_a_block_has_the_ports_from_first_to_last(start: int, size: int, port: int) -> None:
    block = PortBlock(start, size)
    assert (port in block) == (port in range(block.start, block.last + 1))


# As a row


@pytest.mark.parametrize(
    ("pins", "subnets", "place"),
    [
        ("", "{}", '{"directory": ""}'),
        ("[3000]", "{}", '{"directory": ""}'),
        ("{}", "null", '{"directory": ""}'),
        ("{}", "{}", "{}"),
    ],
)
def test_a_damaged_record_of_another_session_is_told_and_keeps_its_block(
    pins: str, subnets: str, place: str
) -> None:
    told: list[str] = []
    source = RowSource("/store", "leases", "", lambda: "", told.append)
    row = ("other", 10000, 10, project_name("other"), NOON, 1, "", pins, subnets, place, "{}", NOON)
    hold = hold_from_row(row, source)
    assert hold is not None
    assert (hold.session_id, hold.block, hold.held) == ("other", PortBlock(10000, 10), True)
    assert hold.refused
    assert len(told) == 1
    assert "damaged record of session 'other'" in told[0]
