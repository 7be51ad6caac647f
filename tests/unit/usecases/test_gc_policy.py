"""What gc removes and what it keeps: tables of observations and decisions."""

import pytest

from composeports.core.engine_resources import EngineResource
from composeports.core.labels import Mark
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.ports import PortBlock
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.usecases.gc.policy import (
    EXPIRED,
    GONE,
    HERE,
    LEFT_BEHIND,
    UNSEEN,
    WORKTREE_GONE,
    PathProbe,
    WorktreeProbe,
    confirm,
    doubt,
    is_sessions_image,
    judge,
    settle,
    unproven,
    worktree_state,
)

NOON = 43200.0
GIT_DIR = "/shop/.git/worktrees/one"
PLACE = WorktreeLocation("/one", GIT_DIR, "/one/app", "one")
PROJECT = "ac-0123abcd"

OURS = PathProbe(folder=True, git_dir=GIT_DIR)
BARE = PathProbe(folder=True)
ANOTHERS = PathProbe(folder=True, git_dir="/shop/.git/worktrees/two")
MISSING = PathProbe(missing=True)
HIDDEN = PathProbe()


@pytest.mark.parametrize(
    ("sight", "expected"),
    [
        pytest.param(WorktreeProbe(OURS), HERE, id="it is there"),
        pytest.param(WorktreeProbe(BARE), HERE, id="a folder outside git"),
        pytest.param(WorktreeProbe(MISSING), GONE, id="the folder above does not have it"),
        pytest.param(WorktreeProbe(HIDDEN), UNSEEN, id="the folder above is missing too"),
        pytest.param(
            WorktreeProbe(ANOTHERS), HERE, id="a main checkout with another git directory now"
        ),
        pytest.param(WorktreeProbe(OURS, OURS), HERE, id="linked, and there"),
        pytest.param(WorktreeProbe(BARE, BARE), HERE, id="linked, and its .git was deleted"),
        pytest.param(WorktreeProbe(MISSING, MISSING), GONE, id="linked, and deleted"),
        pytest.param(
            WorktreeProbe(HIDDEN, HIDDEN), UNSEEN, id="linked, on a disk that is not there"
        ),
        pytest.param(WorktreeProbe(MISSING, OURS), HERE, id="moved, by git"),
        pytest.param(WorktreeProbe(OURS, MISSING), HERE, id="moved, by hand"),
        pytest.param(
            WorktreeProbe(MISSING, HIDDEN), UNSEEN, id="moved to a disk that is not there"
        ),
        pytest.param(WorktreeProbe(HIDDEN, MISSING), UNSEEN, id="moved away from a missing disk"),
        pytest.param(WorktreeProbe(ANOTHERS, OURS), HERE, id="moved, and another one at its place"),
        pytest.param(
            WorktreeProbe(ANOTHERS, MISSING), GONE, id="moved, deleted, another at its place"
        ),
        pytest.param(
            WorktreeProbe(ANOTHERS, HIDDEN), UNSEEN, id="moved to a missing disk, another here"
        ),
        pytest.param(WorktreeProbe(MISSING, MISSING, locked=True), UNSEEN, id="locked in git"),
        pytest.param(WorktreeProbe(OURS, OURS, locked=True), HERE, id="locked, and there"),
        pytest.param(WorktreeProbe(MISSING, pruned=True), GONE, id="removed by git"),
        pytest.param(
            WorktreeProbe(HIDDEN, pruned=True), GONE, id="pruned, its folder out of sight"
        ),
        pytest.param(
            WorktreeProbe(BARE, pruned=True), GONE, id="pruned, and a new folder at its place"
        ),
        pytest.param(
            WorktreeProbe(ANOTHERS, pruned=True), GONE, id="pruned, another worktree there"
        ),
        pytest.param(
            WorktreeProbe(OURS, pruned=True), HERE, id="pruned, and still there with its .git"
        ),
        pytest.param(
            WorktreeProbe(ANOTHERS, pruned=True, moved=True), HERE, id="its repository was moved"
        ),
        pytest.param(
            WorktreeProbe(ANOTHERS, taken=True), GONE, id="another session has its worktree"
        ),
    ],
)
def test_a_worktree_is_gone_only_where_that_is_sure(sight: WorktreeProbe, expected: str) -> None:
    assert worktree_state(PLACE, sight) == expected


def test_a_session_without_a_place_is_never_gone() -> None:
    assert worktree_state(WorktreeLocation(), WorktreeProbe(MISSING)) == HERE


def lease(*, held: bool = True, until: float = NOON + 60, files: bool = True) -> Lease:
    stack = ComposeInvocation(files=("/one/app/compose.yaml",)) if files else ComposeInvocation()
    block = PortBlock(10000, 100)
    return Lease("one", block, PROJECT, NOON, until, held=held, place=PLACE, stack=stack)


def container(*, running: bool = False, directory: str = "/one/app") -> EngineResource:
    name = f"{PROJECT}-web-1"
    return EngineResource("container", "1", name, PROJECT, running, directory)


LIVE, OVER = lease(), lease(until=NOON)
EARLIER = lease(held=False)
NETWORK = EngineResource("network", "2", f"{PROJECT}_default", PROJECT)
VOLUME = EngineResource("volume", "v", "v", PROJECT)
STOPPED, RUNNING = container(), container(running=True)


@pytest.mark.parametrize(
    ("record", "where", "found", "expected"),
    [
        pytest.param(LIVE, HERE, [RUNNING], "", id="it is in use"),
        pytest.param(LIVE, HERE, [], "", id="it is held"),
        pytest.param(LIVE, GONE, [], WORKTREE_GONE, id="gone"),
        pytest.param(LIVE, GONE, [RUNNING, NETWORK], WORKTREE_GONE, id="gone, its stack runs"),
        pytest.param(LIVE, UNSEEN, [STOPPED], "", id="out of sight"),
        pytest.param(OVER, HERE, [], EXPIRED, id="expired"),
        pytest.param(OVER, HERE, [STOPPED, NETWORK], EXPIRED, id="expired, its stack is stopped"),
        pytest.param(OVER, HERE, [STOPPED, RUNNING], "", id="expired, and something runs"),
        pytest.param(OVER, UNSEEN, [], EXPIRED, id="expired, out of sight"),
        pytest.param(OVER, GONE, [], WORKTREE_GONE, id="expired and gone"),
        pytest.param(EARLIER, HERE, [], "", id="released"),
        pytest.param(EARLIER, HERE, [VOLUME], "", id="released, its volumes stay"),
        pytest.param(EARLIER, HERE, [STOPPED], LEFT_BEHIND, id="released, a container is left"),
        pytest.param(EARLIER, HERE, [NETWORK], LEFT_BEHIND, id="released, a network is left"),
        pytest.param(EARLIER, HERE, [NETWORK, RUNNING], "", id="released, and something runs"),
        pytest.param(EARLIER, UNSEEN, [STOPPED], "", id="released, out of sight"),
        pytest.param(EARLIER, GONE, [], WORKTREE_GONE, id="released and gone"),
        pytest.param(EARLIER, GONE, [RUNNING], WORKTREE_GONE, id="released and gone, and runs"),
    ],
)
def test_the_verdict(record: Lease, where: str, found: list[EngineResource], expected: str) -> None:
    assert judge(record, where, found, NOON).why == expected


def test_what_runs_without_a_lease_is_told() -> None:
    kept = judge(EARLIER, HERE, [RUNNING], NOON).kept
    assert "holds no lease" in kept
    assert f"{PROJECT}-web-1 runs" in kept
    assert "in /one/app `composeports up`" in kept


def test_what_runs_without_a_lease_or_a_place_is_told_by_its_session() -> None:
    record = EARLIER._replace(place=WorktreeLocation())
    assert "in the session one `composeports up`" in judge(record, HERE, [RUNNING], NOON).kept


@pytest.mark.parametrize("record", [lease(files=False), lease(files=False, until=NOON)])
def test_containers_that_somebody_else_started_under_the_same_name_stay(record: Lease) -> None:
    theirs = container(directory="/elsewhere")
    verdict = judge(record, GONE, [theirs, NETWORK], NOON)
    assert verdict.why == ""
    assert "started by another session or program" in verdict.kept


MARKED = LIVE._replace(store="store-1")
OWN_MARK, OTHER_MARK = Mark("store-1", "one"), Mark("store-1", "two")


@pytest.mark.parametrize(
    ("found", "left"),
    [
        pytest.param([NETWORK, VOLUME], [NETWORK, VOLUME], id="no labels"),
        pytest.param([NETWORK, VOLUME, STOPPED], [], id="no labels, and a container shows whose"),
        pytest.param([VOLUME._replace(mark=OWN_MARK), NETWORK], [NETWORK], id="its own label"),
        pytest.param(
            [VOLUME._replace(mark=OTHER_MARK), STOPPED],
            [VOLUME._replace(mark=OTHER_MARK)],
            id="another session's label",
        ),
    ],
)
def test_what_only_carries_the_project_s_label_is_not_proven(
    found: list[EngineResource], left: list[EngineResource]
) -> None:
    assert unproven(MARKED, found) == left


@pytest.mark.parametrize("directory", ["/one", "/one/app"])
def test_plain_compose_on_leased_ports_is_the_sessions_own(directory: str) -> None:
    record = lease(files=False)
    verdict = judge(record, GONE, [container(directory=directory), NETWORK], NOON)
    assert verdict.why == WORKTREE_GONE


@pytest.mark.parametrize(
    ("record", "where", "sight", "expected"),
    [
        pytest.param(LIVE, HERE, WorktreeProbe(OURS), "", id="nothing is odd"),
        pytest.param(
            LIVE, HERE, WorktreeProbe(OURS, directory=False), "/one/app is not in", id="sub-folder"
        ),
        pytest.param(LIVE, UNSEEN, WorktreeProbe(HIDDEN), "may not be mounted", id="out of sight"),
        pytest.param(
            LIVE, UNSEEN, WorktreeProbe(MISSING, locked=True), "git worktree lock", id="locked"
        ),
        pytest.param(
            LIVE._replace(place=PLACE._replace(git_dir="/one/.git")),
            UNSEEN,
            WorktreeProbe(HIDDEN),
            "composeports down --session",
            id="no linked worktree, out of sight",
        ),
        pytest.param(LIVE, GONE, WorktreeProbe(MISSING, directory=False), "", id="gone"),
        pytest.param(EARLIER, UNSEEN, WorktreeProbe(HIDDEN), "", id="released"),
    ],
)
def test_what_is_kept_for_a_doubt_is_told(
    record: Lease, where: str, sight: WorktreeProbe, expected: str
) -> None:
    told = doubt(record, where, sight)
    assert expected in told
    assert bool(expected) == bool(told)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop/web:1-ac-0123abcd", True),
        ("localhost:5000/shop/web:latest-ac-0123abcd", True),
        ("ac-0123abcd-web:latest", True),
        ("shop/web:1", False),
        ("shop/web:1-ac-0123abce", False),
        ("shop/ac-0123abcd:1", False),
        ("shop/ac-0123abcd-web:1", False),
        ("ac-0123abcd:latest", False),
        ("<none>:<none>", False),
    ],
)
def test_an_image_is_the_sessions_by_its_tag_or_composes_own_name(
    name: str, *, expected: bool
) -> None:
    assert is_sessions_image(name, PROJECT) is expected


def test_a_record_that_is_as_it_was_seen_is_confirmed() -> None:
    assert confirm(StoreSnapshot(LIVE), LIVE) == StoreUpdate(LIVE)


CHANGES = [
    pytest.param(None, id="forgotten"),
    pytest.param(LIVE.released(), id="released"),
    pytest.param(LIVE._replace(expires_at=NOON + 120), id="renewed"),
    pytest.param(LIVE._replace(block=PortBlock(10100, 100)), id="on another block"),
    pytest.param(LIVE._replace(place=WorktreeLocation("/two")), id="moved"),
    pytest.param(LIVE._replace(project="ac-1"), id="another project"),
]


@pytest.mark.parametrize("now", CHANGES)
def test_a_record_that_has_changed_is_left_alone(now: Lease | None) -> None:
    assert confirm(StoreSnapshot(now), LIVE) == StoreUpdate()
    assert settle(StoreSnapshot(now), LIVE, forget=True) == StoreUpdate()


def test_a_settled_session_is_released_or_forgotten() -> None:
    assert settle(StoreSnapshot(LIVE), LIVE, forget=False) == StoreUpdate(LIVE.released())
    assert settle(StoreSnapshot(LIVE), LIVE, forget=True) == StoreUpdate(forget=True)


def test_what_changes_nothing_of_the_promise_does_not_matter() -> None:
    assert confirm(StoreSnapshot(LIVE._replace(urls={"web:80/tcp": "x"})), LIVE).lease is not None
