"""`up` or `down` is killed together with Compose while a container is replaced or stopped."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from composeports.usecases.interrupted import BEGINNING_ANEW, STOPPING_FIRST
from tests.acceptance.failures.conftest import Gate
from tests.harness.engine import PROJECT_LABEL
from tests.harness.program import finish, kill_group
from tests.harness.repository import stack, write
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import HANG, page

pytestmark = pytest.mark.e2e

STOPS_THE_OLD_ONE = rb"POST \S+/containers/[^/ ]+/stop"
REMOVES_THE_OLD_ONE = rb"DELETE \S+/containers/\S+"
RENAMES_THE_NEW_ONE = rb"POST \S+/containers/[^/ ]+/rename"


def greeting(text: str) -> str:
    """Return a Compose file of one page that says `text`."""
    return stack({"web": {"environment": {"GREETING": text}, "ports": ["8080:80"]}})


@pytest.fixture
def one(make_repository: MakeRepository, environ: dict[str, str], gate: Gate) -> Session:
    """Return a session whose stack is up, and which reaches the engine through the gate."""
    environ["DOCKER_HOST"] = gate.address
    session = make_repository({"compose.yaml": greeting("before")}).main
    session.ok("up")
    return session


def kill_before(request: bytes, session: Session, gate: Gate, log: Path) -> None:
    """Run `up` on a changed file; kill it and its Compose just before such a request passes."""
    write(session.directory, {"compose.yaml": greeting("after")})
    with log.open("wb") as said:
        program = session.start("up", stdout=said, stderr=said, start_new_session=True)

        def kill(_: re.Match[bytes]) -> None:
            kill_group(program)

        gate.once(request, kill)
        assert program.wait() == -signal.SIGKILL, log.read_text()


@pytest.mark.parametrize("request_", [STOPS_THE_OLD_ONE, REMOVES_THE_OLD_ONE, RENAMES_THE_NEW_ONE])
def test_the_next_up_puts_it_right(
    one: Session, gate: Gate, tmp_path: Path, request_: bytes
) -> None:
    kill_before(request_, one, gate, tmp_path / "log")
    done = one.must_run("up")
    # A removal that was under way may have come through all the same.
    if request_ != REMOVES_THE_OLD_ONE:
        assert done.err.count(BEGINNING_ANEW) == (request_ == STOPS_THE_OLD_ONE)
    assert page(one.ok("url", "web").strip()).endswith(" after")
    assert len(one.containers("running")) == 1
    one.ok("down", "-t", "0")
    assert one.resources_of() == []
    assert one.leases() == []


# It ends only when the test has made the file, and not by SIGTERM.
STUBBORN = {
    "entrypoint": ["sh", "-c", "trap '' TERM; until rm /may-end; do sleep 0.1; done 2>/dev/null"],
    "stop_grace_period": f"{HANG:.0f}s",
}


def test_an_up_after_a_killed_down_does_not_take_what_is_being_stopped_for_running(
    make_repository: MakeRepository,
) -> None:
    """The engine continues to stop a container after the waiting process has ended."""
    web = {"ports": ["8080:80"]}
    session = make_repository({"compose.yaml": stack({"web": web, "db": STUBBORN})}).main
    session.ok("up")
    only = ("--filter", f"label={PROJECT_LABEL}={session.project}", "--filter", "event=kill")
    since = f"{time.time():.6f}"  # `docker events` may begin to listen after the first one
    with session.start("events", "--since", since, *only, program="docker") as events:
        program = session.start("down", start_new_session=True)
        assert events.stdout is not None
        for line in events.stdout:
            if "-db-1" in line:
                break
        kill_group(program)
        events.kill()
    with session.start("up", stdout=subprocess.DEVNULL) as up:
        assert up.stderr is not None
        assert any(STOPPING_FIRST in line for line in up.stderr)
        _let_end(session)
        assert finish(up).code == 0
    assert set(session.containers("running")) == {"web-1", "db-1"}
    assert not session.containers("running")["db-1"]["State"]["FinishedAt"].startswith("0001")
    assert STOPPING_FIRST not in session.run("up").err
    _let_end(session)


def _let_end(session: Session) -> None:
    database = session.containers("running")["db-1"]["Id"]
    done = session.start("exec", database, "touch", "/may-end", program="docker")
    assert finish(done).code == 0


def test_an_up_after_a_down_of_one_service_stops_nothing(make_repository: MakeRepository) -> None:
    services = {"web": {"ports": ["8080:80"]}, "db": {}}
    session = make_repository({"compose.yaml": stack(services)}).main
    session.ok("up")
    before = session.ids()["web-1"]
    started = session.containers()["web-1"]["State"]["StartedAt"]
    session.ok("down", "-t", "0", "db")
    done = session.run("up")
    assert STOPPING_FIRST not in done.err
    assert session.ids()["web-1"] == before
    assert session.containers()["web-1"]["State"]["StartedAt"] == started
