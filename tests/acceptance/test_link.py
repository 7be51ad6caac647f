"""A linked worktree: plain `docker compose` uses the same stack, and changes nothing in it."""

from pathlib import Path

import pytest

from tests.faults.observer import contents
from tests.harness.engine import docker
from tests.harness.repository import TINY, stack
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

FILES = {
    "compose.yaml": stack(
        {
            "web": {
                "ports": ["${WEB_PORT:-8080}:80"],
                "environment": {"SITE": "${SITE}", "PUBLIC": "${WEB_PORT:-8080}", "Q": "${Q}"},
            },
            "db": {"ports": ["5432:80"]},
        }
    )
}
OWN = "Q='it is mine'\nWEB_PORT=8080\nSITE=http://localhost:${WEB_PORT}/"


def linked(make_repository: MakeRepository, name: str) -> Session:
    session = make_repository(FILES).worktree(name)
    (session.directory / ".env").write_text(OWN)
    session.ok("up")
    session.ok("link")
    return session


def test_plain_compose_sees_the_very_same_stack(make_repository: MakeRepository) -> None:
    session = linked(make_repository, "login")
    before, ports = session.ids(), session.published()
    assert session.compose("config") == session.ok("config")
    session.compose("up", "--detach")
    session.ok("up")
    below = session.directory / "src"
    below.mkdir()
    there = Session(below, session.environ)
    assert session.project in there.compose("ps")
    assert (session.ids(), session.published()) == (before, ports)
    session.ok("down")
    assert (session.directory / ".env").read_text() == OWN
    assert session.compose("config").startswith("name: login\n")


def test_the_link_follows_ports_that_move(make_repository: MakeRepository) -> None:
    session = linked(make_repository, "search")
    old = session.published()["web-1:80/tcp"]
    session.compose("stop")
    thief = docker("run", "--detach", "--rm", "-p", f"{old}:80", TINY, "sleep", "100").strip()
    try:
        done = session.run("up")
    finally:
        docker("kill", thief)
    assert done.code == 0, done.err
    new = session.published()["web-1:80/tcp"]
    assert new != old
    assert page(f"localhost:{new}")
    assert session.compose("config") == session.ok("config")
    assert f"PORT_WEB_80={new}" in (session.directory / ".env").read_text()
    before = session.ids()
    session.compose("up", "--detach")
    assert session.ids() == before
    session.ok("unlink")
    assert (session.directory / ".env").read_text() == OWN


@pytest.mark.parametrize("up", [True, False], ids=["beside a stack", "before the first up"])
def test_a_plan_writes_nothing_at_all(
    make_repository: MakeRepository, tmp_path: Path, *, up: bool
) -> None:
    session = make_repository(FILES).worktree("plan")
    env_file = session.directory / ".env"
    if up:
        session.ok("up")
        session.ok("link")
        env_file.write_text(f"SITE=http://localhost:8080/changed\n{env_file.read_text()}")
    else:
        env_file.write_text(OWN)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    session.environ["TMPDIR"] = str(temporary)
    state = session.state
    before = [contents(each) for each in (session.directory, state)]
    for command in (("plan",), ("plan", "--json"), ("plan", "--strict"), ("init",)):
        session.run(*command)
    assert "http://localhost:8080/changed" in session.ok("plan", "--json") or not up
    assert [contents(each) for each in (session.directory, state)] == before
    assert list(temporary.iterdir()) == []
    session.ok("down", "-t", "0")
