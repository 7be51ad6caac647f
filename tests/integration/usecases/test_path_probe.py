"""The state of a worktree that was moved, removed, deleted, locked, or is on a missing disk."""

import os
import shutil
from pathlib import Path

import pytest

from composeports.core.lease import WorktreeLocation
from composeports.host.git import checkout_around, find_checkout
from composeports.usecases.gc.path_probe import probe_worktree
from composeports.usecases.gc.policy import GONE, HERE, UNSEEN, worktree_state
from tests.harness.repository import add_worktree, git, make_repository

pytestmark = pytest.mark.integration


def place_of(folder: Path, below: str = "") -> WorktreeLocation:
    found = find_checkout(str(folder))
    assert found is not None
    worktree, git_dir = found
    directory = os.path.join(worktree, below).rstrip("/")
    return WorktreeLocation(
        worktree, git_dir, directory, "any", around=checkout_around(worktree, git_dir)
    )


def where(place: WorktreeLocation, fstab: Path = Path("/nowhere")) -> str:
    return worktree_state(place, probe_worktree(place, str(fstab)))


@pytest.fixture
def one(repository: Path, tmp_path: Path) -> Path:
    return add_worktree(repository, tmp_path / "trees" / "one", "one")


def test_worktrees_that_are_there_are_here(repository: Path, one: Path) -> None:
    assert where(place_of(repository)) == where(place_of(one)) == HERE


def test_a_worktree_that_git_removed_is_gone(repository: Path, one: Path) -> None:
    place = place_of(one)
    git(repository, "worktree", "remove", "--force", str(one))
    assert where(place) == GONE


def test_a_worktree_that_git_removed_is_gone_while_others_are_there(
    repository: Path, one: Path, tmp_path: Path
) -> None:
    add_worktree(repository, tmp_path / "two", "two")
    place = place_of(one)
    git(repository, "worktree", "remove", "--force", str(one))
    assert where(place) == GONE


def test_a_worktree_that_was_deleted_is_gone(one: Path) -> None:
    place = place_of(one)
    (one.parent / "other").mkdir()
    shutil.rmtree(one)
    assert where(place) == GONE


def test_a_worktree_below_a_missing_folder_is_unseen_until_git_drops_it(
    repository: Path, one: Path
) -> None:
    place = place_of(one)
    shutil.rmtree(one.parent)
    assert where(place) == UNSEEN
    git(repository, "worktree", "prune")
    assert where(place) == GONE


def test_a_locked_worktree_is_unseen(repository: Path, one: Path) -> None:
    place = place_of(one)
    git(repository, "worktree", "lock", str(one))
    shutil.rmtree(one)
    assert where(place) == UNSEEN


def test_a_worktree_below_a_mount_point_without_its_disk_is_unseen(
    one: Path, tmp_path: Path
) -> None:
    place = place_of(one)
    fstab = tmp_path / "fstab"
    fstab.write_text(f"# disks\n\nUUID=1 {one.parent} ext4 defaults 0 0\nnone swap\n")
    shutil.rmtree(one)
    assert where(place, fstab) == UNSEEN
    fstab.write_text("UUID=1 / ext4 defaults 0 0\n")
    assert where(place, fstab) == GONE


def test_a_worktree_that_git_moved_is_here(repository: Path, one: Path, tmp_path: Path) -> None:
    place = place_of(one)
    git(repository, "worktree", "move", str(one), str(tmp_path / "moved"))
    assert where(place) == HERE
    add_worktree(repository, one, "another")
    assert where(place) == HERE
    shutil.rmtree(tmp_path / "moved")
    assert where(place) == GONE


def test_a_worktree_that_was_moved_by_hand_and_used_there_is_here(
    one: Path, tmp_path: Path
) -> None:
    one.rename(tmp_path / "moved")
    assert where(place_of(tmp_path / "moved")) == HERE


def test_relative_paths_in_gits_files_are_followed(repository: Path, one: Path) -> None:
    place = place_of(one)
    noted = Path(place.git_dir, "gitdir")
    noted.write_text(os.path.relpath(one / ".git", place.git_dir) + "\n")
    elsewhere = WorktreeLocation(str(repository.parent / "never"), place.git_dir, str(one), "one")
    assert where(elsewhere) == HERE


def test_an_emptied_worktree_is_here(one: Path) -> None:
    place = place_of(one)
    shutil.rmtree(one)
    one.mkdir()
    assert where(place) == HERE


def test_a_worktree_whose_repository_was_deleted_is_here(repository: Path, one: Path) -> None:
    place = place_of(one)
    shutil.rmtree(repository)
    assert where(place) == HERE


def test_a_main_checkout_that_was_deleted_is_gone(repository: Path) -> None:
    place = place_of(repository)
    shutil.rmtree(repository)
    assert where(place) == GONE


def test_a_folder_outside_git(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    place = WorktreeLocation(str(folder), "", str(folder), "")
    assert where(place) == HERE
    folder.rmdir()
    assert where(place) == GONE


def test_a_link_that_leads_nowhere_is_unseen(tmp_path: Path) -> None:
    (tmp_path / "plain").symlink_to(tmp_path / "disk" / "plain")
    place = WorktreeLocation(str(tmp_path / "plain"), "", str(tmp_path / "plain"), "")
    assert where(place) == UNSEEN


def test_a_folder_that_we_may_not_look_into_hides_what_is_in_it(common_folder: Path) -> None:
    (common_folder / "above" / "plain").mkdir(parents=True)
    path = str(common_folder / "above" / "plain")
    (common_folder / "above").chmod(0)
    try:
        assert where(WorktreeLocation(path, "", path, "")) == UNSEEN
    finally:
        (common_folder / "above").chmod(0o755)


def test_a_sub_folder_that_the_branch_does_not_have_is_noticed(one: Path) -> None:
    (one / "app").mkdir()
    assert probe_worktree(place_of(one, "app")).directory
    (one / "app").rmdir()
    assert not probe_worktree(place_of(one, "app")).directory
    assert where(place_of(one, "app")) == HERE


# Checkouts in checkouts


@pytest.fixture
def submodule(repository: Path, one: Path, tmp_path: Path) -> WorktreeLocation:
    """A submodule of a linked worktree, whose git directory lies in that of the worktree."""
    make_repository(tmp_path / "library")
    git(one, "submodule", "--quiet", "add", "--name", "deep/lib", str(tmp_path / "library"), "lib")
    place = place_of(one / "lib")
    assert place.git_dir == f"{repository}/.git/worktrees/one/modules/deep/lib"
    return place


@pytest.fixture
def clone(one: Path, tmp_path: Path) -> WorktreeLocation:
    """A clone inside of a linked worktree."""
    git(tmp_path, "clone", "--quiet", str(one), str(one / "deep" / "clone"))
    return place_of(one / "deep" / "clone")


@pytest.mark.parametrize("kind", ["submodule", "clone"])
def test_what_lay_in_a_worktree_that_is_gone_is_gone_too(
    repository: Path, one: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    place: WorktreeLocation = request.getfixturevalue(kind)
    assert where(place) == HERE
    (one.parent / "other").mkdir()
    shutil.rmtree(one)
    assert where(place) == GONE, "deleted"
    git(repository, "worktree", "prune")
    assert where(place) == GONE, "pruned"


@pytest.mark.parametrize("kind", ["submodule", "clone"])
def test_what_lay_in_a_worktree_that_may_be_out_of_sight_is_unseen(
    repository: Path, one: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    place: WorktreeLocation = request.getfixturevalue(kind)
    git(repository, "worktree", "lock", str(one))
    shutil.move(one.parent, repository.parent / "away")
    assert where(place) == UNSEEN, "locked"
    git(repository, "worktree", "unlock", str(one))
    assert where(place) == UNSEEN, "its disk may not be mounted"
    shutil.move(repository.parent / "away", one.parent)
    assert where(place) == HERE


@pytest.mark.parametrize("kind", ["submodule", "clone"])
def test_what_lay_in_a_main_checkout_that_is_gone_is_gone_too(tmp_path: Path, kind: str) -> None:
    outer = make_repository(tmp_path / "outer")
    make_repository(tmp_path / "library")
    if kind == "submodule":
        git(outer, "submodule", "--quiet", "add", str(tmp_path / "library"), "deep/lib")
    else:
        git(outer, "clone", "--quiet", str(tmp_path / "library"), "deep/lib")
    place = place_of(outer / "deep/lib")
    assert where(place) == HERE
    shutil.rmtree(outer / "deep")
    assert where(place) == UNSEEN, "it may be mounted there"
    shutil.rmtree(outer)
    assert where(place) == GONE


def test_a_folder_that_is_called_modules_is_no_submodules(tmp_path: Path) -> None:
    alone = make_repository(tmp_path / "modules" / "group" / "shop")
    place = place_of(alone)
    shutil.rmtree(tmp_path / "modules")
    assert where(place) == UNSEEN
