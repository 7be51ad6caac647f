"""The session of a directory, end to end, with real git and real files."""

import os
from pathlib import Path

import pytest

from composeports.errors import InvalidSessionError
from composeports.usecases.options import Options
from composeports.usecases.session import Session
from tests.harness.repository import add_worktree, git, make_repository
from tests.support.fakes import FakeMachine

pytestmark = pytest.mark.integration


def session_of(machine: FakeMachine, folder: Path, **options: object) -> str:
    return Session(machine.context(cwd=folder), Options()._replace(**options)).session_id  # type: ignore[arg-type]


def test_the_session_of_a_checkout_is_its_git_directory(
    machine: FakeMachine, repository: Path
) -> None:
    assert session_of(machine, repository) == f"{repository}/.git"


def test_every_worktree_is_a_session(
    machine: FakeMachine, repository: Path, tmp_path: Path
) -> None:
    worktrees = [add_worktree(repository, tmp_path / name, name) for name in ("a", "b")]
    sessions = {session_of(machine, each) for each in (repository, *worktrees)}
    assert len(sessions) == 3


def test_a_branch_switch_changes_nothing(machine: FakeMachine, repository: Path) -> None:
    before = session_of(machine, repository)
    git(repository, "switch", "--quiet", "--create", "other")
    assert session_of(machine, repository) == before
    assert machine.session(cwd=repository).place.branch == "other"


def test_a_moved_worktree_is_the_same_session_at_another_place(
    machine: FakeMachine, repository: Path, tmp_path: Path
) -> None:
    worktree = add_worktree(repository, tmp_path / "login", "login")
    before = session_of(machine, worktree)
    git(repository, "worktree", "move", str(worktree), str(tmp_path / "moved"))
    assert session_of(machine, tmp_path / "moved") == before
    assert machine.session(cwd=tmp_path / "moved").place.worktree == f"{tmp_path}/moved"


def test_two_clones_with_the_same_name_and_branch_are_two_sessions(
    machine: FakeMachine, repository: Path, tmp_path: Path
) -> None:
    clones = []
    for parent in ("one", "two"):
        (tmp_path / parent).mkdir()
        git(tmp_path / parent, "clone", "--quiet", str(repository), "shop")
        clones.append(tmp_path / parent / "shop")
    places = [machine.session(cwd=clone).place for clone in clones]
    assert [place.branch for place in places] == ["main", "main"]
    assert session_of(machine, clones[0]) != session_of(machine, clones[1])


def test_a_symlinked_path_is_the_same_session(
    machine: FakeMachine, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(repository)
    (tmp_path / "link" / "sub").mkdir()
    here = machine.session(cwd=tmp_path / "link" / "sub")
    assert here.session_id == session_of(machine, repository)
    assert here.place == machine.session(cwd=repository).place


def test_any_folder_below_is_the_session_of_the_file_that_compose_would_use(
    machine: FakeMachine, repository: Path
) -> None:
    (repository / "src" / "deep").mkdir(parents=True)
    assert session_of(machine, repository / "src" / "deep") == f"{repository}/.git"


@pytest.fixture
def monorepo(tmp_path: Path) -> Path:
    text = "services: {}\n"
    return make_repository(
        tmp_path / "mono", {"shop/compose.yaml": text, "blog/docker-compose.yml": text}
    )


def test_two_compose_files_in_sub_folders_are_two_sessions(
    machine: FakeMachine, monorepo: Path
) -> None:
    assert session_of(machine, monorepo / "shop") == f"{monorepo}/.git#shop"
    assert session_of(machine, monorepo / "blog") == f"{monorepo}/.git#blog"


def test_a_file_given_by_name_is_the_session_of_its_folder(
    machine: FakeMachine, monorepo: Path
) -> None:
    there = session_of(machine, monorepo / "shop")
    assert session_of(machine, monorepo, files=("shop/compose.yaml",)) == there
    assert session_of(machine, monorepo / "blog", files=("../shop/compose.yaml",)) == there


def test_a_project_directory_is_the_session_s_folder(machine: FakeMachine, monorepo: Path) -> None:
    there = session_of(machine, monorepo / "blog")
    assert session_of(machine, monorepo, project_directory="blog") == there
    given = {"files": ("shop/compose.yaml",), "project_directory": "blog"}
    assert session_of(machine, monorepo, **given) == there


def test_without_a_compose_file_the_worktree_is_the_session(
    machine: FakeMachine, monorepo: Path
) -> None:
    (monorepo / "docs").mkdir()
    assert session_of(machine, monorepo / "docs") == session_of(machine, monorepo)
    assert session_of(machine, monorepo) == f"{monorepo}/.git"


def test_outside_git_the_folder_of_the_compose_file_is_the_session(
    machine: FakeMachine, tmp_path: Path
) -> None:
    folder = tmp_path / "plain"
    (folder / "sub").mkdir(parents=True)
    (folder / "compose.yaml").touch()
    assert session_of(machine, folder) == session_of(machine, folder / "sub") == str(folder)


def test_outside_git_and_without_a_file_the_folder_itself_is_the_session(
    machine: FakeMachine, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    (tmp_path / "plain").mkdir()
    assert session_of(machine, tmp_path / "link") == f"{tmp_path}/plain"


@pytest.mark.parametrize("name", ["with space", "it's", 'a "b"', "日本 é", "MiXed", "$(x)", "a#b"])
def test_paths_of_any_kind_make_stable_and_different_sessions(
    machine: FakeMachine, tmp_path: Path, name: str
) -> None:
    repository = make_repository(tmp_path / name)
    worktree = add_worktree(repository, tmp_path / f"{name} 2", "two")
    first, second = session_of(machine, repository), session_of(machine, worktree)
    # A `#` of the path's own is told apart from the one before a sub-folder.
    assert first == f"{repository}/.git".replace("#", "//#")
    assert first != second
    assert session_of(machine, repository) == first


def test_a_path_that_is_no_text_makes_a_session_that_can_be_stored(
    machine: FakeMachine, tmp_path: Path
) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    session_id = session_of(machine, folder)
    assert session_id.encode() == f"{tmp_path}/caf".encode() + rb"\xe9"


def test_a_name_beats_the_place(machine: FakeMachine, repository: Path) -> None:
    assert session_of(machine, repository, session="nightly") == "nightly"


def test_the_option_beats_the_variable(machine: FakeMachine, repository: Path) -> None:
    context = machine.context(cwd=repository)
    context = context._replace(config=context.config._replace(session="from-variable"))
    assert Session(context).session_id == "from-variable"
    assert Session(context, Options(session="from-option")).session_id == "from-option"


@pytest.mark.parametrize("name", ["", "  ", "\t\n", "a\0b", "x" * 4097])
def test_a_name_that_names_nothing_is_refused(
    machine: FakeMachine, repository: Path, name: str
) -> None:
    with pytest.raises(InvalidSessionError):
        session_of(machine, repository, session=name)


def test_named_sessions_of_one_place_have_folders_of_their_own(
    machine: FakeMachine, repository: Path
) -> None:
    unnamed = machine.session(cwd=repository)
    named = [machine.session(name, repository) for name in ("a", "b")]
    folders = [each.folder.path for each in (unnamed, *named)]
    assert folders[0] == f"{repository}/.composeports"
    assert len(set(folders)) == 3
    assert all(os.path.dirname(each) == folders[0] for each in folders[1:])
