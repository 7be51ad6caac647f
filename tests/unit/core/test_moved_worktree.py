"""The session of a checkout after its repository was moved: a table of cases."""

import pytest

from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.moved_worktree import (
    MoveClue,
    has_moved,
    is_known_here,
    is_taken_over,
    linked_name,
    may_have_moved,
    named_after,
    renamed,
)
from composeports.core.ports import PortBlock

OLD = WorktreeLocation("/a", "/shop/.git/worktrees/a", "/a/app", "topic")
NEW = OLD._replace(git_dir="/shop-new/.git/worktrees/a")
LEASE = Lease(OLD.session_id, PortBlock(10000, 10), "ac-00000000", 1, 2, place=OLD)
STARTED = LEASE._replace(stack=ComposeInvocation(("/a/app/compose.yaml",)))
MAIN = WorktreeLocation("/shop", "/shop/.git", "/shop", "main")


def test_a_place_is_named_by_its_git_directory_or_by_the_one_before() -> None:
    moved = named_after(LEASE, NEW)
    assert moved.session_id == LEASE.session_id == "/shop/.git/worktrees/a#app"
    assert moved.named_by == OLD.git_dir
    again = named_after(LEASE._replace(place=moved), NEW._replace(git_dir="/third/.git"))
    assert again.session_id == LEASE.session_id
    assert named_after(LEASE._replace(place=moved), OLD) == OLD


def test_who_has_a_name_that_another_session_has_gets_a_number() -> None:
    assert renamed(MAIN, 2).session_id == "/shop/.git//2"
    assert renamed(OLD, 3).session_id == "/shop/.git/worktrees/a//3#app"


@pytest.mark.parametrize(
    ("lease", "here"),
    [
        (LEASE, OLD),
        (LEASE, NEW._replace(machine="other")),
        (LEASE, NEW._replace(directory="/a/web")),
        (LEASE._replace(session_id="nightly"), NEW),
        (LEASE._replace(place=WorktreeLocation()), NEW),
    ],
)
def test_these_are_not_the_same(lease: Lease, here: WorktreeLocation) -> None:
    assert not may_have_moved(lease, here)


def test_the_same_session_may_be_elsewhere_or_here() -> None:
    assert may_have_moved(LEASE, NEW)
    assert not is_known_here(LEASE, NEW)
    assert is_known_here(LEASE, OLD)


@pytest.mark.parametrize(
    ("lease", "here", "clue", "moved"),
    [
        (LEASE, NEW, MoveClue(), True),
        (LEASE, NEW, MoveClue(lives=True, marked=True), False),
        (LEASE, NEW, MoveClue(pruned=True), False),
        (LEASE, NEW, MoveClue(pruned=True, marked=True), True),
        (LEASE, NEW._replace(worktree="/b"), MoveClue(), False),
        (LEASE, NEW._replace(worktree="/b"), MoveClue(marked=True), True),
        (LEASE, NEW._replace(git_dir="/other/.git/worktrees/b"), MoveClue(), False),
        (STARTED, NEW, MoveClue(), False),
        (STARTED, NEW, MoveClue(marked=True), True),
        (STARTED._replace(held=False), NEW, MoveClue(), True),
        (LEASE._replace(place=MAIN), MAIN._replace(git_dir="/new/.git"), MoveClue(), False),
    ],
)
def test_what_shows_that_a_session_has_moved(
    lease: Lease, here: WorktreeLocation, clue: MoveClue, *, moved: bool
) -> None:
    assert has_moved(lease, here, clue) is moved


def test_the_name_of_a_linked_worktree() -> None:
    assert linked_name(OLD.git_dir) == "a"
    assert linked_name("/shop/.git") == linked_name("/shop/.git/modules/a") == ""


def of(place: WorktreeLocation) -> Lease:
    return LEASE._replace(session_id=place.session_id, place=place)


SECOND = renamed(MAIN, 2)


@pytest.mark.parametrize(
    ("lease", "leads_to", "other", "lost", "taken"),
    [
        (LEASE, NEW.git_dir, of(NEW), True, True),
        (LEASE, NEW.git_dir, of(NEW), False, False),
        (LEASE, "", of(NEW), True, False),
        (LEASE, NEW.git_dir, of(NEW._replace(directory="/a")), True, False),
        (LEASE, NEW.git_dir, of(NEW._replace(machine="other")), True, False),
        (LEASE, NEW.git_dir, of(NEW)._replace(session_id="nightly"), True, False),
        (LEASE._replace(session_id="nightly"), NEW.git_dir, of(NEW), True, False),
        (LEASE, OLD.git_dir, LEASE, True, False),
        (of(MAIN), MAIN.git_dir, of(SECOND), False, True),
        (of(SECOND), MAIN.git_dir, of(MAIN), False, False),
        (of(SECOND), MAIN.git_dir, of(renamed(MAIN, 10)), False, True),
    ],
)
def test_when_a_checkout_is_another_sessions(
    lease: Lease, leads_to: str, other: Lease, *, lost: bool, taken: bool
) -> None:
    assert is_taken_over(lease, leads_to, other, lost=lost) is taken
