"""If another program has a port of the block, the session moves to another block and says so."""

import json

import pytest

from tests.harness.engine import docker
from tests.harness.repository import TINY, stack
from tests.harness.session import MakeRepository, Session
from tests.harness.taken_ports import LISTENERS, foreign_container, foreign_listener
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

RANGE = 20
BOTH = stack({"web": {"ports": ["8080:80", "8053:53/udp"]}})


@pytest.fixture
def both(make_repository: MakeRepository) -> Session:
    """Return a stack that publishes TCP at base + 4 and UDP at base + 5."""
    return make_repository({"compose.yaml": BOTH}).main


def start_state(container: str) -> tuple[object, ...]:
    """Return values that differ if another process has changed the container."""
    found = json.loads(docker("container", "inspect", container))[0]
    return found["Id"], found["State"], found["HostConfig"]["PortBindings"]


@pytest.mark.parametrize("kind", LISTENERS)
def test_a_foreign_process_on_a_published_port_moves_the_session(kind: str, both: Session) -> None:
    ports = both.json("plan")["ports"]
    port = ports["web:53/udp" if kind == "udp" else "web:80/tcp"]
    with foreign_listener(kind, port) as held:
        done = both.must_run("up")
        assert both.published()["web-1:80/tcp"] == ports["web:80/tcp"] + RANGE
        assert str(port) in done.err
        assert "trying another block" in done.err
        assert page(both.ok("url", "web", "80").strip())
        assert held.getsockname()[1] == port


@pytest.mark.parametrize("kind", ["tcp", "ipv6-only", "loopback-only"])
def test_a_foreign_process_on_a_fixed_port_moves_the_session(kind: str, web: Session) -> None:
    with foreign_listener(kind, web.base + 2):
        done = web.must_run("up")
        assert web.base + RANGE <= web.published()["web-1:80/tcp"] < web.base + 2 * RANGE
        assert f"{web.base + 2}/tcp" in done.err


def test_udp_on_a_port_that_is_published_as_tcp_is_in_nobodys_way(both: Session) -> None:
    ports = both.json("plan")["ports"]
    with foreign_listener("udp", ports["web:80/tcp"]):
        assert both.json("up")["ports"] == ports


@pytest.mark.parametrize("running", [True, False], ids=["running", "created"])
def test_a_foreign_container_moves_the_session_and_is_left_alone(
    running: bool, web: Session
) -> None:
    port = web.json("plan")["ports"]["web:80/tcp"]
    with foreign_container("-p", f"{port}:80", TINY, start=running) as foreign:
        before = start_state(foreign)
        done = web.must_run("up")
        assert web.published()["web-1:80/tcp"] == port + RANGE
        assert f"{port}/tcp" in done.err
        assert page(web.ok("url", "web").strip())
        web.ok("down", "-t", "0")
        assert start_state(foreign) == before


def test_a_stopped_foreign_container_keeps_the_port_it_will_want_again(web: Session) -> None:
    port = web.json("plan")["ports"]["web:80/tcp"]
    with foreign_container("-p", f"{port}:80", TINY) as foreign:
        docker("stop", "-t", "0", foreign)
        before = start_state(foreign)
        assert web.json("up")["ports"]["web:80/tcp"] == port + RANGE
        assert start_state(foreign) == before


def test_a_port_that_is_taken_while_the_stack_is_down_moves_only_that_session(
    make_repository: MakeRepository,
) -> None:
    repository = make_repository({"compose.yaml": BOTH})
    one, two = repository.main, repository.worktree("two")
    one.ok("up")
    two.ok("up")
    kept = two.published()
    port = one.published()["web-1:80/tcp"]
    one.ok("stop", "-t", "0")
    with foreign_listener("tcp", port):
        done = one.must_run("up")
        assert one.published()["web-1:80/tcp"] == port + 2 * RANGE
        assert f" uses port {port}/tcp of this session" in done.err
        assert two.published() == kept
        assert len(one.leases()) == 2


def test_a_program_of_the_sessions_own_on_a_fixed_port_does_not_move_it(web: Session) -> None:
    ports = web.json("up")["ports"]
    with foreign_listener("tcp", web.base + 3):
        done = web.run("up", "--json")
        assert done.document["ports"] == ports
        assert "another block" not in done.err
