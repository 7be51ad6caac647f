"""Which session gets which block: cases, and histories in which no two sessions share a port."""

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.allocation import claim, reinstated, release, renew, with_cooldown
from composeports.core.allocation_request import (
    NOTHING_RUNS,
    UNKNOWN,
    AllocationRequest,
    RunningProjects,
)
from composeports.core.labels import Mark
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.ports import PortBlock, PortGrid
from composeports.core.session import project_name
from composeports.core.snapshot import CooldownBlock, LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.errors import InvalidSessionError, NoPortsAvailableError

# The SHA-256 of these two begins with the same eight hex digits.
TWINS = ("session-16250", "session-52884")
NOON = 43200.0
GRID = PortGrid(10000, 10, 4)
FIRST, SECOND, THIRD, FOURTH = GRID.blocks()
HERE = WorktreeLocation("/w", "/w/.git", "/w/sub", "main")


def hold(
    session: str, block: PortBlock, *, held: bool = True, until: float = NOON + 60
) -> LeaseSummary:
    return LeaseSummary(session, block, project_name(session), until, held)


def own(block: PortBlock = SECOND, *, held: bool = True) -> Lease:
    return Lease(
        "me", block, "ac-mine", NOON - 600, NOON + 60, held=held, offsets={"web:80/tcp": 7}
    )


def ask(
    *,
    grid: PortGrid = GRID,
    liveness: RunningProjects = UNKNOWN,
    avoid: tuple[PortBlock, ...] = (),
    place: WorktreeLocation | None = None,
) -> AllocationRequest:
    return AllocationRequest(
        session_id="me",
        grid=grid,
        now=NOON,
        ttl_minutes=5,
        liveness=liveness,
        place=place or WorktreeLocation(),
        avoid=frozenset(avoid),
    )


def running(*sessions: str) -> RunningProjects:
    return RunningProjects(known=True, running=frozenset(map(project_name, sessions)))


EXPIRED = hold("old", FIRST, until=NOON)


def test_who_is_at_work_counts_as_running() -> None:
    assert running("a").with_running({project_name("b")}) == running("a", "b")
    assert UNKNOWN.with_running({"ac-1"}) == RunningProjects(
        known=False, running=frozenset({"ac-1"})
    )


@pytest.mark.parametrize(
    ("mine", "others", "request_", "given_"),
    [
        pytest.param(None, (), ask(), FIRST, id="the lowest slot comes first"),
        pytest.param(None, (hold("a", FIRST), hold("b", THIRD)), ask(), SECOND, id="the gap"),
        pytest.param(
            None, (hold("a", FIRST, held=False),), ask(), SECOND, id="a remembered slot comes later"
        ),
        pytest.param(
            None,
            (hold("a", FIRST, held=False), hold("b", SECOND), hold("c", THIRD), hold("d", FOURTH)),
            ask(),
            FIRST,
            id="a remembered slot comes last",
        ),
        pytest.param(own(held=False), (), ask(), SECOND, id="the session's earlier slot"),
        pytest.param(
            own(held=False),
            (hold("a", SECOND),),
            ask(),
            FIRST,
            id="the earlier slot is somebody else's now",
        ),
        pytest.param(None, (), ask(avoid=(FIRST,)), SECOND, id="a slot with a taken port"),
        pytest.param(own(), (), ask(avoid=(SECOND,)), FIRST, id="own slot with a taken port"),
        pytest.param(
            own(held=False), (), ask(avoid=(SECOND,)), FIRST, id="earlier slot with a taken port"
        ),
        pytest.param(None, (EXPIRED,), ask(), SECOND, id="expired, nobody knows what runs"),
        pytest.param(
            None, (EXPIRED,), ask(liveness=running("old")), SECOND, id="expired, its stack runs"
        ),
        pytest.param(
            None,
            (hold("a", FIRST, until=NOON + 1),),
            ask(liveness=NOTHING_RUNS),
            SECOND,
            id="idle and not expired",
        ),
        pytest.param(
            None,
            (EXPIRED, hold("b", SECOND), hold("c", THIRD), hold("d", FOURTH)),
            ask(liveness=NOTHING_RUNS),
            FIRST,
            id="expired and idle is reclaimed",
        ),
        pytest.param(
            None,
            (hold("wide", PortBlock(9995, 20)),),
            ask(),
            THIRD,
            id="blocks of another grid that reach into ours",
        ),
        pytest.param(
            own(PortBlock(20000, 10)),
            (),
            ask(liveness=UNKNOWN),
            PortBlock(20000, 10),
            id="held outside the grid, nobody knows what runs",
        ),
        pytest.param(
            own(PortBlock(20000, 10)),
            (),
            ask(liveness=RunningProjects(known=True, running=frozenset({"ac-mine"}))),
            PortBlock(20000, 10),
            id="held outside the grid, the stack runs",
        ),
        pytest.param(
            own(PortBlock(20000, 10)),
            (),
            ask(liveness=NOTHING_RUNS),
            FIRST,
            id="held outside the grid and idle moves into it",
        ),
        pytest.param(
            own(PortBlock(20000, 10), held=False),
            (),
            ask(),
            FIRST,
            id="remembered outside the grid",
        ),
    ],
)
def test_a_claim_gives(
    mine: Lease | None,
    others: tuple[LeaseSummary, ...],
    request_: AllocationRequest,
    given_: PortBlock,
) -> None:
    assert claim(StoreSnapshot(mine, others), request_).granted.block == given_


def test_a_new_lease_begins_now_and_lasts_its_time_to_live() -> None:
    lease = claim(StoreSnapshot(), ask(place=HERE)).granted
    assert lease == Lease(
        "me", FIRST, project_name("me"), NOON, NOON + 300, ttl_minutes=5, place=HERE, name="me"
    )


def test_claiming_again_keeps_everything_but_the_time_to_live_and_the_place() -> None:
    before = own()._replace(name="mine")
    outcome = claim(StoreSnapshot(before), ask(place=HERE))
    kept = before._replace(expires_at=NOON + 300, ttl_minutes=5, place=HERE)
    assert outcome == StoreUpdate(kept)


def test_a_place_that_is_not_known_stays_what_it_was() -> None:
    before = own()._replace(place=HERE)
    assert claim(StoreSnapshot(before), ask()).granted.place == HERE


def test_a_session_that_comes_back_has_its_project_and_offsets_but_no_old_plan() -> None:
    before = own(held=False)._replace(
        ports={"web:80/tcp": 10017},
        urls={"web:80/tcp": "http://localhost:10017"},
        environment=(("WEB_PORT", "10017"),),
        stack=ComposeInvocation(("/w/compose.yaml",)),
    )
    lease = claim(StoreSnapshot(before), ask()).granted
    assert lease.held
    assert (lease.project, lease.offsets, lease.stack) == (
        "ac-mine",
        before.offsets,
        before.stack,
    )
    assert (lease.allocated_at, lease.expires_at) == (NOON, NOON + 300)
    assert (lease.ports, lease.urls, lease.environment) == ({}, {}, ())


def test_only_who_loses_its_block_is_reclaimed() -> None:
    others = (EXPIRED, hold("older", SECOND, until=NOON - 60), hold("memory", FIRST, held=False))
    outcome = claim(StoreSnapshot(own(FIRST, held=False), others), ask(liveness=NOTHING_RUNS))
    assert outcome.granted.block == FIRST
    assert outcome.reclaimed == ("old",)
    assert outcome.extended == ()


def test_an_expired_lease_whose_stack_runs_is_extended_by_whoever_sees_it() -> None:
    others = (EXPIRED, hold("alive", SECOND), hold("memory", THIRD, held=False, until=NOON))
    outcome = claim(StoreSnapshot(None, others), ask(liveness=running("old", "alive", "memory")))
    assert outcome.extended == (("old", NOON + 300),)
    assert outcome.reclaimed == ()


def test_an_expired_lease_is_not_extended_for_a_stack_that_nobody_saw() -> None:
    assert claim(StoreSnapshot(None, (EXPIRED,)), ask()).extended == ()


def test_a_full_grid_says_who_holds_it() -> None:
    others = (hold("a", FIRST), hold("b", SECOND), hold("c", THIRD, held=False))
    with pytest.raises(NoPortsAvailableError) as told:
        claim(StoreSnapshot(None, others), ask(avoid=(THIRD, FOURTH)))
    assert told.value.message == (
        "no block of ports is free: of 4, 2 held by other sessions, "
        "2 with a port that something else uses"
    )
    assert told.value.details == {
        "max_sessions": 4,
        "suggested_max_sessions": 100,
        "held": 2,
        "busy_blocks": [10020, 10030],
    }
    assert "`composeports settings set max_sessions 100`" in told.value.hint
    assert "PORT_ALLOC_MAX_SESSIONS" in told.value.hint
    assert "`composeports down` there" in told.value.hint


def test_where_no_session_holds_a_block_the_hint_is_about_other_programs() -> None:
    with pytest.raises(NoPortsAvailableError) as told:
        claim(StoreSnapshot(None, ()), ask(avoid=(FIRST, SECOND, THIRD, FOURTH)))
    assert told.value.hint.startswith("end a program that uses a port of a block")
    assert "composeports down" not in told.value.hint


@pytest.mark.parametrize(
    ("grid", "number"),
    [
        pytest.param(PortGrid(10000, 100, 20), 100, id="a round number"),
        pytest.param(PortGrid(10000, 100, 80), 160, id="twice as many"),
        pytest.param(PortGrid(10000, 1000, 20), 55, id="as many as fit"),
        pytest.param(PortGrid(10000, 10000, 5), 0, id="no more fit"),
    ],
)
def test_a_full_grid_suggests_a_number_of_sessions(grid: PortGrid, number: int) -> None:
    others = tuple(hold(f"s{at}", block) for at, block in enumerate(grid.blocks()))
    with pytest.raises(NoPortsAvailableError) as told:
        claim(StoreSnapshot(None, others), ask(grid=grid))
    assert told.value.details["suggested_max_sessions"] == number
    assert ("settings set" in told.value.hint) == bool(number)


def test_a_grid_full_of_sessions_speaks_of_sessions_alone() -> None:
    others = tuple(map(hold, "abcd", GRID.blocks()))
    with pytest.raises(NoPortsAvailableError, match=r"of 4, 4 held by other sessions$"):
        claim(StoreSnapshot(None, others), ask())


def test_a_blank_session_is_refused() -> None:
    with pytest.raises(InvalidSessionError):
        claim(StoreSnapshot(), ask()._replace(session_id=" "))


@pytest.mark.parametrize("held", [True, False], ids=["held", "remembered"])
def test_a_project_of_another_session_is_never_given(held: bool) -> None:
    first, second = TWINS
    assert project_name(first) == project_name(second)
    request = ask()._replace(session_id=second)
    lease = claim(StoreSnapshot(None, (hold(first, FIRST, held=held),)), request).granted
    assert lease.project != project_name(first)


def test_an_outcome_without_a_lease_grants_none() -> None:
    with pytest.raises(ValueError, match="gives no lease"):
        _ = StoreUpdate().granted


def test_release_keeps_the_memory() -> None:
    assert release(StoreSnapshot(own())) == StoreUpdate(own()._replace(held=False))


def test_release_remembers_where_the_session_is_now() -> None:
    session = own()._replace(session_id="/r/.git", place=WorktreeLocation("/w", "/r/.git", "/w"))
    place = WorktreeLocation("/w2", "/r2/.git", "/w2", named_by="/r/.git")
    outcome = release(StoreSnapshot(session), place)
    assert outcome.lease == session._replace(held=False, place=place)


def test_release_does_not_take_the_place_of_another_session() -> None:
    place = WorktreeLocation("/w2", "/r2/.git", "/w2")
    assert release(StoreSnapshot(own()), place) == StoreUpdate(own()._replace(held=False))


def test_releasing_an_unknown_session_changes_nothing() -> None:
    assert release(StoreSnapshot()) == StoreUpdate()


def test_renew_extends_by_the_lease_s_own_time_to_live() -> None:
    lease = own()._replace(ttl_minutes=7)
    assert renew(StoreSnapshot(lease), NOON).granted == lease._replace(expires_at=NOON + 420)


def test_renew_takes_the_session_where_it_is_now() -> None:
    assert renew(StoreSnapshot(own()), NOON, HERE).granted.place == HERE


@pytest.mark.parametrize("lease", [None, own(held=False)], ids=["unknown", "released"])
def test_what_is_not_held_is_not_renewed(lease: Lease | None) -> None:
    assert renew(StoreSnapshot(lease), NOON) == StoreUpdate()


# Histories

SESSIONS = (*TWINS, "c", "d", "e")
GRIDS = (PortGrid(10000, 10, 3), PortGrid(10000, 15, 3), PortGrid(10005, 10, 2))


@dataclass
class World:
    """A store as simple as can be, and the truth about what runs."""

    now: float = NOON
    leases: dict[str, Lease] = field(default_factory=dict)

    @property
    def held(self) -> list[Lease]:
        return [lease for lease in self.leases.values() if lease.held]

    def snapshot(self, session: str) -> StoreSnapshot:
        others = tuple(
            LeaseSummary(each.session_id, each.block, each.project, each.expires_at, each.held)
            for each in self.leases.values()
            if each.session_id != session
        )
        return StoreSnapshot(self.leases.get(session), others)

    def write(self, session: str, outcome: StoreUpdate) -> None:
        for name in outcome.reclaimed:
            self.leases[name] = self.leases[name].released()
        for name, until in outcome.extended:
            self.leases[name] = self.leases[name]._replace(expires_at=until)
        if outcome.lease is not None:
            self.leases[session] = outcome.lease


@dataclass(frozen=True)
class Step:
    """One session's action after `minutes`; `known` is True if the engine answers."""

    kind: str
    session: str
    minutes: int
    grid: PortGrid
    known: bool
    up: frozenset[str]
    avoid: frozenset[int]


steps = st.lists(
    st.builds(
        Step,
        st.sampled_from(["claim", "claim", "claim", "release", "renew"]),
        st.sampled_from(SESSIONS),
        st.integers(0, 3),
        st.sampled_from(GRIDS),
        st.booleans(),
        st.frozensets(st.sampled_from(SESSIONS)),
        st.frozensets(st.integers(0, 2), max_size=1),
    ),
    max_size=40,
)


def take(world: World, step: Step) -> StoreUpdate | None:
    """Run the step; return None if no ports were available."""
    snapshot = world.snapshot(step.session)
    if step.kind == "release":
        return release(snapshot)
    if step.kind == "renew":
        return renew(snapshot, world.now)
    up = frozenset(lease.project for lease in world.held if lease.session_id in step.up)
    slots = list(step.grid.blocks())
    request = AllocationRequest(
        session_id=step.session,
        grid=step.grid,
        now=world.now,
        ttl_minutes=2,
        liveness=RunningProjects(known=True, running=up) if step.known else UNKNOWN,
        avoid=frozenset(slots[slot] for slot in step.avoid if slot < len(slots)),
    )
    try:
        return claim(snapshot, request)
    except NoPortsAvailableError:
        return None


@given(steps)
def test_whatever_happens_no_two_held_leases_share_a_port_or_a_project(history: list[Step]) -> None:
    world = World()
    for step in history:
        world.now += step.minutes * 60
        world.write(step.session, take(world, step) or StoreUpdate())
        pairs = list(itertools.combinations(world.held, 2))
        assert not any(a.block.overlaps(b.block) for a, b in pairs)
        assert not any(a.project == b.project for a, b in pairs)


@given(steps)
def test_nobody_loses_a_block_but_by_expiry_and_the_engine_s_word(history: list[Step]) -> None:
    world = World()
    for step in history:
        world.now += step.minutes * 60
        outcome = take(world, step) or StoreUpdate()
        for name in outcome.reclaimed:
            assert world.leases[name].expires_at <= world.now
            assert step.known
            assert name not in step.up
        world.write(step.session, outcome)


@given(steps)
def test_a_session_keeps_its_project_for_good_and_its_block_while_it_holds_it(
    history: list[Step],
) -> None:
    world = World()
    projects: dict[str, str] = {}
    for step in history:
        world.now += step.minutes * 60
        before = world.leases.get(step.session)
        outcome = take(world, step) or StoreUpdate()
        world.write(step.session, outcome)
        if outcome.lease is None:
            continue
        after = outcome.lease
        assert projects.setdefault(step.session, after.project) == after.project
        if before is not None and before.held and step.grid.has(before.block):
            avoided = {
                list(step.grid.blocks())[slot] for slot in step.avoid if slot < step.grid.slots
            }
            if before.block not in avoided:
                assert after.block == before.block
                assert after.allocated_at == before.allocated_at


@given(steps, st.sampled_from(SESSIONS), st.sampled_from(GRIDS))
def test_a_session_gets_its_ports_again_after_a_release(
    history: list[Step], session: str, grid: PortGrid
) -> None:
    world = World()
    for step in history:
        world.now += step.minutes * 60
        world.write(step.session, take(world, step) or StoreUpdate())
    again = Step("claim", session, 0, grid, known=False, up=frozenset(), avoid=frozenset())
    first = take(world, again)
    if first is None or not grid.has(first.granted.block):
        return
    world.write(session, first)
    world.write(session, release(world.snapshot(session)))
    second = take(world, again)
    assert second is not None
    assert second.granted.block == first.granted.block


# Blocks that are set aside


@pytest.mark.parametrize(
    ("mine", "others", "aside", "given"),
    [
        pytest.param(None, (), (CooldownBlock(FIRST, NOON + 1),), SECOND, id="passed over"),
        pytest.param(None, (), (CooldownBlock(FIRST, NOON),), FIRST, id="its time is over"),
        pytest.param(
            None,
            (),
            (CooldownBlock(PortBlock(FIRST.start + 3, 100), NOON + 1),),
            FIRST,
            id="the last choice, where all blocks overlap it",
        ),
        pytest.param(
            None,
            (hold("b", SECOND), hold("c", THIRD), hold("d", FOURTH)),
            (CooldownBlock(FIRST, NOON + 1),),
            FIRST,
            id="better than none",
        ),
        pytest.param(
            own(held=False),
            (),
            (CooldownBlock(SECOND, NOON + 1),),
            FIRST,
            id="the session's earlier one",
        ),
        pytest.param(
            own(), (), (CooldownBlock(SECOND, NOON + 1),), SECOND, id="not one that is held"
        ),
    ],
)
def test_a_block_that_is_set_aside_is_the_last_choice(
    mine: Lease | None,
    others: tuple[LeaseSummary, ...],
    aside: tuple[CooldownBlock, ...],
    given: PortBlock,
) -> None:
    assert claim(StoreSnapshot(mine, others, aside), ask()).granted.block == given


def test_setting_a_block_aside_keeps_the_others_and_drops_what_is_over() -> None:
    known = (
        CooldownBlock(FIRST, NOON + 1),
        CooldownBlock(SECOND, NOON),
        CooldownBlock(THIRD, NOON + 9),
    )
    snapshot = StoreSnapshot(None, (), known)
    assert with_cooldown(snapshot, FIRST, NOON) == (
        CooldownBlock(THIRD, NOON + 9),
        CooldownBlock(FIRST, NOON + 600),
    )


def test_more_projects_may_run_than_the_engine_knows() -> None:
    said = RunningProjects(known=True, running=frozenset({"ac-a"})).with_running(["ac-b"])
    assert [said.idle(project) for project in ("ac-a", "ac-b", "ac-c")] == [False, False, True]


# A hold that was lost for nothing


@pytest.mark.parametrize(
    ("mine", "others", "held"),
    [
        pytest.param(None, (), None, id="an unknown session"),
        pytest.param(own(), (), None, id="one that holds its lease"),
        pytest.param(own(held=False), (), True, id="nobody has its block"),
        pytest.param(own(held=False), (hold("b", FIRST),), True, id="another block is held"),
        pytest.param(own(held=False), (hold("b", SECOND),), False, id="somebody has its block"),
    ],
)
def test_a_hold_that_was_lost_for_nothing_comes_back(
    mine: Lease | None, others: tuple[LeaseSummary, ...], *, held: bool | None
) -> None:
    lease = reinstated(StoreSnapshot(mine, others)).lease
    assert (lease and lease.held) is held
    assert lease is None or lease.expires_at == NOON + 60


@pytest.mark.parametrize(("held", "kept"), [(True, True), (False, False)])
def test_a_stack_that_moves_keeps_the_marks_of_its_networks(*, held: bool, kept: bool) -> None:
    marks = {"network:default": Mark("store", "session")}
    before = own(held=held)._replace(marks=marks)
    granted = claim(StoreSnapshot(before, ()), ask(avoid=(before.block,))).granted
    assert granted.block != before.block
    assert granted.marks == (marks if kept else None)


# Names that the store does not know


def test_a_new_session_gets_no_name_that_is_taken() -> None:
    first = project_name("me")
    lease = claim(StoreSnapshot(None), ask()._replace(taken=frozenset({first}))).granted
    assert lease.project == project_name("me", {first})


@pytest.mark.parametrize("held", [True, False])
def test_a_session_whose_name_is_taken_begins_anew_under_the_next_one(*, held: bool) -> None:
    begun = own(held=held)._replace(
        project="shop-mine", stack=ComposeInvocation(("/w/compose.yaml",)), marks={}
    )
    taken = frozenset({"shop-mine", project_name("me", prefix="shop")})
    lease = claim(StoreSnapshot(begun), ask()._replace(taken=taken)).granted
    assert lease.project == project_name("me", taken, "shop")
    assert (lease.block, lease.stack, lease.marks) == (SECOND, ComposeInvocation(), None)
    assert lease.offsets == begun.offsets


def test_a_name_that_is_taken_moves_nobody_else() -> None:
    lease = claim(StoreSnapshot(own()), ask()._replace(taken=frozenset({"ac-other"}))).granted
    assert lease.project == "ac-mine"


@pytest.mark.parametrize(
    ("held", "empty_project", "expected"),
    [
        (False, "ac-mine", "ac-login-mine"),
        (False, "", "ac-mine"),
        (False, "ac-other", "ac-mine"),
        (True, "ac-mine", "ac-mine"),
    ],
)
def test_a_released_lease_leaves_the_name_of_an_empty_project(
    *, held: bool, empty_project: str, expected: str
) -> None:
    before = own(held=held)._replace(stack=ComposeInvocation(("/w/compose.yaml",)), marks={})
    request = ask()._replace(prefix="ac-login", empty_project=empty_project)
    lease = claim(StoreSnapshot(before), request).granted
    assert lease.project == expected
    assert (lease.block, lease.stack, lease.offsets) == (SECOND, before.stack, before.offsets)


def test_a_session_gets_no_name_that_is_taken_in_place_of_its_empty_one() -> None:
    other = hold("you", FIRST)._replace(project="ac-login-mine")
    first = project_name("me", prefix="ac-login")
    request = ask()._replace(
        prefix="ac-login", empty_project="ac-mine", taken=frozenset({"ac-login-yours", first})
    )
    lease = claim(StoreSnapshot(own(held=False), (other,)), request).granted
    assert lease.project == project_name("me", {first}, "ac-login")


# Readable names


def named(session: str, block: PortBlock, name: str, *, held: bool = True) -> LeaseSummary:
    return hold(session, block, held=held)._replace(name=name)


@pytest.mark.parametrize(
    ("mine", "others", "expected"),
    [
        pytest.param(None, (), "w", id="the slug of the folder"),
        pytest.param(None, (named("a", FIRST, "w"),), "w-2", id="a number, if another has it"),
        pytest.param(
            None, (named("a", FIRST, "w", held=False),), "w", id="a released lease has no name"
        ),
        pytest.param(None, (named("a", FIRST, ""),), "w", id="a lease of an earlier version"),
        pytest.param(own(), (), "w", id="an own lease of an earlier version gets one"),
        pytest.param(own()._replace(name="x"), (), "x", id="a held lease keeps its name"),
        pytest.param(
            own()._replace(name="x"),
            (named("a", FIRST, "x"),),
            "x",
            id="a held lease keeps even a name that an earlier version let another take",
        ),
        pytest.param(
            own(held=False)._replace(name="x"), (), "x", id="a released lease gets its name back"
        ),
        pytest.param(
            own(held=False)._replace(name="x"),
            (named("a", FIRST, "x"),),
            "w",
            id="a released lease whose name another got",
        ),
    ],
)
def test_a_session_gets_and_keeps_a_name(
    mine: Lease | None, others: tuple[LeaseSummary, ...], expected: str
) -> None:
    place = WorktreeLocation("/src/w", "/src/w/.git", "/src/w", "main")
    mine = mine and mine._replace(session_id=place.session_id)
    request = ask(place=place)._replace(session_id=place.session_id)
    assert claim(StoreSnapshot(mine, others), request).granted.name == expected


def test_a_given_id_is_the_name_and_stays_it_without_a_folder() -> None:
    granted = claim(StoreSnapshot(), ask(place=HERE)).granted
    assert granted.name == "me"
    assert claim(StoreSnapshot(granted), ask()).granted.name == "me"


def test_a_name_that_another_session_got_is_not_restored() -> None:
    before = own()._replace(name="w")
    snapshot = StoreSnapshot(before.released(), (named("a", FIRST, "w"),))
    assert reinstated(snapshot).granted.name == "w-2"
    assert reinstated(StoreSnapshot(before.released())).granted.name == "w"
    assert reinstated(StoreSnapshot(own().released())).granted.name == ""
