"""Ctrl-C, SIGTERM and SIGKILL at any time: Compose hears of it once, and the next command copes."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.conftest import (
    PROGRAM,
    TINY,
    MakeRepository,
    Session,
    docker,
    page,
    stack,
    wait_until,
    write,
)
from tests.acceptance.failures.conftest import WEB, at_terminal, leases, starting

pytestmark = pytest.mark.e2e

NEVER_HEALTHY = stack(
    {
        "web": {
            "ports": ["${WEB_PORT:-8080}:80"],
            "healthcheck": {"test": ["CMD", "false"], "interval": "1s", "retries": 1000},
        }
    }
)
BUILDING = stack({"web": {"build": ".", "ports": ["${WEB_PORT:-8080}:80"]}})
SLOW = f"FROM {TINY}\nARG TURN\nRUN echo slow-$TURN && sleep 60\n"


# Python and not sh: dash loses a signal that arrives while it starts a program.
COUNTING = """
import os, signal
def end(*_):
    print("got it", flush=True)
    os._exit(7)
signal.signal(signal.SIGINT, end)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def waiting(make_repository: MakeRepository) -> Session:
    """Give a stack whose `up --wait` waits until somebody ends it."""
    return make_repository({"compose.yaml": NEVER_HEALTHY}).main


def repaired(session: Session) -> None:
    """See that the next `up` and `down` are as if nothing had happened."""
    write(session.directory, {"compose.yaml": WEB})
    kept = {row["session_id"]: row["ports"] for row in leases(session)}
    made = session.json("up")
    assert made["ports"] == kept.get(made["session_id"], made["ports"])
    assert session.published() == {"web-1:80/tcp": made["ports"]["web:80/tcp"]}
    assert page(session.ok("url", "web").strip())
    session.ok("down", "-t", "0")
    assert session.belongings() == []
    assert leases(session) == []
    assert not (session.directory / ".composeports").exists()


def is_up(session: Session) -> Callable[[], bool]:
    """Return the question whether the engine runs a container of the session."""
    project = session.project
    only = ("--filter", f"label=com.docker.compose.project={project}", "--filter", "status=running")
    return lambda: bool(docker("ps", "--quiet", *only))


def test_ctrl_c_while_a_healthcheck_is_waited_for(waiting: Session) -> None:
    up = is_up(waiting)
    with at_terminal(waiting, PROGRAM, "up", "--wait") as program:
        wait_until(up, "the container runs")
        program.press_ctrl_c()
        assert program.ends() == 130
        assert "the lease is kept" in program.said
        assert "Traceback" not in program.said
    assert [row["state"] for row in leases(waiting)] == ["running"]
    repaired(waiting)


def test_sigterm_while_a_healthcheck_is_waited_for(waiting: Session, tmp_path: Path) -> None:
    up = is_up(waiting)
    with starting(waiting, "up", "--wait", log=tmp_path / "log") as program:
        wait_until(up, "the container runs")
        program.signal(signal.SIGTERM)
        assert program.ends() == 130
        assert "the lease is kept" in program.said
    repaired(waiting)


@pytest.mark.parametrize("way", ["ctrl-c", "sigterm"])
def test_an_interrupted_build_leaves_nothing(
    way: str, make_repository: MakeRepository, tmp_path: Path
) -> None:
    slow = SLOW.replace("slow-", f"{tmp_path.name}-")
    one = make_repository({"compose.yaml": BUILDING, "Dockerfile": slow}).main
    command = ("up", "--build")
    context = (
        at_terminal(one, PROGRAM, "--progress", "plain", *command)
        if way == "ctrl-c"
        else starting(one, *command, log=tmp_path / "log")
    )
    with context as program:
        program.says("sleep 60")
        if way == "ctrl-c":
            program.press_ctrl_c()
        else:
            program.signal(signal.SIGTERM)
        code = program.ends()
        assert code == 130, program.said
        assert "the lease is released" in program.said
    assert one.belongings() == []
    assert leases(one) == []
    repaired(one)


@pytest.mark.parametrize("way", ["ctrl-c", "sigterm"])
def test_an_attached_up_stops_its_containers_once(way: str, web: Session, tmp_path: Path) -> None:
    up = is_up(web)
    context = (
        at_terminal(web, PROGRAM, "up", "--attach")
        if way == "ctrl-c"
        else starting(web, "up", "--attach", log=tmp_path / "log")
    )
    with context as program:
        wait_until(up, "the container runs")
        program.says("Attaching to")
        if way == "ctrl-c":
            program.press_ctrl_c()
        else:
            program.signal(signal.SIGTERM)
        assert program.ends() == 130
        # A second signal would have made Compose kill at once, and say so.
        assert program.said.count("Gracefully stopping") == 1
        assert "Killing" not in program.said
    assert [row["state"] for row in leases(web)] == ["stopped"]
    repaired(web)


def test_a_command_under_env_gets_its_signals_itself(web: Session, tmp_path: Path) -> None:
    web.ok("allocate")
    with at_terminal(web, PROGRAM, "env", "--", sys.executable, "-c", COUNTING) as program:
        program.says("ready")
        program.press_ctrl_c()
        assert program.ends() == 7
        assert program.said.count("got it") == 1
    with starting(
        web, "env", "--", sys.executable, "-c", COUNTING, log=tmp_path / "log"
    ) as program:
        program.says("ready")
        program.signal(signal.SIGTERM)
        assert program.ends() == 7
        assert program.said.count("got it") == 1
    with starting(web, "env", "--", "sleep", "60", log=tmp_path / "log") as program:
        program.signal(signal.SIGTERM)
        assert program.ends() == 128 + signal.SIGTERM


def test_sigkill_while_compose_works(waiting: Session, tmp_path: Path) -> None:
    up = is_up(waiting)
    with starting(waiting, "up", "--wait", log=tmp_path / "log") as program:
        wait_until(up, "the container runs")
        program.signal(signal.SIGKILL)
        program.ends()
        assert [row["state"] for row in leases(waiting)] == ["running"]
    repaired(waiting)


def test_sigkill_at_any_moment_of_up(web: Session, tmp_path: Path) -> None:
    assert web.project
    for moment in (0.02, 0.1, 0.2, 0.3, 0.4, 0.6):
        with starting(web, "up", log=tmp_path / "log") as program:
            program.dies_after(moment)
        rows = leases(web)
        assert len(rows) <= 1
    repaired(web)
