"""An expired or unused lease keeps its block while its stack needs it; then others may get it."""

import json

import pytest

from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Repository, Session
from tests.harness.store import change_store
from tests.harness.taken_ports import foreign_listener
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

WEB = stack({"web": {"ports": ["8080:80"]}})


@pytest.fixture
def shop(make_repository: MakeRepository, environ: dict[str, str]) -> Repository:
    """Return a repository with one block for all, which lasts a minute."""
    environ |= {"PORT_ALLOC_MAX_SESSIONS": "1", "PORT_ALLOC_TTL_MINUTES": "1"}
    return make_repository({"compose.yaml": WEB})


def let_a_minute_pass(session: Session) -> None:
    """Move all leases a minute into the past."""
    change_store(session.state, "UPDATE leases SET expires_at = expires_at - 61")


def test_a_running_stack_outlives_its_lease_and_a_stopped_one_does_not(shop: Repository) -> None:
    one, two = shop.main, shop.worktree("two")
    ports = one.json("up")["ports"]
    assert len(one.containers("running")) == 1
    let_a_minute_pass(one)
    refused = two.run("up")
    assert refused.code == 75, refused.err
    assert page(one.ok("url", "web").strip())
    one.ok("stop", "-t", "0")
    assert two.run("up").code == 75
    let_a_minute_pass(one)
    taken = two.json("up")
    assert taken["ports"] == ports
    assert [row["session_id"] for row in two.leases()] == [taken["session_id"]]
    assert one.run("up").code == 75
    assert len(one.containers("exited")) == 1
    two.ok("down", "-t", "0")
    assert one.json("up")["ports"] == ports
    assert page(one.ok("url", "web").strip())


def test_a_lease_is_not_lost_to_somebody_who_cannot_use_its_block(shop: Repository) -> None:
    one, two = shop.main, shop.worktree("two")
    made = one.json("up")
    port = made["ports"]["web:80/tcp"]
    one.ok("stop", "-t", "0")
    let_a_minute_pass(one)
    with foreign_listener("tcp", port):
        refused = two.run("up")
    assert refused.code == 75, refused.err
    (kept,) = one.leases()
    assert kept["expired"] is True
    assert kept["session_id"] == made["session_id"]


def test_an_unused_lease_of_the_hook_gives_way_once_its_stack_has_no_container(
    shop: Repository,
) -> None:
    hook = ("hook", "run", "post-checkout", "0" * 40, "1" * 40, "1")
    one, two = shop.worktree("one"), shop.worktree("two")
    ports = one.json("up")["ports"]
    one.ok("stop", "-t", "0")
    # Another session had the block for a while, and the worktree was made again.
    change_store(one.state, "UPDATE leases SET held = 0")
    one.ok(*hook)
    refused = two.run("up")
    assert refused.code == 75, refused.err
    one.ok("down", "-t", "0")
    one.ok(*hook)
    taken = two.run("up", "--json")
    assert taken.code == 0, taken.err
    assert json.loads(taken.out)["ports"] == ports
    assert f"so one ({one.directory}) gave way" in taken.err
    lost = one.run("env")
    assert lost.code == 66, lost.err
    two.ok("down", "-t", "0")
    assert one.json("up")["ports"] == ports
    assert page(one.ok("url", "web").strip())
