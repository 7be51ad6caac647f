"""Ctrl-C, SIGTERM and SIGKILL at any time: Compose gets one signal, and the next command works."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.failures.conftest import WEB
from tests.harness.engine import PROJECT_LABEL, docker
from tests.harness.program import PROGRAM
from tests.harness.repository import TINY, stack, write
from tests.harness.session import MakeRepository, Session
from tests.harness.terminal import at_terminal, starting
from tests.harness.waits import page, wait_until

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


# As often as this in a row, Compose would have to take one signal for two.
COMPOSE_TRIES = 5
COMPOSE_FALLS_OVER = "panic: close of closed channel"

# Python and not sh: dash loses a signal that arrives while it starts a program.
COUNTING = """
import os, signal
def end(*_):
    os.write(1, b"got it\\n")  # `print` may be what the signal interrupts
    os._exit(7)
signal.signal(signal.SIGINT, end)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def polite(make_repository: MakeRepository) -> Session:
    """Return a stack whose service has time to end by itself when it is asked to."""
    service = {"ports": ["${WEB_PORT:-8080}:80"], "stop_grace_period": "20s"}
    return make_repository({"compose.yaml": stack({"web": service})}).main


@pytest.fixture
def waiting(make_repository: MakeRepository) -> Session:
    """Yield a stack whose `up --wait` waits until a test ends it."""
    return make_repository({"compose.yaml": NEVER_HEALTHY}).main


def repaired(session: Session) -> None:
    """Check that the next `up` and `down` work normally."""
    write(session.directory, {"compose.yaml": WEB})
    kept = {row["session_id"]: row["ports"] for row in session.leases()}
    made = session.json("up")
    assert made["ports"] == kept.get(made["session_id"], made["ports"])
    assert session.published() == {"web-1:80/tcp": made["ports"]["web:80/tcp"]}
    assert page(session.ok("url", "web").strip())
    session.ok("down", "-t", "0")
    assert session.resources_of() == []
    assert session.leases() == []
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
    assert [row["state"] for row in waiting.leases()] == ["running"]
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
    assert one.resources_of() == []
    assert one.leases() == []
    repaired(one)


def ended(project: str, since: float = 0) -> list[str]:
    """Wait for the engine's events about the end of a project's container, and return them.

    One signal and the end by it, if no SIGKILL was needed: "kill 15", "die 143".
    """
    return wait_until(lambda: _endings(project, since), "the engine tells of the end")


def _endings(project: str, since: float) -> list[str]:
    form = '{{.Action}} {{index .Actor.Attributes "signal"}}{{index .Actor.Attributes "exitCode"}}'
    only = ("--filter", f"label={PROJECT_LABEL}={project}", "--format", form)
    lines = docker("events", "--since", f"{since:.6f}", "--until", "0s", *only).splitlines()
    ends = [line for line in lines if line.startswith(("kill", "die"))]
    return ends if any(line.startswith("die") for line in ends) else []


@pytest.mark.parametrize("way", ["ctrl-c", "sigterm"])
def test_an_attached_up_stops_its_containers_once(
    way: str, polite: Session, tmp_path: Path
) -> None:
    polite.environ["COMPOSE_MENU"] = "false"  # with its menu, newer Compose reads Ctrl-C as a key
    endings = []
    for _ in range(COMPOSE_TRIES):
        endings.append(stopped_while_attached(way, polite, tmp_path / "log"))
        if not compose_heard_twice(endings[-1]):
            break
    assert endings[-1] == ["kill 15", "die 143"], endings
    repaired(polite)


def stopped_while_attached(way: str, session: Session, log: Path) -> list[str]:
    """Stop an attached `up` by one signal; return the engine's events about its container's end."""
    begun = time.time()
    up = is_up(session)
    context = (
        at_terminal(session, PROGRAM, "up", "--attach")
        if way == "ctrl-c"
        else starting(session, "up", "--attach", log=log)
    )
    with context as program:
        wait_until(up, "the container runs")
        program.says("Attaching to")
        if way == "ctrl-c":
            program.press_ctrl_c()
        else:
            program.signal(signal.SIGTERM)
        code = program.ends()
        assert code == 130 or fell_over(code, program.said), program.said
        assert f"{session.project} is stopped; its lease is kept" in program.said
    assert [row["state"] for row in session.leases()] == ["stopped"]
    return ended(session.project, since=begun)


def compose_heard_twice(endings: list[str]) -> bool:
    """Return True if Compose killed a container after one signal, as it does in about one of 50.

    In Compose a signal both cancels a command and counts as a signal of its own; where it sees the
    former first, it takes the latter for the second Ctrl-C, by which people ask for a kill. Without
    composeports the same happens as often.
    """
    return "kill 9" in endings


def fell_over(code: int, said: str) -> bool:
    """Return True if Compose (2.26) fell over its own end, when all is stopped; its code passes."""
    return code == 2 and COMPOSE_FALLS_OVER in said


def after_ctrl_c(session: Session, *argv: str | Path) -> tuple[int, str]:
    """Start a stack in the foreground, press Ctrl-C, and return the exit code and what was said."""
    up = is_up(session)
    with at_terminal(session, *argv) as program:
        wait_until(up, "the container runs")
        program.says("Attaching to")
        program.press_ctrl_c()
        return program.ends(), program.said


def test_ctrl_c_in_compose_s_menu_ends_as_it_does_with_plain_compose(polite: Session) -> None:
    polite.environ["COMPOSE_MENU"] = "true"  # what has no menu ends with 130, what has one with 0
    code, said = after_ctrl_c(polite, PROGRAM, "up", "--attach")
    assert f"{polite.project} is stopped; its lease is kept" in said
    assert "is up" not in said
    endings = ended(polite.project)
    assert endings == ["kill 15", "die 143"] or compose_heard_twice(endings)
    assert [row["state"] for row in polite.leases()] == ["stopped"]
    plain = 'eval "$(composeports env)"; exec docker compose up'
    plain_code, plain_said = after_ctrl_c(polite, "/bin/sh", "-euc", plain)
    fell = fell_over(code, said) or fell_over(plain_code, plain_said)
    assert code == plain_code or fell, said + plain_said
    repaired(polite)


def test_a_foreground_up_whose_containers_end_says_so(make_repository: MakeRepository) -> None:
    job = {"image": TINY, "command": ["true"]}
    one = make_repository({"compose.yaml": stack({"job": job})}).main
    done = one.must_run("up", "--attach")
    assert f"{one.project} is stopped; its lease is kept" in done.err
    assert "is up" not in done.err + done.out
    one.ok("down")


def test_a_foreground_up_that_another_service_ends_passes_its_exit_code(
    make_repository: MakeRepository,
) -> None:
    job = {"image": TINY, "command": ["sh", "-c", "exit 3"]}
    web = {"ports": ["${WEB_PORT:-8080}:80"]}
    one = make_repository({"compose.yaml": stack({"job": job, "web": web})}).main
    done = one.run("up", "--exit-code-from", "job")
    assert done.code == 3
    assert f"{one.project} is stopped; its lease is kept" in done.err
    one.ok("down", "-t", "0")


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
        assert [row["state"] for row in waiting.leases()] == ["running"]
    repaired(waiting)


def test_sigkill_at_any_moment_of_up(web: Session, tmp_path: Path) -> None:
    assert web.project
    for moment in (0.02, 0.1, 0.2, 0.3, 0.4, 0.6):
        with starting(web, "up", log=tmp_path / "log") as program:
            program.dies_after(moment)
        rows = web.leases()
        assert len(rows) <= 1
    repaired(web)
