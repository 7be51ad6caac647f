"""The session that `--session` means, as a command in its folder has it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from composeports.errors import InvalidSessionError, NoLeaseError, UsageError
from composeports.usecases.allocate import allocate
from composeports.usecases.release import release_without_stack
from composeports.usecases.session import Session
from composeports.usecases.session_lookup import session_by_id
from composeports.usecases.session_search import find_existing_session
from composeports.usecases.status import environment
from tests.harness.repository import add_worktree, git
from tests.support.fakes import FakeMachine

pytestmark = pytest.mark.integration


@pytest.fixture
def login(machine: FakeMachine, repository: Path, tmp_path: Path) -> Session:
    """The session of a worktree with a lease; the main checkout has a lease, too."""
    worktree = add_worktree(repository, tmp_path / "Login_Form", "feature/login")
    allocate(machine.session(cwd=repository))
    session = machine.session(cwd=worktree)
    allocate(session)
    return machine.session(cwd=worktree)


def find(machine: FakeMachine, cwd: Path, text: str | None) -> Session:
    return find_existing_session(machine.session(text, cwd=cwd))


@pytest.mark.parametrize(
    "text", ["login-form", "Login_Form", "feature/login", "../Login_Form", "logi", "form", "ure/"]
)
def test_a_worktree_is_found_and_opened_in_its_folder(
    machine: FakeMachine, repository: Path, login: Session, text: str
) -> None:
    found = find(machine, repository, text)
    assert found.session_id == login.session_id
    assert found.given_session is None
    assert found.place == login.place
    assert found.folder.path == login.folder.path
    assert found.selection.files == login.selection.files
    assert environment(found) == environment(login)


def test_the_lease_of_a_found_session_stays_in_its_own_folder(
    machine: FakeMachine, repository: Path, login: Session
) -> None:
    environment(find(machine, repository, "login-form"))
    record = machine.session(cwd=Path(login.context.cwd)).record()
    assert record is not None
    assert record.place == login.place


def test_a_part_is_reported_and_a_whole_name_is_not(
    machine: FakeMachine, repository: Path, login: Session
) -> None:
    told: list[str] = []

    def found(text: str) -> None:
        session = machine.session(text, cwd=repository)
        find_existing_session(
            replace(session, context=session.context._replace(report=told.append))
        )

    found("login-form")
    assert told == []
    found("logi")
    project = login.expected_project_name(login.record())
    assert told == [f"session login-form ({login.context.cwd} on feature/login, {project})"]


def test_the_branch_is_the_one_of_now(
    machine: FakeMachine, repository: Path, login: Session
) -> None:
    git(Path(login.context.cwd), "switch", "-q", "-c", "renamed")
    assert find(machine, repository, "renamed").session_id == login.session_id
    with pytest.raises(NoLeaseError):
        find(machine, repository, "feature/login").held_lease()


@pytest.mark.usefixtures("login")
def test_a_known_id_means_what_it_meant_before(machine: FakeMachine, repository: Path) -> None:
    named = machine.session("login", cwd=repository)
    allocate(named)
    found = find(machine, repository, "login")
    assert found.session_id == "login"
    assert found.place == named.place
    release_without_stack(machine.session("login", cwd=repository))
    found = find(machine, repository, "login")
    assert found.session_id == "login"
    with pytest.raises(NoLeaseError):
        found.held_lease()


def test_a_named_session_is_opened_in_the_folder_of_its_stack(
    machine: FakeMachine, repository: Path, login: Session
) -> None:
    named = machine.session("Agent 7", cwd=Path(login.context.cwd))
    allocate(named)
    found = find(machine, repository, "agent-7")
    assert found.session_id == "Agent 7"
    assert found.folder.path == named.folder.path


def test_a_session_without_a_folder_is_found_by_its_name(
    machine: FakeMachine, repository: Path
) -> None:
    here = machine.session(cwd=repository)
    lease = allocate(session_by_id(here.context, "Agent 9"))
    found = find(machine, repository, "agent-9")
    assert found.held_lease().block == lease.block


def test_a_session_whose_folder_is_gone_is_found_by_its_record(
    machine: FakeMachine, repository: Path, login: Session
) -> None:
    session_id = login.session_id
    shutil.rmtree(login.context.cwd)
    assert find(machine, repository, "login-form").session_id == session_id


def test_a_folder_that_another_session_has_now_is_not_taken(
    machine: FakeMachine, repository: Path, login: Session
) -> None:
    session_id, folder = login.session_id, Path(login.context.cwd)
    (folder / ".git").unlink()
    assert find(machine, repository, "login-form").session_id == session_id


def test_several_are_an_error_and_none_is_an_id(
    machine: FakeMachine, repository: Path, login: Session
) -> None:
    other = machine.session("login-too", cwd=Path(login.context.cwd))
    allocate(other)
    with pytest.raises(UsageError, match="several sessions are meant by 'logi'"):
        find(machine, repository, "logi")
    assert find(machine, repository, "nothing").session_id == "nothing"
    assert find(machine, repository, None).options.session is None


@pytest.mark.usefixtures("login")
@pytest.mark.parametrize("text", ["", " ", "a\0b"])
def test_what_cannot_be_an_id_is_refused(machine: FakeMachine, repository: Path, text: str) -> None:
    with pytest.raises(InvalidSessionError):
        find(machine, repository, text)
