"""`down` removes everything of the session's project, and nothing else, in every situation."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.engine import docker, remove
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session

pytestmark = pytest.mark.e2e

SHOP = stack(
    {"web": {"ports": ["8080:80"], "networks": ["front"]}, "db": {"ports": ["5432:80"]}},
    networks={"front": {}},
)


@pytest.fixture
def one(make_repository: MakeRepository) -> Session:
    return make_repository({"compose.yaml": SHOP}).worktree("one")


def check_gone(session: Session) -> None:
    assert session.resources_of() == []
    assert session.json("status") == []


def test_down_removes_what_the_changed_file_does_not_name_any_more(one: Session) -> None:
    one.ok("up")
    assert len(one.ids()) == 2
    (one.directory / "compose.yaml").write_text(stack({"other": {"ports": ["8080:80"]}}))
    one.ok("down", "-t", "0")
    check_gone(one)


def test_down_works_when_the_file_is_broken(one: Session) -> None:
    one.ok("up")
    assert len(one.ids()) == 2
    (one.directory / "compose.yaml").write_text("services: [")
    one.ok("down", "-t", "0")
    check_gone(one)


def test_down_works_when_the_file_is_gone(one: Session) -> None:
    one.ok("up")
    assert len(one.ids()) == 2
    (one.directory / "compose.yaml").unlink()
    one.ok("down", "-t", "0")
    check_gone(one)


def test_down_works_in_a_worktree_whose_files_were_deleted(one: Session) -> None:
    one.ok("up")
    assert len(one.ids()) == 2
    shutil.rmtree(one.directory / ".composeports")
    (one.directory / "compose.yaml").unlink()
    assert [path.name for path in one.directory.iterdir()] == [".git"]
    one.ok("down", "-t", "0")
    check_gone(one)


def test_down_works_in_a_worktree_whose_git_file_is_gone_too(one: Session) -> None:
    one.ok("up", "web")
    assert set(one.ids()) == {"web-1"}
    shutil.rmtree(one.directory)
    one.directory.mkdir()
    one.ok("down", "-t", "0")
    check_gone(one)


@pytest.mark.parametrize("lost", ["compose.yaml", ".git"])
def test_down_in_a_worktree_inside_the_checkout_never_takes_the_checkouts_stack_down(
    make_repository: MakeRepository, lost: str
) -> None:
    repository = make_repository({"compose.yaml": SHOP, ".gitignore": "trees\n"})
    main, inner = repository.main, repository.worktree("main/trees/inner")
    main.ok("up", "web")
    inner.ok("up", "web")
    ids = main.ids()
    assert inner.project != main.project
    (inner.directory / "compose.yaml").unlink()
    (inner.directory / lost).unlink(missing_ok=True)
    inner.ok("down", "-t", "0")
    assert inner.resources_of() == []
    assert not (inner.directory / ".composeports").exists()
    assert main.ids() == ids
    assert main.own_env["COMPOSE_PROJECT_NAME"] == main.project
    assert [row["compose_project_name"] for row in main.json("status")] == [main.project]


def test_down_in_a_new_worktree_leaves_alone_the_one_that_was_moved_away(
    make_repository: MakeRepository,
) -> None:
    repository = make_repository({"compose.yaml": SHOP})
    one = repository.worktree("one")
    one.ok("up", "web")
    ids = one.ids()
    moved = Session(one.directory.parent / "moved", one.environ)
    repository.git("worktree", "move", str(one.directory), str(moved.directory))
    repository.git("worktree", "add", "--quiet", "-b", "fresh", str(one.directory))
    Session(one.directory, one.environ).ok("down", "-t", "0")
    assert moved.ids() == ids


def test_down_works_in_an_emptied_folder_outside_git(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    plain = Session(tmp_path / "plain", environ)
    plain.directory.mkdir()
    (plain.directory / "compose.yaml").write_text(SHOP)
    plain.ok("up")
    assert len(plain.ids()) == 2
    shutil.rmtree(plain.directory)
    plain.directory.mkdir()
    plain.ok("down", "-t", "0")
    check_gone(plain)


def test_down_without_a_stack_is_done_already(one: Session) -> None:
    done = one.run("down")
    assert (done.code, done.out) == (0, "")
    assert "nothing to do" in done.err
    assert not (one.directory / ".composeports").exists()


def test_down_again_is_done_already(one: Session) -> None:
    one.ok("up", "web")
    one.ok("down", "-t", "0")
    assert one.run("down", "-t", "0").code == 0
    check_gone(one)


def test_down_of_one_service_keeps_the_rest_and_the_lease(one: Session) -> None:
    one.ok("up")
    row = one.row
    one.ok("down", "-t", "0", "web")
    assert set(one.ids()) == {"db-1"}
    assert one.row["ports"] == row["ports"]
    one.ok("up")
    assert one.row["ports"] == row["ports"]
    assert set(one.ids()) == {"db-1", "web-1"}


def test_down_leaves_the_stacks_of_others_alone(make_repository: MakeRepository) -> None:
    repository = make_repository({"compose.yaml": SHOP})
    one, two = repository.worktree("one"), repository.worktree("two")
    one.ok("up")
    two.ok("up")
    ids = two.ids()
    one.ok("down", "-v", "-t", "0")
    assert two.ids() == ids
    assert [row["compose_project_name"] for row in two.json("status")] == [two.project]


@pytest.fixture
def stranger(one: Session) -> Iterator[str]:
    """Connect a container that `docker run` started to the stack's network."""
    one.ok("up")
    name = f"{one.project}-stranger"
    image = "composeports-dev/tiny:1"
    docker("run", "--detach", "--name", name, "--network", f"{one.project}_front", image)
    yield name
    docker("rm", "--force", name)


def test_down_that_cannot_remove_all_keeps_the_lease_and_says_what_is_left(
    one: Session, stranger: str
) -> None:
    done = one.run("down", "-t", "0")
    assert done.code != 0
    assert "the lease is kept" in done.err
    assert one.resources_of() == [f"network {one.project}_front"]
    assert one.row["compose_project_name"] == one.project
    docker("rm", "--force", stranger)
    one.ok("down", "-t", "0")
    check_gone(one)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[str]:
    """Make a volume that no Compose project owns."""
    name = docker("volume", "create", f"shared-{tmp_path.parent.name}-{tmp_path.name}").strip()
    yield name
    remove("volume", name)


def test_down_v_keeps_an_external_volume(shared: str, make_repository: MakeRepository) -> None:
    file = stack(
        {"web": {"volumes": ["kept:/kept", "own:/own"]}},
        volumes={"kept": {"external": True, "name": shared}, "own": {}},
    )
    one = make_repository({"compose.yaml": file}).worktree("one")
    one.ok("up")
    one.ok("down", "-v", "-t", "0")
    check_gone(one)
    assert docker("volume", "inspect", "--format", "{{.Name}}", shared).strip() == shared


def test_down_says_on_json_what_it_did(one: Session) -> None:
    one.ok("up", "web")
    project, session_id = one.project, one.row["session_id"]
    assert one.json("down", "-t", "0") == {
        "ok": True,
        "session_id": session_id,
        "compose_project_name": project,
        "released": True,
    }
