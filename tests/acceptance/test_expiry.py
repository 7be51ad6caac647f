"""An expired lease keeps its block while its stack runs; then other sessions may get it."""

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
