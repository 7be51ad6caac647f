"""Named sessions: several stacks from one folder, each with its own files."""

import os

import pytest

from tests.harness.engine import docker
from tests.harness.session import Session
from tests.harness.waits import page

pytestmark = pytest.mark.e2e


def host_port(project: str) -> int:
    """Return what the engine says of the project's one published port."""
    only = ("--filter", f"label=com.docker.compose.project={project}")
    shown = docker("ps", *only, "--format", "{{.Ports}}")
    return int(shown.partition("->")[0].rpartition(":")[2])


def test_two_sessions_of_one_folder_do_not_touch_each_other(web: Session) -> None:
    plans = {name: web.json("--session", name, "up") for name in "ab"}
    projects = {name: plan["compose_project_name"] for name, plan in plans.items()}
    ports = {name: plan["ports"]["web:80/tcp"] for name, plan in plans.items()}
    assert {name: host_port(project) for name, project in projects.items()} == ports
    assert ports["a"] != ports["b"]
    folders = sorted(path.name for path in (web.directory / ".composeports").iterdir())
    assert folders == sorted([".gitignore", *projects.values()])
    for name in "ab":
        url = web.ok("--session", name, "url", "web").strip()
        assert url.endswith(f":{ports[name]}")
        assert page(url)
        assert f"export WEB_PORT={ports[name]}\n" in web.ok("env", "--session", name)
        shown = web.ok("--session", name, "ps", "--format", "{{.Project}}").split()
        assert shown == [projects[name]]
    assert web.run("env").code == 66, "the folder's own session holds nothing"
    web.ok("down", "--session", "a", "-t", "0")
    assert host_port(projects["b"]) == ports["b"]
    assert [row["session_id"] for row in web.leases()] == ["b"]
    assert not (web.directory / ".composeports" / projects["a"]).exists()
    assert web.ok("url", "--session", "b", "web")
    assert web.run("url", "--session", "a", "web").code == 66
    web.ok("--session", "b", "down", "-t", "0")
    assert not os.path.lexists(web.directory / ".composeports")


def test_a_named_session_beside_the_folders_own(web: Session) -> None:
    own = web.json("up")
    named = web.json("up", COMPOSEPORTS_SESSION="nightly")
    assert own["ports"] != named["ports"]
    web.ok("down", "-t", "0")
    assert host_port(named["compose_project_name"]) == named["ports"]["web:80/tcp"]
    assert web.ok("env", COMPOSEPORTS_SESSION="nightly")
    plain = web.shell('eval "$(composeports env --session nightly)"; docker compose ps --services')
    assert (plain.code, plain.out) == (0, "web\n")
    web.ok("down", "-t", "0", COMPOSEPORTS_SESSION="nightly")
    assert not os.path.lexists(web.directory / ".composeports")


@pytest.mark.parametrize("name", ["", "  ", "\t"])
def test_a_session_without_a_name_is_refused(name: str, web: Session) -> None:
    done = web.run("--session", name, "up")
    assert done.code == 2
    assert "the session id is empty" in done.err
    assert web.leases() == []


@pytest.mark.parametrize("name", ["../../x", "a b'\"$(touch pwned)\n`id`", "é" * 200])
def test_a_session_may_have_any_name(name: str, web: Session) -> None:
    made = web.json("up", "--session", name)
    assert made["session_id"] == name
    shown = web.shell('eval "$(composeports --session "$NAME" env)"; echo "$WEB_PORT"', NAME=name)
    assert shown.out == f"{made['ports']['web:80/tcp']}\n"
    assert "\n`id`" not in web.ok("status")
    web.ok("down", "-t", "0", "--session", name)
    assert sorted(path.name for path in web.directory.iterdir()) == [".git", "compose.yaml"]
