"""A shell that has evaluated `composeports env` does not mislead the next composeports."""

import time
from pathlib import Path

import pytest

from composeports.core.lease import ComposeInvocation
from composeports.core.snapshot import StoreUpdate
from composeports.host.shell_environment import clean_environment
from composeports.usecases.allocate import allocate
from composeports.usecases.options import Options
from composeports.usecases.session import Session
from composeports.usecases.status import environment
from tests.harness.repository import add_worktree
from tests.support.fakes import FakeMachine

pytestmark = pytest.mark.integration

SHELL = {"HOME": "/home/a", "PATH": "/bin"}


def evaluated(machine: FakeMachine, here: Session) -> dict[str, str]:
    """Return a shell's environment after `eval "$(composeports env)"` with a stack that is up."""
    lease = allocate(here)
    lease = lease._replace(
        environment=(("WEB_PORT", str(lease.block.start + 4)), ("PORT_WEB_80", "x")),
        stack=here.stack._replace(overridden=True),
    )
    machine.store.update(here.session_id, lambda _: StoreUpdate(lease))
    return {**SHELL, **dict(environment(here))}


@pytest.fixture
def shell(machine: FakeMachine, repository: Path) -> dict[str, str]:
    # A lease from before the repository was made would be that of another one at its path.
    machine.clock.seconds = time.time()
    return evaluated(machine, machine.session(cwd=repository))


def test_the_shell_is_on_the_stack(shell: dict[str, str], repository: Path) -> None:
    """Otherwise the rest of this file would prove nothing."""
    assert shell["API_PORT"] == "20003"
    assert shell["WEB_PORT"] == "20004"
    assert shell["COMPOSE_PROJECT_NAME"].startswith("ac-")
    assert shell["COMPOSE_FILE"].split(":") == [
        f"{repository}/compose.yaml",
        f"{repository}/.composeports/compose.override.yaml",
    ]


def test_in_the_same_worktree_all_results_are_gone_and_the_files_stay(
    shell: dict[str, str], repository: Path
) -> None:
    clean = clean_environment(shell, str(repository))
    assert clean == {
        **SHELL,
        "COMPOSE_PATH_SEPARATOR": ":",
        "COMPOSE_FILE": f"{repository}/compose.yaml",
    }


def test_in_another_worktree_nothing_is_left_of_it(
    shell: dict[str, str], repository: Path, tmp_path: Path
) -> None:
    other = add_worktree(repository, tmp_path / "other", "other")
    assert clean_environment(shell, str(other)) == SHELL


def test_another_worktree_stays_a_session_of_its_own(
    machine: FakeMachine, shell: dict[str, str], repository: Path, tmp_path: Path
) -> None:
    other = add_worktree(repository, tmp_path / "other", "other")
    plain = Session(machine.context(SHELL, other))
    pass_fds = Session(machine.context(shell, other))
    assert pass_fds.session_id == plain.session_id
    assert pass_fds.selection.files == plain.selection.files == (f"{other}/compose.yaml",)


def test_the_same_worktree_stays_the_same_session_with_the_same_files(
    machine: FakeMachine, shell: dict[str, str], repository: Path
) -> None:
    (repository / "src").mkdir()
    for cwd in (repository, repository / "src"):
        pass_fds = Session(machine.context(shell, cwd))
        assert pass_fds.session_id == f"{repository}/.git"
        assert pass_fds.selection.files == (f"{repository}/compose.yaml",)


def test_a_variable_that_was_changed_afterwards_is_a_wish(
    shell: dict[str, str], repository: Path
) -> None:
    clean = clean_environment({**shell, "WEB_PORT": "9999"}, str(repository))
    assert clean["WEB_PORT"] == "9999"


def test_without_the_marker_a_variable_is_a_wish(repository: Path) -> None:
    environ = {**SHELL, "API_PORT": "20003"}
    assert clean_environment(environ, str(repository)) == environ


def test_a_project_name_is_never_taken_over(repository: Path) -> None:
    assert clean_environment({**SHELL, "COMPOSE_PROJECT_NAME": "x"}, str(repository)) == SHELL


def test_files_that_the_user_chose_are_left_alone(repository: Path) -> None:
    environ = {"COMPOSE_FILE": "a.yaml:b.yaml", "COMPOSE_ENV_FILES": "a.env,b.env"}
    assert clean_environment(environ, str(repository)) == environ


def test_files_that_the_user_chose_stay_when_ours_are_taken_out(
    machine: FakeMachine, repository: Path
) -> None:
    for name in ("a.yaml", "b.yaml", "a.env"):
        (repository / name).touch()
    options = Options(files=("b.yaml", "a.yaml"), env_files=("a.env",))
    shell = evaluated(machine, Session(machine.context(SHELL, repository), options))
    assert clean_environment(shell, str(repository)) == {
        **SHELL,
        "COMPOSE_PATH_SEPARATOR": ":",
        "COMPOSE_FILE": f"{repository}/b.yaml:{repository}/a.yaml",
        "COMPOSE_ENV_FILES": f"{repository}/a.env",
    }


def test_a_path_with_a_colon_is_taken_apart_by_the_separator_that_was_given(
    machine: FakeMachine, tmp_path: Path
) -> None:
    folder = tmp_path / "a:b"
    folder.mkdir()
    (folder / "compose.yaml").touch()
    shell = evaluated(machine, Session(machine.context(SHELL, folder)))
    assert shell["COMPOSE_PATH_SEPARATOR"] == ";"
    again = Session(machine.context(shell, folder))
    assert again.selection.files == (f"{folder}/compose.yaml",)


def test_outside_git_a_folder_below_is_the_same_place_and_another_is_not(
    machine: FakeMachine, tmp_path: Path
) -> None:
    folder = tmp_path / "plain"
    (folder / "sub").mkdir(parents=True)
    (folder / "compose.yaml").touch()
    shell = evaluated(machine, Session(machine.context(SHELL, folder)))
    below = clean_environment(shell, str(folder / "sub"))
    assert below == {
        **SHELL,
        "COMPOSE_PATH_SEPARATOR": ":",
        "COMPOSE_FILE": f"{folder}/compose.yaml",
    }
    assert clean_environment(shell, str(tmp_path)) == SHELL


def test_a_named_session_s_environment_is_subtracted_too(
    machine: FakeMachine, repository: Path
) -> None:
    shell = evaluated(machine, machine.session("nightly", repository))
    clean = clean_environment(shell, str(repository))
    assert clean == {
        **SHELL,
        "COMPOSE_PATH_SEPARATOR": ":",
        "COMPOSE_FILE": f"{repository}/compose.yaml",
    }


def test_a_lease_without_a_stack_points_compose_nowhere(
    machine: FakeMachine, repository: Path
) -> None:
    here = machine.session(cwd=repository)
    assert allocate(here).stack == ComposeInvocation()
    assert not [name for name, _ in environment(here) if name == "COMPOSE_FILE"]
