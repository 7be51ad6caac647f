"""If the engine does not answer, its state is "unknown": no lease is lost or given away."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.failures.conftest import WEB, Gate
from tests.harness.private_engine import PrivateEngine, private_engine
from tests.harness.program import write_program
from tests.harness.session import MakeRepository, Repository, Session

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[3]
# Taken before the guards give each test a home of its own: our engines live in the real one.
HOME = os.environ.get("HOME", "/")


@pytest.fixture
def repository(make_repository: MakeRepository, environ: dict[str, str], gate: Gate) -> Repository:
    """Return a repository whose sessions reach the engine through the gate."""
    environ["DOCKER_HOST"] = gate.address
    return make_repository({"compose.yaml": WEB})


@pytest.fixture
def one(repository: Repository) -> Session:
    return repository.main


def test_up_without_an_engine_ends_with_69_and_leaves_nothing(one: Session, gate: Gate) -> None:
    gate.shut()
    done = one.run("up", "--json")
    assert done.code == 69
    assert done.error["code"] == "engine_unreachable"
    told = one.run("up")
    assert told.code == 69
    assert told.out == ""
    assert "the Docker engine did not answer" in told.err
    assert "hint: start the engine" in told.err
    assert not (one.directory / ".composeports").exists()
    gate.open()
    assert one.leases() == []


def test_an_engine_that_goes_away_takes_no_lease_and_no_ports_with_it(
    one: Session, gate: Gate
) -> None:
    ports = one.json("up")["ports"]
    held = one.leases()
    files = {path.name: path.read_bytes() for path in (one.directory / ".composeports").iterdir()}
    gate.shut()
    for command in (["up"], ["down"], ["down", "-v"]):
        done = one.run(*command)
        assert done.code == 69, f"{command}: {done.err}"
        assert "released" not in done.err
    status = one.must_run("status", "--json")
    row = status.document[0]
    assert row["state"] == "unknown"
    assert "states are unknown" in status.err
    assert {name: row[name] for name in ("ports", "allocated_at")} == {
        name: held[0][name] for name in ("ports", "allocated_at")
    }
    assert one.ok("url", "web").strip().endswith(str(ports["web:80/tcp"]))
    assert one.ok("env")
    kept = {path.name: path.read_bytes() for path in (one.directory / ".composeports").iterdir()}
    assert kept == files
    gate.open()
    assert one.json("up")["ports"] == ports
    assert one.leases()[0]["state"] == "running"


def test_an_engine_that_stops_during_up_leaves_the_lease(one: Session, gate: Gate) -> None:
    ports = one.json("up")["ports"]
    one.ok("stop", "-t", "0")
    shim = one.directory.parent / "bin"
    # A `docker` that is a script is called as it is: this one loses the engine at `up`.
    write_program(
        shim / "docker",
        f"""
        case " $* " in *" up --detach "*) mv {gate.path} {gate.path}.away ;; esac
        exec env PATH="{one.environ["PATH"]}" docker "$@"
        """,
    )
    done = one.run("up", PATH=f"{shim}{os.pathsep}{one.environ['PATH']}")
    os.rename(f"{gate.path}.away", gate.path)
    assert done.code not in {0, 70}
    assert "the engine does not answer any more: the lease of" in done.err
    assert one.leases()[0]["ports"] == ports
    assert one.json("up")["ports"] == ports


def test_an_expired_lease_of_a_running_stack_is_never_handed_out(repository: Repository) -> None:
    one, two = repository.main, repository.worktree("two")
    ports = one.json("up", PORT_ALLOC_MAX_SESSIONS="1")["ports"]
    assert one.project
    one.set_expiry(1000)
    done = two.run("up", PORT_ALLOC_MAX_SESSIONS="1")
    assert done.code == 75, done.err
    assert two.resources_of() == []
    two_ports = two.json("up", PORT_ALLOC_MAX_SESSIONS="2")["ports"]
    assert not set(two_ports.values()) & set(ports.values())
    assert one.published()["web-1:80/tcp"] == ports["web:80/tcp"]
    row = next(row for row in one.leases() if row["current"])
    assert row["ports"] == ports
    assert row["remaining_ttl_minutes"] == 120, "a running stack's lease is renewed"


def test_an_expired_lease_is_never_handed_out_while_the_engine_is_away(
    repository: Repository, gate: Gate
) -> None:
    one, two = repository.main, repository.worktree("two")
    one.ok("up")
    assert one.project
    one.ok("stop", "-t", "0")
    one.set_expiry(1000)
    gate.shut()
    assert two.run("allocate", "--json", PORT_ALLOC_MAX_SESSIONS="1").code == 75
    assert two.run("up", PORT_ALLOC_MAX_SESSIONS="1").code == 69
    assert two.json("allocate")["db_port"] != one.base
    gate.open()
    assert two.json("release") is not None
    # The counterpart: once the engine says that nothing runs, the block is free.
    assert two.json("allocate", PORT_ALLOC_MAX_SESSIONS="1")["db_port"] == one.base
    assert [row["current"] for row in two.leases()] == [True]


@pytest.fixture
def own_engine(environ: dict[str, str]) -> Iterator[PrivateEngine]:
    """Start an engine of the test's own; remove all of it at the end."""
    with private_engine("away") as engine:
        environ["DOCKER_HOST"] = engine.exports["DOCKER_HOST"]
        yield engine


def test_a_reboot_of_the_engine_costs_no_port(
    make_repository: MakeRepository, own_engine: PrivateEngine
) -> None:
    one = make_repository({"compose.yaml": WEB}).main
    ports = one.json("up")["ports"]
    own_engine.halt()
    assert one.run("up").code == 69
    assert one.row["state"] == "unknown"
    own_engine.start()
    assert one.row["state"] == "stopped"
    assert one.json("up")["ports"] == ports
    published = own_engine.observed.published(one.project)
    assert list(published.values()) == [ports["web:80/tcp"]]
    one.ok("down", "-t", "0")
    assert one.leases() == []
