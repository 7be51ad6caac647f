"""An engine that accepts every request and never answers: "unknown" in time, leases are kept."""

import json
import os
import pty
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from composeports.docker.engine import Engine
from composeports.errors import ConfigError, EngineSilentError
from composeports.host.process import start
from composeports.host.time_limits import TimeLimits
from tests.harness.program import write_program
from tests.harness.waits import HANG
from tests.support.frozen_engine import accepting, on_frozen_engine, waiting_docker
from tests.support.machine import FakeDocker, Shell
from tests.support.mcp_client import over_stdio, refused, told
from tests.support.serving import serving

pytestmark = pytest.mark.integration

GRID = {"PORT_ALLOC_BASE": "26400", "PORT_ALLOC_RANGE": "10", "PORT_ALLOC_MAX_SESSIONS": "4"}
SILENT = "did not answer within 1 s"
NOTICE = "waiting for the Docker engine at unix://"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "frozen.sock"
    with accepting(path):
        yield path


@pytest.fixture
def before(shell: Shell, docker: FakeDocker, address: Path) -> Shell:
    """A session whose stack was started before the engine froze."""
    docker.publish(web=8080)
    answering = shell.having(**GRID, DOCKER_HOST=f"unix://{address}").using(docker)
    assert answering.run("up").code == 0
    return answering


@pytest.fixture
def frozen(before: Shell, docker: FakeDocker, tmp_path: Path, address: Path) -> Shell:
    """The same session on the engine that is frozen now."""
    return on_frozen_engine(before, docker, tmp_path / "programs", address)


def held(shell: Shell) -> list[tuple[Any, ...]]:
    """Return the store's leases without their expiry."""
    rows = shell.run("status", "--json").document
    return [(each["session_id"], each["ports"], each["allocated_at"]) for each in rows]


@pytest.mark.parametrize(
    "command",
    [
        ("up",),
        ("down",),
        ("down", "-v"),
        ("release",),
        ("gc",),
        ("gc", "--dry-run"),
        ("allocate", "--session", "another"),
        ("build",),
        ("down", "--session", "never-started"),
    ],
    ids=" ".join,
)
def test_what_changes_something_ends_with_69_and_keeps_the_lease(
    before: Shell, frozen: Shell, command: Sequence[str]
) -> None:
    leases = held(before)
    done = frozen.run(*command)
    assert done.code == 69, done.err
    assert SILENT in done.err
    assert "COMPOSEPORTS_ENGINE_TIMEOUT" in done.err
    assert held(before) == leases


def test_the_failure_has_the_code_of_an_engine_that_does_not_answer(frozen: Shell) -> None:
    for command in (("up",), ("release",), ("gc",)):
        done = frozen.run(*command, "--json")
        assert done.code == 69
        assert done.error["code"] == "engine_unreachable"
        assert done.error["details"] == {"seconds": 1.0}


def test_status_answers_unknown(frozen: Shell) -> None:
    done = frozen.run("status", "--json")
    assert (done.code, [each["state"] for each in done.document]) == (0, ["unknown"])
    assert f"{SILENT}; states are unknown" in done.err


def test_plan_answers_and_says_what_is_unknown(before: Shell, frozen: Shell) -> None:
    done = frozen.run("plan", "--json")
    assert done.code == 0, done.err
    assert done.document["ports"] == before.run("plan", "--json").document["ports"]
    assert f"{SILENT}; what runs, and on which ports, is unknown" in done.err


def test_url_and_env_answer_from_the_lease(before: Shell, frozen: Shell) -> None:
    done = frozen.run("url", "web")
    assert (done.code, done.out) == (0, before.run("url", "web").out)
    assert f"{SILENT}; whether the stack runs is unknown" in done.err
    assert frozen.run("env").out == before.run("env").out
    assert frozen.run("config").code == 0


def test_doctor_says_what_is_wrong_and_looks_at_the_rest(frozen: Shell) -> None:
    done = frozen.run("doctor", "--json")
    assert done.code == 1, done.err
    assert SILENT in json.dumps(done.document["findings"])
    assert done.document["facts"]["compose"]["version"] == "2.40.3"


def test_nothing_waits_for_the_limit_more_than_once(frozen: Shell) -> None:
    """What was not answered in 4 s gets a second for each further question."""
    begun = time.monotonic()
    patient = frozen.having(COMPOSEPORTS_ENGINE_TIMEOUT="4")
    assert "did not answer within 4 s" in patient.run("doctor").out
    assert time.monotonic() - begun >= 4
    engine = Engine(patient.environ)
    with pytest.raises(EngineSilentError):
        engine.containers()
    begun = time.monotonic()
    for _ in range(2):
        with pytest.raises(EngineSilentError):
            engine.containers()
    assert 2 <= time.monotonic() - begun < 4


def test_an_engine_that_goes_on_is_believed_at_once(
    docker: FakeDocker, shell: Shell, tmp_path: Path, address: Path
) -> None:
    place = on_frozen_engine(shell, docker, tmp_path / "programs", address)
    engine = Engine(place.environ)
    with pytest.raises(EngineSilentError):
        engine.networks("ac-1")
    write_program(tmp_path / "programs" / "network", "echo 1234")
    address.unlink()  # so that the command is asked
    assert engine.networks("ac-1") == ("1234",)


def test_a_program_that_outlives_what_was_asked_is_not_waited_for(tmp_path: Path) -> None:
    """As the ssh of a remote engine: it has the pipes of the `docker` that was ended."""
    pids = tmp_path / "pid"
    program = write_program(tmp_path / "docker", f"/bin/sleep 1000 & echo $! > {pids}; wait")
    begun = time.monotonic()
    try:
        answer = start((str(program),), {}, wait=TimeLimits(0.5).wait()).finish()
    finally:
        os.kill(int(pids.read_text()), 9)
    assert answer.limit == "time"
    assert time.monotonic() - begun < HANG / 10


def test_an_answer_that_has_come_is_read_however_late(tmp_path: Path) -> None:
    """Compose may have taken all of the time for its own question."""
    program = write_program(tmp_path / "docker", f"echo there; : > {tmp_path}/done")
    patience = TimeLimits(0.1)
    running = start((str(program),), {}, wait=patience.wait())
    end = time.monotonic() + HANG
    while not (tmp_path / "done").exists() or time.monotonic() < end - HANG + 0.5:
        assert time.monotonic() < end
    assert running.finish().out == "there\n"


def test_what_acts_has_no_limit(docker: FakeDocker, shell: Shell, tmp_path: Path) -> None:
    docker.run_before("compose", "")
    place = shell.having(PATH=f"{waiting_docker(tmp_path / 'p')}:/usr/bin:/bin")
    write_program(tmp_path / "p" / "stop", "/bin/sleep 1.5; echo stopped")
    engine = Engine({**place.environ, "COMPOSEPORTS_ENGINE_TIMEOUT": "0.5"})
    assert engine.run_change("stop", "abc").out == "stopped\n"


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "3601"])
def test_a_limit_that_makes_no_sense_is_an_error_at_start(shell: Shell, value: str) -> None:
    done = shell.having(COMPOSEPORTS_ENGINE_TIMEOUT=value).run("status", "--json")
    assert done.code == 78
    assert done.error["details"]["setting"] == "COMPOSEPORTS_ENGINE_TIMEOUT"
    assert "0.1" in done.error["message"]
    with pytest.raises(ConfigError, match=value):
        Engine({"HOME": "/", "COMPOSEPORTS_ENGINE_TIMEOUT": value})


def on_terminal(
    shell: Shell, *arguments: str, seen: Callable[[str], object] = lambda _: None
) -> tuple[int, str]:
    """Run the program with stderr on a terminal; return its exit code and what that shows."""
    ours, theirs = pty.openpty()
    process = shell.start(*arguments, stderr=theirs)
    os.close(theirs)
    shown = b""
    end = time.monotonic() + HANG
    while True:
        assert time.monotonic() < end
        if not select.select([ours], [], [], 0.05)[0]:
            continue
        try:
            data = os.read(ours, 65536)
        except OSError:  # the program has ended
            break
        shown += data
        seen(shown.decode())
    os.close(ours)
    process.communicate()
    return process.returncode, shown.decode()


@pytest.mark.parametrize(
    ("command", "code"),
    [(("status",), 0), (("up",), 69), (("down",), 69), (("gc",), 69), (("doctor",), 1)],
    ids=["status", "up", "down", "gc", "doctor"],
)
def test_a_terminal_says_after_two_seconds_what_is_waited_for(
    frozen: Shell, command: Sequence[str], code: int
) -> None:
    ended, shown = on_terminal(frozen.having(COMPOSEPORTS_ENGINE_TIMEOUT="3"), *command)
    assert ended == code, shown
    assert shown.count(NOTICE) == 1, shown
    quiet = frozen.having(COMPOSEPORTS_ENGINE_TIMEOUT="3").run(*command)
    assert NOTICE not in quiet.err


def test_up_and_down_at_work_say_that_they_wait_for_the_engine(
    shell: Shell, docker: FakeDocker, tmp_path: Path
) -> None:
    """The engine freezes after Compose has started: the command waits, and then succeeds."""
    docker.publish(web=8080)
    frozen, told_of = tmp_path / "frozen", tmp_path / "told"
    # Compose runs until the terminal shows the message.
    docker.run_before(
        "compose",
        f": > {frozen}; while [ ! -e {told_of} ]; do /bin/sleep 0.05; done; /bin/rm {frozen}",
    )
    path = tmp_path / "engine.sock"
    place = on_frozen_engine(shell.having(**GRID), docker, tmp_path / "programs", path)
    with accepting(path, frozen.exists):
        for command in ("up", "down"):
            told_of.unlink(missing_ok=True)
            code, shown = on_terminal(
                place, command, seen=lambda text: told_of.touch() if NOTICE in text else None
            )
            assert code == 0, shown
            assert shown.count(NOTICE) == 1, shown


def test_http_gives_unknown_and_503_and_goes_on_with_other_requests(frozen: Shell) -> None:
    with serving(frozen.having(COMPOSEPORTS_ENGINE_TIMEOUT="3")) as server:
        held_here = held(frozen)[0][0]
        with ThreadPoolExecutor(4) as pool, server.client() as client:
            waiting = [
                pool.submit(server.post, path, session)
                for path, session in (
                    ("/ports/allocate", "fresh"),
                    ("/ports/release", held_here),
                    ("/stacks/down", held_here),
                )
            ]
            assert client.get("/health").status_code == 200
            assert not any(each.done() for each in waiting)
            answers = [each.result(HANG) for each in waiting]
        assert [each.status_code for each in answers] == [503, 503, 503]
        assert {each.json()["error"] for each in answers} == {"engine_unreachable"}
        assert [(each["session_id"], each["state"]) for each in server.status()] == [
            (held_here, "unknown")
        ]


def test_mcp_gives_unknown_and_a_failure_and_goes_on_with_other_calls(frozen: Shell) -> None:
    here = str(frozen.cwd)

    async def talk(client: Client) -> None:
        (row,) = told(await client.call_tool("ports_status", {}))["result"]
        assert row["state"] == "unknown"
        plan = told(await client.call_tool("compose_plan", {"worktree": here}))
        assert plan["ports"] == row["ports"]
        url = told(await client.call_tool("service_url", {"worktree": here, "service": "web"}))
        assert url["url"].endswith(str(row["ports"]["web:80/tcp"]))
        for tool, arguments in (
            ("allocate_ports", {"session_id": "fresh"}),
            ("release_ports", {"session_id": row["session_id"]}),
            ("compose_up", {"worktree": here}),
            ("compose_down", {"worktree": here}),
        ):
            failure = refused(await client.call_tool(tool, arguments))
            assert failure["error"] == "engine_unreachable"
        (after,) = told(await client.call_tool("ports_status", {}))["result"]
        assert (after["ports"], after["state"]) == (row["ports"], "unknown")

    over_stdio(frozen.environ, talk)


def test_a_queue_that_is_full_is_an_engine_that_does_not_answer(
    docker: FakeDocker, shell: Shell, tmp_path: Path
) -> None:
    """A server that has asked a frozen engine for hours has filled it."""
    import socket  # noqa: PLC0415 - for this test alone

    path = tmp_path / "full.sock"
    place = on_frozen_engine(shell, docker, tmp_path / "programs", path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(0)
        waiting = []
        try:
            while True:
                each = socket.socket(socket.AF_UNIX)
                waiting.append(each)
                each.setblocking(False)
                each.connect(str(path))
        except BlockingIOError:
            pass
        with pytest.raises(EngineSilentError, match=SILENT):
            Engine(place.environ).containers()
        for each in waiting:
            each.close()
    assert threading.active_count() < HANG
