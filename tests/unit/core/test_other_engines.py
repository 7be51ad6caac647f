"""Leases on another engine or machine: this process cannot know if they are idle."""

import pytest

from composeports.core.allocation import claim
from composeports.core.allocation_request import NOTHING_RUNS, AllocationRequest, RunningProjects
from composeports.core.engine_identity import THIS_MACHINE, EngineIdentity, Viewpoint
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.other_engine import reject_other_engine
from composeports.core.ports import PortBlock, PortGrid
from composeports.core.snapshot import LeaseSummary, StoreSnapshot
from composeports.errors import NoPortsAvailableError, OtherEngineError
from composeports.usecases.gc.policy import (
    ELSEWHERE,
    EXPIRED,
    PathProbe,
    WorktreeProbe,
    doubt,
    judge,
)
from composeports.usecases.gc.policy import of_another_engine as kept_for_another_engine

NOON = 43200.0
GRID = PortGrid(10000, 10, 1)
(FIRST,) = GRID.blocks()
UP = ComposeInvocation(files=("/w/compose.yaml",))


def lease(engine: str = "", block: PortBlock = FIRST, *, held: bool = True) -> Lease:
    return Lease("me", block, "ac-me", NOON, NOON + 60, held=held, stack=UP, engine=engine)


def ask(engine: str = "", liveness: RunningProjects = NOTHING_RUNS) -> AllocationRequest:
    return AllocationRequest("me", GRID, NOON, 5, liveness, view=Viewpoint(engine))


def expired(engine: str) -> LeaseSummary:
    return LeaseSummary("old", FIRST, "ac-old", NOON - 1, held=True, engine=engine)


@pytest.mark.parametrize(
    ("of", "asked", "robbed"),
    [
        pytest.param("", "", True, id="nobody knows engines: it is idle"),
        pytest.param("", "one", True, id="a lease of before is of this engine"),
        pytest.param("one", "", True, id="who asks does not know"),
        pytest.param("one", "one", True, id="the same engine"),
        pytest.param("two", "one", False, id="of another engine nobody can say that it is idle"),
    ],
)
def test_an_expired_lease_is_reclaimed_only_by_its_own_engine(
    of: str, asked: str, robbed: bool
) -> None:
    snapshot = StoreSnapshot(others=(expired(of),))
    if robbed:
        assert claim(snapshot, ask(asked)).reclaimed == ("old",)
        return
    with pytest.raises(NoPortsAvailableError):
        claim(snapshot, ask(asked))


def test_a_lease_keeps_the_engine_that_it_was_granted_on() -> None:
    assert claim(StoreSnapshot(), ask("one")).granted.engine == "one"
    assert claim(StoreSnapshot(own=lease("one")), ask()).granted.engine == "one"
    assert claim(StoreSnapshot(own=lease()), ask("one")).granted.engine == "one"


def test_a_stack_on_another_engine_is_taken_down_there_first() -> None:
    with pytest.raises(OtherEngineError, match=r"ac-me .* another engine \(two\)") as caught:
        claim(StoreSnapshot(own=lease("two")), ask("one"))
    assert "composeports down" in caught.value.hint
    assert (caught.value.exit_code, caught.value.details["engine"]) == (75, "two")


@pytest.mark.parametrize(
    "own",
    [
        pytest.param(None, id="no lease"),
        pytest.param(lease("one"), id="the same engine"),
        pytest.param(lease(), id="an engine that nobody knows"),
        pytest.param(lease("two", held=False), id="a lease that is over"),
        pytest.param(lease("two")._replace(stack=ComposeInvocation()), id="ports without a stack"),
    ],
)
def test_otherwise_a_session_may_change_its_engine(own: Lease | None) -> None:
    reject_other_engine(own, Viewpoint("one"))


def test_without_knowing_the_engine_nothing_is_elsewhere() -> None:
    assert not Viewpoint().has_other_id(lease("two"))
    assert Viewpoint("one").has_other_id(lease("two"))


@pytest.mark.parametrize(
    ("engine", "space"),
    [
        pytest.param(THIS_MACHINE, "", id="this machine"),
        pytest.param(EngineIdentity("id", "name"), "", id="an engine of this machine"),
        pytest.param(EngineIdentity("id", "name", "far", local=False), "id", id="a remote one"),
    ],
)
def test_the_engines_of_a_machine_share_its_ports(engine: EngineIdentity, space: str) -> None:
    assert engine.space == space


@pytest.mark.parametrize(
    ("place", "session"),
    [
        (WorktreeLocation("/w", "/w/.git", "/w"), "/w/.git"),
        (WorktreeLocation("/w", "/w/.git", "/w/sub"), "/w/.git#sub"),
        (WorktreeLocation("/w", "", "/w"), "/w"),
        (WorktreeLocation("/w", "/w/.git", "/w/sub", machine="ci-1"), "ci-1:/w/.git#sub"),
    ],
)
def test_the_same_path_on_two_machines_is_two_sessions(
    place: WorktreeLocation, session: str
) -> None:
    assert place.session_id == session


def test_a_place_without_a_machine_is_everybody_s_own() -> None:
    assert WorktreeLocation("/w").is_on("ci-1")
    assert WorktreeLocation("/w", machine="ci-1").is_on("ci-1")
    assert not WorktreeLocation("/w", machine="ci-2").is_on("ci-1")


def test_a_worktree_of_another_machine_is_neither_gone_nor_in_doubt() -> None:
    late = lease()._replace(place=WorktreeLocation("/w", "/w/.git", "/w", machine="ci-2"))
    assert judge(late, ELSEWHERE, (), NOON).why == ""
    assert judge(late, ELSEWHERE, (), NOON + 61).why == EXPIRED
    assert doubt(late, ELSEWHERE, WorktreeProbe(PathProbe(), directory=False)) == ""


def test_what_is_on_another_engine_is_kept_with_a_reason() -> None:
    assert "another engine (two)" in kept_for_another_engine(lease("two"))
