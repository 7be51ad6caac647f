"""Which sessions give way when no block is free: those with an unused lease of the git hook."""

import pytest

from composeports.core.allocation import claim, reinstated, renew, rolled_back
from composeports.core.allocation_request import (
    NOTHING_RUNS,
    UNKNOWN,
    AllocationRequest,
    RunningProjects,
)
from composeports.core.engine_identity import Viewpoint
from composeports.core.labels import Mark
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock, PortGrid
from composeports.core.session import project_name
from composeports.core.snapshot import LeaseSummary, StoreSnapshot
from composeports.errors import NoPortsAvailableError, PortHeldError

NOON = 43200.0
GRID = PortGrid(10000, 10, 3)
FIRST, SECOND, THIRD = GRID.blocks()


def hold(
    session: str, block: PortBlock, *, since: float = 0.0, until: float = NOON + 60
) -> LeaseSummary:
    return LeaseSummary(
        session, block, project_name(session), until, held=True, allocated_at=NOON - 600 + since
    )


def unused(
    session: str, block: PortBlock, *, since: float = 0.0, until: float = NOON + 60
) -> LeaseSummary:
    return hold(session, block, since=since, until=until)._replace(unused=True)


def running(*sessions: str) -> RunningProjects:
    return RunningProjects(known=True, running=frozenset(map(project_name, sessions)))


ASKED = AllocationRequest("me", GRID, NOON, 5, NOTHING_RUNS, may_take_unused=True)
OURS = Lease("me", FIRST, "ac-mine", NOON - 600, NOON + 60)
FULL = (hold("a", FIRST), unused("b", SECOND, since=2), unused("c", THIRD, since=1))
AVOIDED = ASKED._replace(avoid=frozenset({THIRD}))


@pytest.mark.parametrize(
    ("others", "request_", "block", "reclaimed"),
    [
        pytest.param(FULL, ASKED, THIRD, ("c",), id="the oldest"),
        pytest.param(FULL, AVOIDED, SECOND, ("b",), id="its ports are in use: the next"),
        pytest.param(
            (FULL[0], unused("z", SECOND), unused("y", THIRD)),
            ASKED,
            THIRD,
            ("y",),
            id="as old: by their ids",
        ),
        pytest.param(FULL[1:], ASKED, FIRST, (), id="a free block comes first"),
        pytest.param(
            (hold("a", FIRST, until=NOON), *FULL[1:]),
            ASKED,
            FIRST,
            ("a",),
            id="an expired lease comes first",
        ),
        pytest.param(
            FULL, ASKED._replace(liveness=running("c")), SECOND, ("b",), id="its stack runs"
        ),
        pytest.param(
            FULL,
            ASKED._replace(marked=frozenset({(project_name("c"), Mark())})),
            SECOND,
            ("b",),
            id="it has a container that does not run",
        ),
        pytest.param(
            (*FULL[:2], FULL[2]._replace(refused=True)),
            ASKED,
            SECOND,
            ("b",),
            id="an unsound record stays",
        ),
        pytest.param(
            (*FULL[:2], FULL[2]._replace(engine="other")),
            ASKED._replace(view=Viewpoint("this")),
            SECOND,
            ("b",),
            id="on another engine",
        ),
        pytest.param(
            (FULL[0], unused("w", PortBlock(10015, 10)), unused("o", PortBlock(20000, 10))),
            ASKED,
            SECOND,
            ("w",),
            id="a block of another grid",
        ),
        pytest.param(
            tuple(
                unused(f"s{at}", PortBlock(start, 5))
                for at, start in enumerate(range(10000, 10030, 5))
            ),
            ASKED,
            FIRST,
            ("s0", "s1"),
            id="two small blocks for one",
        ),
    ],
)
def test_who_gives_way(
    others: tuple[LeaseSummary, ...],
    request_: AllocationRequest,
    block: PortBlock,
    reclaimed: tuple[str, ...],
) -> None:
    outcome = claim(StoreSnapshot(None, others), request_)
    assert (outcome.granted.block, outcome.reclaimed) == (block, reclaimed)
    assert not outcome.granted.unused


@pytest.mark.parametrize(
    ("others", "request_"),
    [
        pytest.param(FULL, ASKED._replace(may_take_unused=False), id="not at the first try"),
        pytest.param(FULL, ASKED._replace(unused=True), id="not for the hook itself"),
        pytest.param(FULL, ASKED._replace(liveness=UNKNOWN), id="nobody knows what runs"),
        pytest.param(FULL, ASKED._replace(liveness=running("b", "c")), id="all stacks run"),
        pytest.param(tuple(each._replace(unused=False) for each in FULL), ASKED, id="all are used"),
    ],
)
def test_nobody_gives_way(others: tuple[LeaseSummary, ...], request_: AllocationRequest) -> None:
    with pytest.raises(NoPortsAvailableError) as told:
        claim(StoreSnapshot(None, others), request_)
    assert told.value.details["held"] == 3
    assert told.value.details["suggested_max_sessions"] == 100


def test_a_pinned_port_is_taken_from_nobody() -> None:
    with pytest.raises(PortHeldError):
        claim(StoreSnapshot(None, FULL), ASKED._replace(pins={"web:80/tcp": THIRD.start}))


def test_a_session_that_gave_way_comes_back_to_its_block_or_another() -> None:
    before = OURS._replace(block=THIRD, unused=True).released()
    taken = (hold("new", THIRD), *FULL[:1])
    granted = claim(StoreSnapshot(before, taken), ASKED).granted
    assert (granted.block, granted.project, granted.unused) == (SECOND, "ac-mine", False)
    assert reinstated(StoreSnapshot(before, taken)).lease == before
    assert reinstated(StoreSnapshot(before, ())).lease == before._replace(held=True)


# Who uses a lease

HOOK = ASKED._replace(unused=True, may_take_unused=False)


@pytest.mark.parametrize(
    ("own", "request_", "is_unused"),
    [
        pytest.param(None, HOOK, True, id="a new lease of the hook"),
        pytest.param(OURS.released(), HOOK, True, id="a remembered session, by the hook"),
        pytest.param(OURS._replace(unused=True), HOOK, True, id="the hook again"),
        pytest.param(OURS, HOOK, False, id="the hook, on a used lease"),
        pytest.param(
            OURS,
            HOOK._replace(avoid=frozenset({FIRST})),
            False,
            id="the hook, on a used lease that moves",
        ),
        pytest.param(None, ASKED, False, id="a new lease"),
        pytest.param(OURS._replace(unused=True), ASKED, False, id="the first use"),
        pytest.param(OURS._replace(unused=True).released(), ASKED, False, id="after it was lost"),
    ],
)
def test_a_claim_uses_a_lease_unless_the_hook_makes_it(
    own: Lease | None, request_: AllocationRequest, *, is_unused: bool
) -> None:
    assert claim(StoreSnapshot(own, ()), request_).granted.unused is is_unused


def test_renewing_uses_a_lease_unless_the_hook_does_it() -> None:
    snapshot = StoreSnapshot(OURS._replace(unused=True), ())
    expected = OURS.renewed(NOON, OURS.ttl_minutes)
    assert renew(snapshot, NOON).lease == expected
    assert renew(snapshot, NOON, is_hook=True).lease == expected._replace(unused=True)
    assert renew(StoreSnapshot(OURS, ()), NOON, is_hook=True).lease == expected


def test_what_is_rolled_back_is_as_unused_as_it_was() -> None:
    before = OURS._replace(unused=True)
    assert rolled_back(StoreSnapshot(OURS, ()), before).lease == before
