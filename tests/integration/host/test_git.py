"""Facts about git repositories, read from files that real git wrote."""

import os
import shutil
from pathlib import Path

import pytest

from composeports.host.git import find_checkout, link_of, original_of, other_checkouts, read_branch
from tests.harness.repository import add_worktree, git, make_repository

pytestmark = pytest.mark.integration


def facts(folder: Path) -> tuple[str, str]:
    found = find_checkout(str(folder))
    assert found is not None
    return found


def git_says(folder: Path) -> tuple[str, str]:
    """Return what git itself says of worktree and git directory."""
    text = git(folder, "rev-parse", "--show-toplevel", "--absolute-git-dir")
    worktree, git_dir = text.removesuffix("\n").split("\n")
    return worktree, os.path.realpath(git_dir)


def branch(folder: Path) -> str:
    return read_branch(facts(folder)[1])


def test_the_main_checkout_has_its_own_git_directory(repository: Path) -> None:
    assert facts(repository) == git_says(repository) == (str(repository), f"{repository}/.git")


def test_a_folder_below_belongs_to_the_checkout_around_it(repository: Path) -> None:
    (repository / "a" / "b").mkdir(parents=True)
    assert facts(repository / "a" / "b") == facts(repository)


def test_a_linked_worktree_has_a_git_directory_inside_the_main_one(
    repository: Path, tmp_path: Path
) -> None:
    worktree = add_worktree(repository, tmp_path / "login", "login")
    assert facts(worktree) == git_says(worktree)
    assert facts(worktree) == (str(worktree), f"{repository}/.git/worktrees/login")


def test_a_worktree_inside_the_main_checkout_is_a_checkout_of_its_own(repository: Path) -> None:
    worktree = add_worktree(repository, repository / "trees" / "login", "login")
    assert facts(worktree)[0] == str(worktree)
    assert facts(worktree.parent)[0] == str(repository)


def test_a_moved_worktree_keeps_its_git_directory(repository: Path, tmp_path: Path) -> None:
    worktree = add_worktree(repository, tmp_path / "login", "login")
    before = facts(worktree)[1]
    git(repository, "worktree", "move", str(worktree), str(tmp_path / "elsewhere"))
    assert facts(tmp_path / "elsewhere") == (str(tmp_path / "elsewhere"), before)


def test_a_submodule_is_a_checkout_of_its_own(repository: Path, tmp_path: Path) -> None:
    make_repository(tmp_path / "library")
    git(repository, "submodule", "--quiet", "add", str(tmp_path / "library"), "lib")
    assert facts(repository / "lib") == git_says(repository / "lib")
    assert facts(repository / "lib") == (f"{repository}/lib", f"{repository}/.git/modules/lib")


def test_the_worktrees_of_a_bare_repository_are_told_apart(tmp_path: Path) -> None:
    origin = make_repository(tmp_path / "origin")
    git(tmp_path, "clone", "--quiet", "--bare", str(origin), "shop.git")
    first = add_worktree(tmp_path / "shop.git", tmp_path / "one", "one")
    second = add_worktree(tmp_path / "shop.git", tmp_path / "two", "two")
    for worktree in (first, second):
        assert facts(worktree) == git_says(worktree)
    assert facts(first)[1] != facts(second)[1]


def test_a_bare_repository_beside_its_worktrees_is_found_by_its_git_file(tmp_path: Path) -> None:
    """The layout with the bare repository in `.bare` and a `.git` file that points to it."""
    origin = make_repository(tmp_path / "origin")
    git(tmp_path, "clone", "--quiet", "--bare", str(origin), "shop/.bare")
    (tmp_path / "shop" / ".git").write_text("gitdir: ./.bare\n")
    worktree = add_worktree(tmp_path / "shop", tmp_path / "shop" / "one", "one")
    assert facts(worktree) == (str(worktree), f"{tmp_path}/shop/.bare/worktrees/one")
    assert facts(tmp_path / "shop") == (f"{tmp_path}/shop", f"{tmp_path}/shop/.bare")


def test_relative_links_of_newer_git_are_followed(repository: Path, tmp_path: Path) -> None:
    worktree = add_worktree(repository, tmp_path / "login", "login")
    (worktree / ".git").write_text("gitdir: ../shop/.git/worktrees/login\n")
    assert facts(worktree)[1] == f"{repository}/.git/worktrees/login"


def test_outside_git_there_is_no_checkout(tmp_path: Path) -> None:
    assert find_checkout(str(tmp_path)) is None


@pytest.mark.parametrize("content", ["", "no link\n", "gitdir:\n"])
def test_a_git_file_that_means_nothing_is_passed_over(repository: Path, content: str) -> None:
    (repository / "sub").mkdir()
    (repository / "sub" / ".git").write_text(content)
    assert facts(repository / "sub") == facts(repository)


def test_an_empty_git_folder_is_passed_over(repository: Path) -> None:
    (repository / "sub" / ".git").mkdir(parents=True)
    assert facts(repository / "sub") == facts(repository)


@pytest.mark.parametrize(
    "name", ["with space", "it's", 'say "hi"', "Ünïcödé 日本", "$(touch x)", "a\nb", "MiXed", "-f"]
)
def test_paths_of_any_kind_are_read_as_git_wrote_them(tmp_path: Path, name: str) -> None:
    repository = make_repository(tmp_path / name / "main")
    worktree = add_worktree(repository, tmp_path / name / f"linked {name}", "linked")
    assert facts(repository) == (str(repository), f"{repository}/.git")
    assert facts(worktree)[0] == str(worktree)
    assert os.path.isfile(os.path.join(facts(worktree)[1], "commondir"))


def test_bytes_that_are_no_text_survive(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / os.fsdecode(b"caf\xe9"))
    worktree = add_worktree(repository, tmp_path / os.fsdecode(b"caf\xe9-2"), "linked")
    assert facts(worktree)[0] == str(worktree)
    assert facts(worktree)[1].startswith(f"{repository}/.git/worktrees/")


def test_a_symlink_leads_to_the_same_checkout(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository)
    assert facts(tmp_path / "link") == facts(repository)


def test_a_git_folder_that_is_a_link_is_the_one_it_leads_to(
    repository: Path, tmp_path: Path
) -> None:
    (repository / ".git").rename(tmp_path / "elsewhere.git")
    (repository / ".git").symlink_to(tmp_path / "elsewhere.git")
    assert facts(repository) == git_says(repository)
    assert facts(repository) == (str(repository), f"{tmp_path}/elsewhere.git")


# The branch


def test_the_branch_follows_a_switch(repository: Path) -> None:
    assert branch(repository) == "main"
    git(repository, "switch", "--quiet", "--create", "feature/log-in")
    assert branch(repository) == "feature/log-in"


def test_each_worktree_has_its_own_branch(repository: Path, tmp_path: Path) -> None:
    worktree = add_worktree(repository, tmp_path / "login", "login")
    assert (branch(repository), branch(worktree)) == ("main", "login")


def test_a_detached_head_is_shown_by_its_commit(repository: Path) -> None:
    git(repository, "switch", "--quiet", "--detach")
    commit = git(repository, "rev-parse", "HEAD").strip()
    assert branch(repository) == commit[:12]


def test_a_branch_without_a_commit_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    git(tmp_path / "new", "init", "--quiet")
    assert branch(tmp_path / "new") == "main"


def test_an_unreadable_head_is_no_failure(tmp_path: Path) -> None:
    assert read_branch(str(tmp_path)) == ""


def test_what_a_checkout_s_git_file_says(repository: Path, tmp_path: Path) -> None:
    linked = add_worktree(repository, tmp_path / "linked", "linked")
    assert link_of(str(repository)) == ""
    assert link_of(str(linked)) == facts(linked)[1]


def test_the_other_checkouts_of_a_repository(repository: Path, tmp_path: Path) -> None:
    one, two = (add_worktree(repository, tmp_path / name, name) for name in ("one", "two"))
    assert other_checkouts(facts(one)[1]) == (str(repository), str(two))
    assert other_checkouts(facts(repository)[1]) == (str(one), str(two))
    alone = make_repository(tmp_path / "alone")
    assert other_checkouts(facts(alone)[1]) == ()


def copy_of(folder: Path) -> Path:
    copy = folder.with_name(f"{folder.name} copy")
    shutil.copytree(folder, copy, symlinks=True)
    return copy


def test_a_copy_of_a_linked_worktree_is_told_apart(repository: Path, tmp_path: Path) -> None:
    linked = add_worktree(repository, tmp_path / "linked", "linked")
    copy = copy_of(linked)
    assert facts(copy)[1] == facts(linked)[1]
    assert original_of(*facts(copy)) == str(linked)
    assert original_of(*facts(linked)) == ""
    git(copy, "worktree", "repair")
    assert original_of(*facts(copy)) == ""
    assert original_of(*facts(linked)) == str(copy)


def test_a_copy_with_relative_links_is_told_apart(repository: Path, tmp_path: Path) -> None:
    linked = add_worktree(repository, tmp_path / "linked", "linked")
    git_dir = Path(facts(linked)[1])
    (git_dir / "gitdir").write_text(os.path.relpath(linked / ".git", git_dir) + "\n")
    assert original_of(*facts(copy_of(linked))) == str(linked)
    assert original_of(*facts(linked)) == ""


def test_a_submodule_in_a_copy_is_told_apart(repository: Path, tmp_path: Path) -> None:
    other = make_repository(tmp_path / "other")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other))
    git(repository, "commit", "--quiet", "--message", "A submodule.")
    linked = add_worktree(repository, tmp_path / "linked", "linked")
    git(linked, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
    copy = copy_of(linked)
    assert original_of(*facts(copy / "other")) == str(linked / "other")
    for folder in (linked, repository):
        assert original_of(*facts(folder / "other")) == ""


def test_what_was_moved_or_copied_with_its_git_folder_is_no_copy(
    repository: Path, tmp_path: Path
) -> None:
    linked = add_worktree(repository, tmp_path / "linked", "linked")
    moved = linked.rename(tmp_path / "moved")
    for folder in (moved, copy_of(repository)):
        assert original_of(*facts(folder)) == ""
