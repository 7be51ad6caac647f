"""Leases that move to another store: their names there, and which ones stay."""

from dataclasses import replace

import pytest

from composeports.core.engine_identity import EngineIdentity
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.ports import PortBlock
from composeports.core.snapshot import LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.usecases.store_admin.policy import (
    LocalEngine,
    NotMigratedError,
    arrive,
    as_it_is,
    leave,
    to_own,
    to_shared,
)

ENGINE = EngineIdentity("id-1", "host-1")
REMOTE = EngineIdentity("id-2", "host-2", "host-2", local=False)
ADDRESS = "unix:///run/docker.sock"
HERE = LocalEngine("ant", ENGINE, ADDRESS)
PLACE = WorktreeLocation("/srv/shop", "/srv/shop/.git", "/srv/shop", "main")
LEASE = Lease(
    "/srv/shop/.git", PortBlock(10000, 10), "ac-00000001", 1.0, 2.0, place=PLACE, engine=ADDRESS
)
SHARED = LEASE._replace(
    session_id="ant:/srv/shop/.git", place=PLACE._replace(machine="ant"), engine="id-1"
)
NAMED = LEASE._replace(session_id="mine")


def test_a_session_of_a_place_gets_the_machine_s_name_and_loses_it_again() -> None:
    arrival = to_shared("", LEASE, HERE)
    assert (arrival.space, arrival.lease) == ("id-1", SHARED)
    back = to_own(arrival.space, arrival.lease, HERE)
    assert (back.space, back.lease) == ("", LEASE)


def test_a_name_that_was_given_stays_as_it_is() -> None:
    arrival = to_shared("", NAMED, HERE)
    assert arrival.lease.session_id == "mine"
    assert arrival.lease.place.machine == "ant"
    assert to_own("id-1", arrival.lease, HERE).lease == NAMED


def test_a_lease_of_no_place_stays_of_none() -> None:
    lease = LEASE._replace(session_id="alone", place=WorktreeLocation(), engine="")
    assert to_shared("", lease, HERE).lease == lease._replace(engine="id-1")


@pytest.mark.parametrize("engine", ["", ADDRESS, "id-1"])
def test_what_may_be_on_this_engine_is_taken_for_it(engine: str) -> None:
    assert to_shared("", LEASE._replace(engine=engine), HERE).space == "id-1"


@pytest.mark.parametrize(
    ("lease", "here"),
    [
        (LEASE._replace(engine="unix:///run/other.sock"), HERE),
        (LEASE, replace(HERE, engine=REMOTE)),
        (LEASE._replace(engine=""), replace(HERE, engine=REMOTE)),
    ],
)
def test_what_is_on_another_engine_of_the_machine_stays(lease: Lease, here: LocalEngine) -> None:
    with pytest.raises(NotMigratedError, match="another engine"):
        to_shared("", lease, here)


def test_what_is_on_a_remote_engine_is_the_same_everywhere() -> None:
    lease = SHARED._replace(engine="id-2")
    assert to_shared("id-2", lease, HERE).lease == lease
    assert to_own("id-2", lease, HERE).lease == lease
    assert as_it_is("id-2", lease, HERE).space == "id-2"


def test_what_another_machine_has_stays() -> None:
    lease = SHARED._replace(place=PLACE._replace(machine="bee"))
    with pytest.raises(NotMigratedError, match="machine bee"):
        to_own("id-1", lease, HERE)


# Arriving


def hold(
    name: str, *, block: int = 10010, project: str = "ac-00000002", held: bool = True
) -> LeaseSummary:
    return LeaseSummary(name, PortBlock(block, 10), project, 2.0, held)


@pytest.mark.parametrize(
    "other", [hold("b"), hold("b", block=10000, held=False), hold("b", block=10100)]
)
def test_a_lease_that_fits_is_written(other: LeaseSummary) -> None:
    assert arrive(StoreSnapshot(None, (other,)), LEASE) == StoreUpdate(LEASE)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (hold("b", project=LEASE.project, held=False), "project name ac-00000001"),
        (hold("b", block=10005), "holds its ports"),
        (hold("b")._replace(pins=frozenset({10003})), "holds its ports"),
        (hold("b")._replace(subnets=("10.213.0.0/16",)), "subnets"),
    ],
)
def test_one_that_somebody_is_in_the_way_of_stays(other: LeaseSummary, why: str) -> None:
    lease = LEASE._replace(subnets={"net#0": "10.213.4.0/24"})
    with pytest.raises(NotMigratedError, match=why):
        arrive(StoreSnapshot(None, (other,)), lease)


def test_a_remembered_one_is_in_nobody_s_way() -> None:
    lease = LEASE._replace(held=False)
    assert arrive(StoreSnapshot(None, (hold("b", block=10000),)), lease) == StoreUpdate(lease)


def test_one_that_has_arrived_already_stays_as_it_is_there() -> None:
    assert arrive(StoreSnapshot(LEASE._replace(expires_at=99.0)), LEASE) == StoreUpdate()
    assert arrive(StoreSnapshot(LEASE.released()), LEASE.released()) == StoreUpdate()


def test_a_held_one_comes_before_a_memory() -> None:
    assert (
        arrive(StoreSnapshot(LEASE._replace(block=PortBlock(10010, 10)).released()), LEASE).lease
        == LEASE
    )


def test_a_session_that_holds_other_ports_there_keeps_both() -> None:
    with pytest.raises(NotMigratedError, match="10010-10019 there already"):
        arrive(StoreSnapshot(LEASE._replace(block=PortBlock(10010, 10))), LEASE)


# Leaving


def test_a_lease_that_has_moved_is_forgotten_although_it_was_renewed() -> None:
    assert leave(StoreSnapshot(LEASE._replace(expires_at=99.0)), LEASE) == StoreUpdate(forget=True)
    kept = LEASE._replace(store="store-1")  # the store has got its id since
    assert leave(StoreSnapshot(kept), LEASE) == StoreUpdate(forget=True)
    assert leave(StoreSnapshot(), LEASE) == StoreUpdate()


def test_one_that_changed_meanwhile_stays() -> None:
    with pytest.raises(NotMigratedError, match="changed during the migration"):
        leave(StoreSnapshot(LEASE.released()), LEASE)
