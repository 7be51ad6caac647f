"""Sessions and worktrees that a client names: never those of the server's own shell."""

from pathlib import Path

import pytest

from composeports.config import Config
from composeports.core.lease import WorktreeLocation
from composeports.errors import InvalidSessionError, UsageError
from composeports.usecases.allocate import allocate
from composeports.usecases.context import Context
from composeports.usecases.session import Session
from composeports.usecases.session_lookup import (
    no_session,
    session_by_id,
    session_from_record,
    session_in_worktree,
)
from composeports.usecases.status import status
from tests.harness.repository import add_worktree
from tests.support.fakes import FakeMachine

pytestmark = pytest.mark.integration

OWN = {"COMPOSE_FILE": "own.yaml", "COMPOSE_PROFILES": "own", "COMPOSEPORTS_SESSION": "own"}


@pytest.fixture
def context(machine: FakeMachine, repository: Path) -> Context:
    """A server that was started in a worktree, in a shell that chose a session and files."""
    (repository / "composeports.toml").write_text('prefix = "zz"\n')
    context = machine.context(OWN, repository)
    return context._replace(config=Config(context.config.port_allocator, session="own"))


def test_an_id_has_no_place_and_no_settings(context: Context) -> None:
    lease = allocate(session_by_id(context, "agent 7"))
    assert (lease.session_id, lease.place) == ("agent 7", WorktreeLocation())
    assert lease.project.startswith("ac-")


def test_an_id_that_has_a_place_keeps_it(context: Context, machine: FakeMachine) -> None:
    here = machine.session(cwd=Path(context.cwd))
    lease = allocate(here)
    again = allocate(session_by_id(context, lease.session_id))
    assert again.place == lease.place
    assert again.place.worktree == context.cwd
    assert again.block == lease.block


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "x" * 5000])
def test_an_id_that_names_nothing_is_refused(context: Context, text: str) -> None:
    for how in (session_by_id, session_from_record):
        with pytest.raises(InvalidSessionError):
            how(context, text)


def test_an_id_alone_has_no_compose_file(context: Context) -> None:
    here = session_by_id(context, "a")
    with pytest.raises(UsageError, match="has no folder"):
        _ = here.selection


def test_the_list_has_no_session_of_the_server(context: Context) -> None:
    allocate(session_by_id(context, "a"))
    (found,) = status(no_session(context))
    assert not found.mine


def test_a_worktree_is_as_a_command_there_has_it(context: Context, tmp_path: Path) -> None:
    other = add_worktree(Path(context.cwd), tmp_path / "other", "other")
    there = session_in_worktree(context, f"{other}/")
    direct = Session(context._replace(cwd=str(other), environ={}, config=Config()))
    assert there.session_id == direct.session_id
    assert there.place == direct.place
    assert there.place.branch == "other"
    assert there.selection.files == (str(other / "compose.yaml"),)
    assert there.profiles == ()
    assert there.environ["PWD"] == str(other)


@pytest.mark.parametrize("path", ["", "shop", "./shop", "/no/such/folder", "/dev/null", "/a\0b"])
def test_a_path_that_is_no_folder_is_refused(context: Context, path: str) -> None:
    with pytest.raises(UsageError):
        session_in_worktree(context, path)


def test_a_recorded_session_is_where_it_was_started(context: Context, machine: FakeMachine) -> None:
    here = machine.session(cwd=Path(context.cwd))
    allocate(here)
    there = session_from_record(context, here.session_id)
    assert there.session_id == here.session_id
    assert there.place == here.place
    assert there.folder.path == here.folder.path
    assert there.selection.directory == context.cwd


def test_a_recorded_session_outlives_its_git_directory(
    context: Context, machine: FakeMachine
) -> None:
    session_id = allocate(machine.session(cwd=Path(context.cwd))).session_id
    (Path(context.cwd) / ".git").rename(Path(context.cwd) / "git")
    assert session_from_record(context, session_id).session_id == session_id


def test_a_recorded_session_with_a_name_has_its_own_folder(
    context: Context, machine: FakeMachine
) -> None:
    here = machine.session("nightly", cwd=Path(context.cwd))
    lease = allocate(here)
    there = session_from_record(context, "nightly")
    assert there.folder.path == here.folder.path
    assert there.folder.path.endswith(f".composeports/{lease.project}")


def test_a_session_that_nobody_knows_has_no_place(context: Context) -> None:
    assert session_from_record(context, "nobody").place == WorktreeLocation()
