"""A repository's folder is moved: each session has one stack, and leftovers are removed."""

import shutil

import pytest

from tests.harness.engine import engine
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Repository, Session

pytestmark = pytest.mark.e2e

WEB = {"ports": ["8080:80"], "volumes": ["data:/data"]}
SHOP = {"compose.yaml": stack({"web": WEB}, volumes={"data": {}})}


@pytest.fixture
def shop(make_repository: MakeRepository) -> Repository:
    return make_repository(SHOP)


def moved(repository: Repository, *linked: Session) -> Repository:
    """Move the main checkout and repair its linked worktrees, as git's own documentation says."""
    before = repository.main.directory
    after = before.with_name(f"{before.name}-new")
    before.rename(after)
    there = Repository(Session(after, repository.main.environ))
    there.git("worktree", "repair", *(str(each.directory) for each in linked))
    return there


def own_env(session: Session) -> list[str]:
    """Return the lines of `env` that do not contain the repository's path."""
    lines = session.ok("env", "--format", "dotenv").splitlines()
    return [line for line in lines if "COMPOSEPORTS_GIT_COMMON_DIR" not in line]


def leases(session: Session) -> list[tuple[str, str]]:
    return [(row["compose_project_name"], row["state"]) for row in session.json("status")]


def test_a_linked_worktree_keeps_its_stack_when_its_repository_is_moved(shop: Repository) -> None:
    one = shop.worktree("one")
    one.ok("up")
    project, ids, env = one.project, one.ids(), own_env(one)
    there = moved(shop, one)
    assert own_env(one) == env
    assert one.json("plan")["compose_project_name"] == project
    one.ok("up")
    assert one.ids() == ids
    assert leases(there.main) == [(project, "running")]
    assert "nothing to clean" in there.main.run("gc").err
    assert one.row["compose_project_name"] == project
    one.ok("down")
    assert engine().resources(project, "container network") == []
    assert leases(there.main) == []
    one.ok("up")
    assert one.row["compose_project_name"] == project
    one.ok("down", "-v")
    assert one.resources_of() == []


def test_a_main_checkout_that_is_moved_keeps_its_stack(shop: Repository) -> None:
    shop.main.ok("up")
    project = shop.main.project
    there = moved(shop).main
    assert there.json("plan")["compose_project_name"] == project
    assert "nothing to clean" in there.run("gc").err
    there.ok("up")
    assert leases(there) == [(project, "running")]
    assert there.ok("url", "web")
    there.ok("down", "-v")
    assert engine().resources(project) == []


@pytest.mark.parametrize("moved_first", [True, False], ids=["moved first", "new first"])
def test_a_new_repository_at_the_old_path_has_a_stack_of_its_own(
    shop: Repository, *, moved_first: bool
) -> None:
    one = shop.worktree("one")
    for each in (shop.main, one):
        each.ok("up")
    old = [(each.project, each.ids()) for each in (shop.main, one)]
    there = moved(shop, one)
    if moved_first:
        for each in (there.main, one):
            each.ok("up")
    new = Repository(Session(shop.main.directory, shop.main.environ))
    new.main.directory.mkdir()
    new.git("init", "--quiet", "--initial-branch", "main")
    new.commit(SHOP)
    second = new.worktree("second/one")
    fresh = [new.main, second]
    for each in fresh:
        each.ok("up")
    projects = {each.project for each in fresh}
    assert len(projects | {project for project, _ in old}) == 4
    there.main.ok("up")
    one.ok("up")
    assert (there.main.project, one.project) == (old[0][0], old[1][0])
    assert one.ids() == old[1][1]
    assert {name for name, _ in leases(there.main)} == projects | {name for name, _ in old}
    for each in (new.main, second, there.main, one):
        each.ok("down", "-v")
    assert leases(there.main) == []
    for project in projects | {name for name, _ in old}:
        assert engine().resources(project) == []


def test_gc_ends_the_stack_that_an_earlier_version_orphaned(shop: Repository) -> None:
    """It gave the worktree a second session, and left the first one's stack behind."""
    one = shop.worktree("one")
    one.ok("up")
    first = one.project
    there = moved(shop, one)
    # Without our folder nothing shows whose the worktree was.
    shutil.rmtree(one.directory / ".composeports")
    second = Session(one.directory, one.environ)
    second.ok("up")
    assert second.project != first
    cleaned = there.main.json("gc")
    assert [each["compose_project_name"] for each in cleaned] == [first]
    assert engine().resources(first, "container network") == []
    assert leases(there.main) == [(second.project, "running")]
    second.ok("down", "-v")
    assert [each["compose_project_name"] for each in there.main.json("gc", "--volumes")] == [first]
    assert engine().resources(first) == []
