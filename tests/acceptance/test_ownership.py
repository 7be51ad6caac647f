"""A project of this name from another session or program is refused; the session's is adopted."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.engine import PROJECT_LABEL, docker
from tests.harness.program import Done
from tests.harness.repository import stack, write
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

SHOP = stack({"web": {"ports": ["8080:80"], "volumes": ["data:/data"]}}, volumes={"data": {}})
OTHER = stack({"other": {}})


@pytest.fixture
def one(make_repository: MakeRepository) -> Session:
    return make_repository({"compose.yaml": SHOP}).worktree("one")


@pytest.fixture
def elsewhere(one: Session, tmp_path: Path) -> Iterator[Session]:
    """A stack of another program, under the name of the session's project."""
    other = Session(tmp_path / "elsewhere", one.environ, one.project)
    write(other.directory, {"compose.yaml": OTHER})
    other.compose("-p", one.project, "up", "--detach")
    yield other
    other.compose("-p", one.project, "down", "--volumes", "-t", "0")


def check_refused(done: Done, one: Session, elsewhere: Session) -> None:
    assert done.code == 75, done.err
    error = done.error
    assert error["code"] == "project_foreign"
    assert error["details"] == {
        "project": one.project,
        "working_directories": [str(elsewhere.directory)],
        "config_files": [str(elsewhere.directory / "compose.yaml")],
        "containers": [f"{one.project}-other-1"],
    }
    assert str(elsewhere.directory) in error["message"]
    assert set(elsewhere.containers("running")) == {"other-1"}
    assert not (one.directory / ".composeports").exists()


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_project_of_somebody_else_is_left_alone(
    one: Session, elsewhere: Session, command: str
) -> None:
    check_refused(one.run(command, "--json"), one, elsewhere)
    assert one.json("status") == []


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_lease_alone_makes_no_stack_ours(one: Session, elsewhere: Session, command: str) -> None:
    one.ok("allocate")
    row = one.row
    check_refused(one.run(command, "--json"), one, elsewhere)
    assert one.row["ports"] == row["ports"]


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_stack_that_ended_makes_no_later_one_ours(
    one: Session, tmp_path: Path, command: str
) -> None:
    one.ok("up")
    one.ok("down", "-t", "0")
    other = Session(tmp_path / "elsewhere", one.environ, one.project)
    write(other.directory, {"compose.yaml": OTHER})
    try:
        other.compose("-p", one.project, "up", "--detach")
        check_refused(one.run(command, "--json"), one, other)
    finally:
        other.compose("-p", one.project, "down", "-t", "0")


def lose_the_store(session: Session) -> None:
    shutil.rmtree(session.state)


@pytest.mark.parametrize("command", ["up", "down", "down -v"])
def test_a_stack_of_another_store_is_refused_with_both_ways_out(one: Session, command: str) -> None:
    one.ok("up")
    before = one.containers("running"), one.resources_of()
    lose_the_store(one)
    done = one.run(*command.split(), "--json")
    assert done.code == 75, done.err
    error = done.error
    assert error["code"] == "project_foreign"
    assert "another store" in error["message"]
    assert "--adopt" in error["hint"]
    assert "--as-new" in error["hint"]
    assert (one.containers("running"), one.resources_of()) == before
    assert one.json("status") == []


def test_up_adopts_the_stack_of_a_lost_store(one: Session) -> None:
    one.ok("up")
    networks = one.resources_of("network")
    lose_the_store(one)
    one.ok("up", "--adopt")
    assert one.row["state"] == "running"
    assert one.resources_of("network") == networks
    assert page(one.ok("url", "web").strip())
    one.ok("up")
    one.ok("down", "-v", "-t", "0")
    assert one.resources_of() == []


def test_down_removes_the_stack_of_a_lost_store(one: Session) -> None:
    one.ok("up")
    lose_the_store(one)
    done = one.must_run("down", "--adopt", "-v", "-t", "0")
    assert "which was not in the store" in done.err
    assert one.resources_of() == []
    assert not (one.directory / ".composeports").exists()


def of_another_runner(session: Session, tmp_path: Path) -> Session:
    """Return the same folder as on another runner with this engine: with another store."""
    state = str(tmp_path / "another runner's state")
    return Session(
        session.directory, {**session.environ, "COMPOSEPORTS_STATE_DIR": state}, session.project
    )


def test_as_new_two_runners_with_the_same_path_have_a_stack_each(
    one: Session, tmp_path: Path
) -> None:
    one.ok("up")
    first = one.containers("running")
    other = of_another_runner(one, tmp_path)
    assert other.run("up").code == 75
    other.ok("up", "--as-new")
    again = other.row["compose_project_name"]
    assert again != one.project
    assert other.row["ports"] != one.row["ports"]
    other.ok("up", "--as-new")
    other.ok("up")
    assert other.row["compose_project_name"] == again
    assert one.containers("running") == first
    assert page(other.ok("url", "web").strip())
    other.ok("down", "-v", "-t", "0")
    assert one.containers("running") == first
    one.ok("down", "-v", "-t", "0")


def test_a_lease_alone_gets_another_name_as_new(one: Session, tmp_path: Path) -> None:
    one.ok("up")
    other = of_another_runner(one, tmp_path)
    other.ok("allocate")
    assert other.row["compose_project_name"] == one.project
    other.ok("up", "--as-new")
    assert other.row["compose_project_name"] != one.project
    other.ok("down", "-v", "-t", "0")
    one.ok("down", "-v", "-t", "0")


def test_data_that_another_runner_has_left_are_told_taken_over_or_left(
    one: Session, tmp_path: Path
) -> None:
    one.ok("up")
    one.ok("down", "-t", "0")
    other = of_another_runner(one, tmp_path)
    done = other.run("up", "--strict")
    assert done.code == 78
    assert f"{one.project}_data: a session whose lease is in another store made it" in done.err
    assert not other.containers()
    assert "--as-new" in other.run("up").err
    assert "another store" in other.run("up").err
    assert "another store" not in other.run("up", "--adopt", "--strict").err
    assert "another store" not in other.run("up", "--strict").err
    other.ok("down", "-v", "-t", "0")


def test_data_that_another_runner_has_left_are_left_as_new(one: Session, tmp_path: Path) -> None:
    one.ok("up")
    one.ok("down", "-t", "0")
    other = of_another_runner(one, tmp_path)
    other.ok("up", "--as-new", "--strict")
    assert other.row["compose_project_name"] != one.project
    other.ok("down", "-v", "-t", "0")
    one.ok("up", "--strict")
    one.ok("down", "-v", "-t", "0")


def test_in_a_job_of_a_ci_service_the_hint_is_the_line_to_add(one: Session, tmp_path: Path) -> None:
    one.ok("up")
    other = of_another_runner(one, tmp_path)
    job = Session(other.directory, {**other.environ, "CI_JOB_ID": "71"}, other.project)
    assert 'export COMPOSEPORTS_SESSION="$CI_JOB_ID"' in job.run("up").err
    one.ok("down", "-v", "-t", "0")


COMMANDS = ("up", "down", "down -v", "env", "env -- true", "allocate", "release", "url web", "ps")


def test_a_copied_worktree_never_touches_the_original_s_stack(one: Session) -> None:
    one.ok("up")
    before = one.containers("running"), one.row["ports"]
    folder = one.directory.with_name("copy")
    shutil.copytree(one.directory, folder, symlinks=True)
    copy = Session(folder, one.environ, one.project)
    for command in COMMANDS:
        done = copy.run(*command.split())
        assert done.code == 75, (command, done)
        assert str(one.directory) in done.err
        assert "git worktree repair" in done.err
    assert [row["current"] for row in copy.json("status")] == [False]
    assert (one.containers("running"), one.row["ports"]) == before
    copy.ok("--session", "a copy", "up")
    copy.ok("--session", "a copy", "down", "-t", "0", "-v")
    shutil.rmtree(one.directory)
    copy.ok("up")
    assert copy.row["ports"] == before[1]
    copy.ok("down", "-v", "-t", "0")


def test_a_stack_in_a_linked_folder_is_ours_by_either_name(one: Session, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(one.directory)
    linked = Session(link, one.environ, one.project)
    linked.ok("up")
    lose_the_store(one)
    one.ok("up", "--adopt")
    lose_the_store(one)
    linked.ok("down", "--adopt", "-v", "-t", "0")
    assert one.resources_of() == []


# The SHA-256 of these two begins with the same eight hex digits.
TWINS = ("session-16250", "session-52884")


@pytest.mark.parametrize("second", ["one", "two"])
def test_a_session_whose_name_another_one_has_touches_nothing_of_that(
    make_repository: MakeRepository, second: str
) -> None:
    repository = make_repository({"compose.yaml": SHOP})
    one = repository.worktree("one")
    other = one if second == "one" else repository.worktree("two")
    first = one.json("--session", TWINS[0], "up")["compose_project_name"]
    running = docker("ps", "--quiet", "--filter", f"label={PROJECT_LABEL}={first}")
    done = other.must_run("--session", TWINS[1], "down", "-t", "0")
    assert "nothing to do" in done.err
    assert other.json("--session", TWINS[1], "up")["compose_project_name"] != first
    other.ok("--session", TWINS[1], "down", "-v", "-t", "0")
    assert docker("ps", "--quiet", "--filter", f"label={PROJECT_LABEL}={first}") == running
