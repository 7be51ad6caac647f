"""No block is free, or the settings changed while a stack runs."""

import pytest

from tests.acceptance.failures.conftest import WEB
from tests.harness.session import MakeRepository, Repository
from tests.harness.taken_ports import foreign_listener
from tests.harness.waits import page

pytestmark = pytest.mark.e2e


@pytest.fixture
def repository(make_repository: MakeRepository) -> Repository:
    return make_repository({"compose.yaml": WEB})


def test_when_all_blocks_are_held_nothing_changes(
    repository: Repository, environ: dict[str, str]
) -> None:
    environ["PORT_ALLOC_MAX_SESSIONS"] = "1"
    one, two = repository.main, repository.worktree("two")
    one.ok("up")
    before, ids = one.leases(), one.ids()
    done = two.run("up", "--json")
    assert done.code == 75
    error = done.error
    assert error["code"] == "no_ports_available"
    assert "composeports status" in error["hint"]
    assert two.run("allocate").code == 75
    assert not (two.directory / ".composeports").exists()
    assert two.run("env").code == 66
    assert [(row["session_id"], row["ports"]) for row in one.leases()] == [
        (row["session_id"], row["ports"]) for row in before
    ]
    assert one.ids() == ids
    one.ok("down", "-t", "0")
    assert two.json("up")["ports"] == before[0]["ports"]


def test_when_every_free_block_is_used_by_others_nothing_changes(
    repository: Repository, environ: dict[str, str]
) -> None:
    environ["PORT_ALLOC_MAX_SESSIONS"] = "2"
    one = repository.main
    with foreign_listener("tcp", one.base), foreign_listener("loopback-only", one.base + 23):
        done = one.run("up", "--json")
        assert done.code == 75
        details = done.error["details"]
        assert details["busy_blocks"] == [one.base, one.base + 20]
        assert one.leases() == []
        assert not (one.directory / ".composeports").exists()


@pytest.mark.parametrize(
    "settings",
    [{"PORT_ALLOC_BASE": "32000"}, {"PORT_ALLOC_RANGE": "7"}, {"PORT_ALLOC_MAX_SESSIONS": "1"}],
    ids=str,
)
def test_settings_that_change_leave_running_stacks_where_they_are(
    settings: dict[str, str], repository: Repository
) -> None:
    repository.worktree("one").ok("allocate")
    two = repository.worktree("two")
    ports = two.json("up")["ports"]
    ids = two.ids()
    assert two.json("up", **settings)["ports"] == ports
    assert two.ids() == ids
    assert f"={ports['web:80/tcp']}\n" in two.ok("env", **settings)
    assert page(two.ok("url", "web", **settings).strip())
    two.ok("down", "-t", "0", **settings)
    assert two.resources_of() == []


def test_blocks_of_other_settings_never_overlap_a_running_stack(repository: Repository) -> None:
    one, two = repository.main, repository.worktree("two")
    ports = one.json("up")["ports"]
    shifted = str(ports["web:80/tcp"] - 2)
    other = two.json("up", PORT_ALLOC_BASE=shifted, PORT_ALLOC_RANGE="10")
    block = range(other["ports"]["web:80/tcp"] - 4, other["ports"]["web:80/tcp"] + 6)
    assert not set(block) & set(range(one.base, one.base + 20))
    assert page(one.ok("url", "web").strip()) != page(two.ok("url", "web").strip())
