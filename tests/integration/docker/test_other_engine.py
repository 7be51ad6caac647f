"""Switching between engines of one machine: a stack is taken down on its own engine."""

import json
import os
from pathlib import Path

import pytest

from composeports.core.engine_identity import THIS_MACHINE, EngineIdentity
from composeports.usecases.status import _seen_from_here
from tests.harness.repository import make_repository
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

FAR = "tcp://far.example:2376"


@pytest.fixture
def docker(tmp_path: Path) -> FakeDocker:
    docker = FakeDocker(tmp_path / "docker")
    docker.publish(web=8080)
    docker.answer("info", "id-of-far\tbox\t/var/lib/docker\n")
    return docker


@pytest.fixture
def one(tmp_path: Path, docker: FakeDocker) -> Shell:
    """A worktree on the engine with the socket "one"."""
    shell = Shell(make_repository(tmp_path / "shop"), tmp_path / "state").using(docker)
    return on(shell, f"unix://{tmp_path}/one.sock")


def on(shell: Shell, address: str) -> Shell:
    return shell.having(DOCKER_HOST=address)


@pytest.fixture
def two(tmp_path: Path, one: Shell) -> Shell:
    """The same worktree on another engine."""
    return on(one, f"unix://{tmp_path}/two.sock")


@pytest.mark.parametrize("command", ["up", "down", "release"])
def test_a_stack_of_another_engine_is_left_alone(one: Shell, two: Shell, command: str) -> None:
    assert one.run("up").code == 0
    refused = two.run(command, *(["--json"] if command != "down" else []))
    assert refused.code == 75
    if command == "down":
        assert "another engine" in refused.err
    else:
        assert refused.error["code"] == "other_engine"
        assert refused.error["details"]["engine"].endswith("one.sock")
    (entry,) = one.run("status", "--json").document
    assert entry["state"] == "stopped"
    (entry,) = two.run("status", "--json").document
    assert entry["state"] == "unknown"
    assert one.run("down").code == 0


def test_a_link_to_the_socket_is_the_same_engine(one: Shell, tmp_path: Path) -> None:
    assert one.run("up").code == 0
    (tmp_path / "link.sock").symlink_to(tmp_path / "one.sock")
    assert on(one, f"unix://{tmp_path}/link.sock").run("down").code == 0


def test_ports_without_a_stack_go_along(one: Shell, two: Shell) -> None:
    assert one.run("allocate").code == 0
    assert two.run("up").code == 0
    assert one.run("release").code == 75
    assert two.run("down").code == 0


def test_another_session_keeps_off_the_ports_of_a_machine_s_other_engine(
    one: Shell, two: Shell
) -> None:
    first = one.run("up", "--json").document
    second = two.run("--session", "other", "up", "--json").document
    assert set(first["ports"].values()).isdisjoint(second["ports"].values())


def test_gc_keeps_what_is_on_another_engine(one: Shell, two: Shell, tmp_path: Path) -> None:
    assert one.run("up").code == 0
    (tmp_path / "shop").rename(tmp_path / "away")
    two.cwd = one.cwd = tmp_path
    kept = two.run("gc")
    assert kept.code == 0
    assert "another engine" in kept.err
    assert len(one.run("status", "--json").document) == 1
    assert one.run("gc").code == 0
    assert one.run("status", "--json").document == []


def test_a_remote_engine_has_a_lease_of_its_own(one: Shell) -> None:
    here = one.run("allocate", "--json").document
    far = on(one, FAR).run("allocate", "--json").document
    assert here["session_id"].startswith("/")
    assert far["session_id"].startswith(os.uname().nodename)
    assert here["ports" if "ports" in here else "api_port"] is not None
    assert far["api_port"] == here["api_port"], "each engine has its whole range"
    assert on(one, FAR).run("release").code == 0
    assert len(one.run("status", "--json").document) == 1


def test_a_fleet_is_listed_by_engine(one: Shell) -> None:
    assert one.run("up").code == 0
    far = on(one, FAR).having(COMPOSEPORTS_MACHINE="ci-1")
    assert far.run("allocate").code == 0
    shown = far.run("status", "--fleet", "--json").document
    assert [(each["name"], each["host"], each["current"]) for each in shown] == [
        ("box", "far.example", True),
        ("", "localhost", False),
    ]
    assert [[lease["machine"] for lease in each["leases"]] for each in shown] == [["ci-1"], [""]]
    assert shown[1]["leases"][0]["state"] == "unknown"
    table = far.run("status", "--fleet").out
    assert "far.example" in table
    assert "this machine" in table
    assert "ci-1:" in table


def test_a_fleet_without_leases_is_its_engine(one: Shell) -> None:
    (only,) = one.run("status", "--fleet", "--json").document
    assert (only["current"], only["leases"]) == (True, [])
    assert "no leases" in one.run("status", "--fleet").out


def test_a_remote_engine_that_never_answered_is_told(one: Shell, docker: FakeDocker) -> None:
    docker.go_away()
    for command in ("up", "status", "gc"):
        done = on(one, FAR).run(command)
        assert done.code == 69, done
    assert json.loads(one.run("status", "--json").out) == []


def test_an_engine_that_only_its_own_machine_has_named_goes_by_that_machine() -> None:
    """As seen from another machine, `localhost` leads nowhere."""
    assert _seen_from_here(EngineIdentity("id", "box", "localhost", local=False)).host == "box"
    assert _seen_from_here(EngineIdentity("id", "box", "far", local=False)).host == "far"
    assert _seen_from_here(THIS_MACHINE) == THIS_MACHINE
