"""A project of our name that somebody else started is refused; one of ours is adopted."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import (
    PROJECT_LABEL,
    Done,
    MakeRepository,
    Session,
    docker,
    page,
    stack,
    write,
)

pytestmark = pytest.mark.e2e

SHOP = stack({"web": {"ports": ["8080:80"]}}, volumes={"data": {}})
OTHER = stack({"other": {}})


@pytest.fixture
def one(make_repository: MakeRepository) -> Session:
    return make_repository({"compose.yaml": SHOP}).worktree("one")


@pytest.fixture
def elsewhere(one: Session, tmp_path: Path) -> Iterator[Session]:
    """Somebody else's stack, under the name of the session's project."""
    other = Session(tmp_path / "elsewhere", one.environ, one.project)
    write(other.directory, {"compose.yaml": OTHER})
    other.compose("-p", one.project, "up", "--detach")
    yield other
    other.compose("-p", one.project, "down", "--volumes", "-t", "0")


def check_refused(done: Done, one: Session, elsewhere: Session) -> None:
    assert done.code == 75, done.err
    error = json.loads(done.out)["error"]
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
    shutil.rmtree(session.environ["COMPOSEPORTS_STATE_DIR"])


def test_up_adopts_the_stack_of_a_lost_store(one: Session) -> None:
    one.ok("up")
    networks = one.belongings("network")
    lose_the_store(one)
    one.ok("up")
    assert one.row["state"] == "running"
    assert one.belongings("network") == networks
    assert page(one.ok("url", "web").strip())


def test_down_removes_the_stack_of_a_lost_store(one: Session) -> None:
    one.ok("up")
    lose_the_store(one)
    done = one.run("down", "-t", "0")
    assert done.code == 0, done.err
    assert "of which the store knew nothing" in done.err
    assert one.belongings() == []
    assert not (one.directory / ".composeports").exists()


def test_a_stack_in_a_linked_folder_is_ours_by_either_name(one: Session, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(one.directory)
    linked = Session(link, one.environ, one.project)
    linked.ok("up")
    lose_the_store(one)
    one.ok("up")
    lose_the_store(one)
    linked.ok("down", "-t", "0")
    assert one.belongings() == []


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
    done = other.run("--session", TWINS[1], "down", "-t", "0")
    assert done.code == 0, done.err
    assert "nothing to do" in done.err
    assert other.json("--session", TWINS[1], "up")["compose_project_name"] != first
    other.ok("--session", TWINS[1], "down", "-v", "-t", "0")
    assert docker("ps", "--quiet", "--filter", f"label={PROJECT_LABEL}={first}") == running
