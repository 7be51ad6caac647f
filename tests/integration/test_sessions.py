"""Sessions and worktrees that a program names: never those of the server's own shell."""

from pathlib import Path

import pytest

from composeports.config import Config
from composeports.core.lease import WorktreeLocation
from composeports.errors import InvalidSessionError, UsageError
from composeports.usecases.lease import allocate
from composeports.usecases.session import Context, Session
from composeports.usecases.session_lookup import (
    no_session,
    session_by_id,
    session_from_record,
    session_in_worktree,
)
from composeports.usecases.status import status
from tests.support.fakes import FakeMachine
from tests.support.machine import add_worktree

pytestmark = pytest.mark.integration

OWN = {"COMPOSE_FILE": "own.yaml", "COMPOSE_PROFILES": "own", "COMPOSEPORTS_SESSION": "own"}


@pytest.fixture
def doors(machine: FakeMachine, repository: Path) -> Context:
    """A server that was started in a worktree, in a shell that chose a session and files."""
    (repository / "composeports.toml").write_text('prefix = "zz"\n')
    doors = machine.doors(OWN, repository)
    return doors._replace(config=Config(doors.config.port_allocator, session="own"))


def test_an_id_has_no_place_and_no_settings(doors: Context) -> None:
    lease = allocate(session_by_id(doors, "agent 7"))
    assert (lease.session_id, lease.place) == ("agent 7", WorktreeLocation())
    assert lease.project.startswith("ac-")


def test_an_id_that_has_a_place_keeps_it(doors: Context, machine: FakeMachine) -> None:
    here = machine.session(cwd=Path(doors.cwd))
    lease = allocate(here)
    again = allocate(session_by_id(doors, lease.session_id))
    assert again.place == lease.place
    assert again.place.worktree == doors.cwd
    assert again.block == lease.block


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "x" * 5000])
def test_an_id_that_names_nothing_is_refused(doors: Context, text: str) -> None:
    for how in (session_by_id, session_from_record):
        with pytest.raises(InvalidSessionError):
            how(doors, text)


def test_an_id_alone_has_no_compose_file(doors: Context) -> None:
    here = session_by_id(doors, "a")
    with pytest.raises(UsageError, match="has no folder"):
        _ = here.selection


def test_the_list_has_no_session_of_the_server(doors: Context) -> None:
    allocate(session_by_id(doors, "a"))
    (found,) = status(no_session(doors))
    assert not found.mine


def test_a_worktree_is_as_a_command_there_has_it(doors: Context, tmp_path: Path) -> None:
    other = add_worktree(Path(doors.cwd), tmp_path / "other", "other")
    there = session_in_worktree(doors, f"{other}/")
    direct = Session(doors._replace(cwd=str(other), environ={}, config=Config()))
    assert there.session_id == direct.session_id
    assert there.place == direct.place
    assert there.place.branch == "other"
    assert there.selection.files == (str(other / "compose.yaml"),)
    assert there.profiles == ()
    assert there.environ["PWD"] == str(other)


@pytest.mark.parametrize("path", ["", "shop", "./shop", "/no/such/folder", "/dev/null", "/a\0b"])
def test_a_path_that_is_no_folder_is_refused(doors: Context, path: str) -> None:
    with pytest.raises(UsageError):
        session_in_worktree(doors, path)


def test_a_recorded_session_is_where_it_was_started(doors: Context, machine: FakeMachine) -> None:
    here = machine.session(cwd=Path(doors.cwd))
    allocate(here)
    there = session_from_record(doors, here.session_id)
    assert there.session_id == here.session_id
    assert there.place == here.place
    assert there.folder.path == here.folder.path
    assert there.selection.directory == doors.cwd


def test_a_recorded_session_outlives_its_git_directory(
    doors: Context, machine: FakeMachine
) -> None:
    session_id = allocate(machine.session(cwd=Path(doors.cwd))).session_id
    (Path(doors.cwd) / ".git").rename(Path(doors.cwd) / "git")
    assert session_from_record(doors, session_id).session_id == session_id


def test_a_recorded_session_with_a_name_has_its_own_folder(
    doors: Context, machine: FakeMachine
) -> None:
    here = machine.session("nightly", cwd=Path(doors.cwd))
    lease = allocate(here)
    there = session_from_record(doors, "nightly")
    assert there.folder.path == here.folder.path
    assert there.folder.path.endswith(f".composeports/{lease.project}")


def test_a_session_that_nobody_knows_has_no_place(doors: Context) -> None:
    assert session_from_record(doors, "nobody").place == WorktreeLocation()
