"""Engines with one id because their data was copied: which of them has a lease's stack."""

import pytest

from composeports.core.allocation import claim, renew
from composeports.core.allocation_request import NOTHING_RUNS, AllocationRequest
from composeports.core.engine_identity import Viewpoint
from composeports.core.engine_traits import (
    NO_TRAITS,
    OTHER,
    SAME,
    UNSURE,
    EngineTraits,
    compare,
)
from composeports.core.labels import Mark, mark_of
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.other_engine import reject_other_engine
from composeports.core.ports import PortGrid
from composeports.core.snapshot import LeaseSummary, StoreSnapshot
from composeports.errors import NoPortsAvailableError, OtherEngineError
from composeports.usecases.gc.policy import of_twin_engine

NOON, MORNING = 43200.0, 20000.0
GRID = PortGrid(10000, 10, 1)
(FIRST,) = GRID.blocks()
UP = ComposeInvocation(files=("/w/compose.yaml",))
ID = "a-b-c"

HERE = EngineTraits(
    "run-1", "data-1", "/var/lib/docker", "ant", "", "m-1", "boot-1", booted=MORNING
)
FAR = EngineTraits("run-1", "data-1", "/var/lib/docker", "ant", "ant.example")
RESTARTED = HERE._replace(run="run-2")
REBOOTED = RESTARTED._replace(boot="boot-2", booted=NOON + 60)
CLONE = REBOOTED._replace(name="bee", machine="m-2")
PODMAN = EngineTraits("", "", "/home/dev/.local/share", "ant", "", "m-1", "boot-1", booted=MORNING)


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        pytest.param(HERE, HERE, SAME, id="it has run ever since"),
        pytest.param(HERE, RESTARTED, SAME, id="it was restarted"),
        pytest.param(HERE, REBOOTED, SAME, id="its machine was rebooted"),
        pytest.param(HERE, HERE._replace(name="bee"), SAME, id="its machine was renamed"),
        pytest.param(
            HERE, RESTARTED._replace(name="bee"), UNSURE, id="renamed and restarted, or a clone"
        ),
        pytest.param(
            HERE, REBOOTED._replace(name="bee"), UNSURE, id="a clone with the same machine id"
        ),
        pytest.param(
            HERE, REBOOTED._replace(machine="m-2"), UNSURE, id="a clone with the same host name"
        ),
        pytest.param(HERE, CLONE, UNSURE, id="a clone with a name and an id of its own"),
        pytest.param(
            HERE, CLONE._replace(data="data-2"), OTHER, id="the id was copied, the data was not"
        ),
        pytest.param(
            HERE, REBOOTED._replace(data="data-2"), UNSURE, id="its data was lost, or a clone"
        ),
        pytest.param(
            HERE, RESTARTED._replace(folder="/srv/docker"), OTHER, id="two engines of one machine"
        ),
        pytest.param(
            HERE,
            REBOOTED._replace(booted=MORNING),
            OTHER,
            id="a clone that is equal: taken since this machine has booted, and with another boot",
        ),
        pytest.param(
            HERE,
            REBOOTED._replace(booted=NOON - 60),
            SAME,
            id="within what clocks may be apart it is no proof",
        ),
        pytest.param(FAR, HERE, SAME, id="taken from far away"),
        pytest.param(HERE, FAR, SAME, id="asked from far away"),
        pytest.param(
            HERE, HERE._replace(machine="m-2"), SAME, id="a container that has the engine's socket"
        ),
        pytest.param(FAR, FAR._replace(reached="10.0.0.7"), SAME, id="by another address"),
        pytest.param(
            FAR,
            FAR._replace(run="run-2", reached="bee.example"),
            UNSURE,
            id="by another address, and restarted or a clone",
        ),
        pytest.param(PODMAN, PODMAN, SAME, id="Podman tells of no run"),
        pytest.param(
            PODMAN, PODMAN._replace(machine="m-2", boot="boot-2"), OTHER, id="two Podmans, sure"
        ),
        pytest.param(
            PODMAN,
            PODMAN._replace(machine="m-2", boot="boot-2", booted=NOON + 60),
            UNSURE,
            id="two Podmans of one name and folder",
        ),
        pytest.param(HERE, EngineTraits(), SAME, id="nothing is known that tells them apart"),
    ],
)
def test_a_lease_is_of_the_engine_that_looks_like_its_own(
    then: EngineTraits, now: EngineTraits, said: str
) -> None:
    assert compare(then.kept, now, NOON) == said


def lease(traits: EngineTraits = HERE, *, held: bool = True, machine: str = "ant") -> Lease:
    place = WorktreeLocation("/w", "/w/.git", "/w", "", machine)
    return Lease(
        "me", FIRST, "ac-me", NOON, NOON + 60, held=held, stack=UP, place=place, engine=ID,
        traits=traits.kept, store="s",
    )  # fmt: skip


def view(traits: EngineTraits, machine: str = "ant") -> Viewpoint:
    return Viewpoint(ID, traits, machine)


@pytest.mark.parametrize(
    ("of", "asked", "said"),
    [
        pytest.param(lease(NO_TRAITS), view(HERE), SAME, id="of this machine"),
        pytest.param(lease(NO_TRAITS), view(HERE, "bee"), UNSURE, id="of another machine"),
        pytest.param(lease(NO_TRAITS, machine=""), view(HERE), SAME, id="of no place"),
        pytest.param(
            lease(NO_TRAITS), view(FAR, "bee"), SAME, id="a remote engine is all machines'"
        ),
        pytest.param(
            lease(NO_TRAITS), Viewpoint(ID, machine="bee"), SAME, id="nobody tells engines apart"
        ),
        pytest.param(lease(), Viewpoint("", HERE), SAME, id="who asks does not know the engine"),
        pytest.param(lease(), Viewpoint("d-e-f", HERE), OTHER, id="another id"),
        pytest.param(lease(CLONE), view(HERE), OTHER, id="as the traits say"),
    ],
)
def test_a_lease_without_traits_goes_by_its_machine(of: Lease, asked: Viewpoint, said: str) -> None:
    assert asked.sameness(of) == said
    assert asked.sameness(LeaseSummary.of(of)) == said


def ask(
    traits: EngineTraits, *marks: Mark, adopt_allowed: bool = False, session: str = "me"
) -> AllocationRequest:
    marked = frozenset(("ac-me", each) for each in marks)
    return AllocationRequest(
        session,
        GRID,
        NOON + 600,
        5,
        NOTHING_RUNS,
        view=view(traits),
        marked=marked,
        adopt_allowed=adopt_allowed,
    )


@pytest.mark.parametrize("traits", [CLONE, CLONE._replace(data="data-2")], ids=["unsure", "other"])
def test_an_expired_lease_is_not_ended_on_the_word_of_another_engine(traits: EngineTraits) -> None:
    with pytest.raises(NoPortsAvailableError):
        claim(StoreSnapshot(others=(LeaseSummary.of(lease()),)), ask(traits, session="other"))


def test_a_rebooted_engine_still_has_the_word() -> None:
    snapshot = StoreSnapshot(others=(LeaseSummary.of(lease()),))
    assert claim(snapshot, ask(REBOOTED, session="other")).reclaimed == ("me",)


def test_a_stack_that_may_be_on_another_engine_is_not_taken_over() -> None:
    with pytest.raises(OtherEngineError, match=r"ac-me .* may have been .* on ant; noth") as caught:
        claim(StoreSnapshot(own=lease()), ask(CLONE))
    assert "rm -f /var/lib/docker/engine-id /etc/docker/key.json" in caught.value.hint
    assert "--adopt" in caught.value.hint
    with pytest.raises(OtherEngineError, match="was started on another engine"):
        claim(StoreSnapshot(own=lease()), ask(CLONE._replace(data="data-2")))


def test_an_engine_of_which_little_is_known_is_told_with_the_usual_folder() -> None:
    bare = EngineTraits(machine="m-2")
    with pytest.raises(OtherEngineError, match="another machine") as caught:
        reject_other_engine(lease(EngineTraits(machine="m-1"), machine=""), view(bare))
    assert "/var/lib/docker/engine-id" in caught.value.hint


def test_containers_with_the_lease_s_mark_show_that_it_is_a_renamed_machine() -> None:
    own = lease()
    renamed = REBOOTED._replace(name="bee")
    granted = claim(StoreSnapshot(own=own), ask(renamed, mark_of("s", "me"))).granted
    assert granted.block == own.block
    assert granted.traits == renamed.kept
    with pytest.raises(OtherEngineError):
        claim(StoreSnapshot(own=own), ask(renamed, mark_of("s", "another")))


def test_copies_of_its_containers_are_no_reason_where_it_is_surely_another_engine() -> None:
    clone = REBOOTED._replace(booted=MORNING)
    with pytest.raises(OtherEngineError):
        claim(StoreSnapshot(own=lease()), ask(clone, mark_of("s", "me")))
    assert (
        claim(StoreSnapshot(own=lease()), ask(clone, adopt_allowed=True)).granted.traits
        == clone.kept
    )


@pytest.mark.parametrize(
    "own", [None, lease(held=False), lease()._replace(stack=ComposeInvocation())]
)
def test_who_has_no_stack_may_start_one_on_any_engine(own: Lease | None) -> None:
    assert claim(StoreSnapshot(own=own), ask(CLONE)).granted.traits == CLONE.kept


def test_a_lease_that_is_renewed_keeps_up_with_its_engine() -> None:
    renamed = HERE._replace(name="bee")
    after = renew(StoreSnapshot(own=lease()), NOON, view=view(renamed)).granted
    assert after.traits == renamed.kept
    assert view(renamed._replace(run="run-2")).is_same(after), "renamed, then restarted"
    assert renew(StoreSnapshot(own=lease()), NOON, view=view(CLONE)).granted.traits == HERE.kept
    unknown = lease()._replace(engine="", traits=NO_TRAITS)
    assert renew(StoreSnapshot(own=unknown), NOON, view=view(HERE)).granted == unknown._replace(
        expires_at=NOON + 120 * 60
    )


def test_a_lease_that_stays_is_told_with_where_it_may_be() -> None:
    assert "on ant;" in of_twin_engine(lease())
    assert "on bee;" in of_twin_engine(lease(NO_TRAITS, machine="bee"))
    assert "on another machine;" in of_twin_engine(lease(NO_TRAITS, machine=""))
