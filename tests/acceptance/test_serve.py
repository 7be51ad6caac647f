"""The HTTP server on a real engine: it renews leases of running stacks, watches, takes down."""

import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.engine import docker
from tests.harness.program import PATH, write_program
from tests.harness.repository import stack
from tests.harness.session import Repository, Session
from tests.harness.waits import page, wait_until
from tests.support.machine import Shell
from tests.support.serving import Server, serving

pytestmark = pytest.mark.e2e

TWO = {
    "compose.yaml": stack(
        {"web": {"ports": ["8080:80"], "volumes": ["data:/data"]}}, volumes={"data": {}}
    )
}


@pytest.fixture
def repository(make_repository: Callable[..., Repository]) -> Repository:
    return make_repository(TWO)


@pytest.fixture
def server(repository: Repository, tmp_path: Path) -> Iterator[Server]:
    """A server that was started outside of the repository."""
    environ = repository.main.environ
    with serving(Shell(tmp_path, Path(environ["COMPOSEPORTS_STATE_DIR"]), environ)) as running:
        yield running


def entry_of(server: Server, session: Session) -> dict[str, Any]:
    return next(
        each for each in server.status() if each["worktree"] == str(session.directory.resolve())
    )


def watch(answer: httpx.Response) -> Iterator[list[dict[str, Any]]]:
    """Yield each list that the server sends."""
    for line in answer.iter_lines():
        if line.startswith("data: ["):
            yield json.loads(line.removeprefix("data: "))


def test_the_lease_of_a_running_stack_is_kept_alive_and_no_other(
    repository: Repository, server: Server
) -> None:
    runs, stands = repository.worktree("runs"), repository.worktree("stands")
    for session in (runs, stands):
        session.ok("up")
    docker("stop", "--time", "0", *stands.ids().values())
    for session in (runs, stands):
        session.set_expiry(time.time() + 30)
    # The newest event makes the keeper look at once.
    docker("restart", "--time", "0", *runs.ids().values())
    wait_until(
        lambda: entry_of(server, runs)["remaining_ttl_minutes"] > 100, "a renewal of what runs", 10
    )
    assert entry_of(server, runs)["state"] == "running"
    assert entry_of(server, stands)["remaining_ttl_minutes"] <= 1
    assert entry_of(server, stands)["state"] == "stopped"


def test_a_stop_a_start_and_an_end_are_seen_within_two_seconds(
    repository: Repository, server: Server
) -> None:
    session = repository.main
    session.ok("up")
    ids = tuple(session.ids().values())
    with server.client(key=None) as client, client.stream("GET", "/events") as answer:
        lists = watch(answer)

        def seen_after(done: float, state: str) -> float:
            for found in lists:
                if [each["state"] for each in found] == [state] if state else not found:
                    return time.monotonic() - done
            message = "the stream ended"
            raise AssertionError(message)

        assert next(lists)[0]["state"] == "running"
        docker("stop", "--time", "0", *ids)
        assert seen_after(time.monotonic(), "stopped") < 2
        docker("start", *ids)
        assert seen_after(time.monotonic(), "running") < 2
        docker("kill", *ids)
        assert seen_after(time.monotonic(), "stopped") < 2
        session.ok("down")
        assert seen_after(time.monotonic(), "") < 2


def test_down_over_http_is_the_command_and_volumes_stay(
    repository: Repository, server: Server
) -> None:
    session = repository.worktree("feature")
    session.ok("up")
    url = session.ok("url", "web").strip()
    assert page(url)
    entry = entry_of(server, session)
    assert entry["urls"] == {"web:80/tcp": url}
    refused = server.post("/ports/release", entry["session_id"])
    assert (refused.status_code, refused.json()["error"]) == (409, "stack_left")
    assert session.containers("running")
    done = server.post("/stacks/down", entry["session_id"])
    assert (done.status_code, done.json()) == (200, {"success": True, "released": True})
    assert session.resources_of() == [f"volume {entry['compose_project_name']}_data"]
    assert not (session.directory / ".composeports").exists()
    assert server.status() == []


def test_down_over_http_works_where_the_worktree_is_gone(
    repository: Repository, server: Server
) -> None:
    session = repository.worktree("feature")
    session.ok("up")
    project = session.project
    entry = entry_of(server, session)
    repository.git("worktree", "remove", "--force", str(session.directory))
    wait_until(lambda: server.status()[0]["state"] == "running", "it runs all the same")
    done = server.post("/stacks/down", entry["session_id"])
    assert done.status_code == 200, done.text
    assert not docker("ps", "--all", "--quiet", "--filter", f"name={project}").split()
    assert server.status() == []


def test_a_server_that_is_killed_takes_nothing_with_it(
    repository: Repository, server: Server
) -> None:
    session = repository.main
    session.ok("up")
    given = server.allocate("by http")
    server.end(signal.SIGKILL)
    assert session.containers("running")
    held = {each["session_id"]: each["db_port"] for each in session.json("status")}
    assert held["by http"] == given["db_port"]
    assert len(held) == 2


def test_a_lease_over_http_is_never_given_to_a_stack(
    repository: Repository, server: Server
) -> None:
    given = server.allocate("agent 7")
    session = repository.main
    session.ok("up")
    row = session.row
    assert row["db_port"] != given["db_port"]
    assert server.allocate("agent 7")["db_port"] == given["db_port"]


def followers(server: Server) -> list[Path]:
    """Return the server's programs that lead to the engine."""
    tasks = list(Path(f"/proc/{server.process.pid}/task").iterdir())
    children = [each for task in tasks for each in (task / "children").read_text().split()]
    files = [Path(f"/proc/{each}/cmdline") for each in children]
    return [path for path in files if path.exists() and b"dial-stdio" in path.read_bytes()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_of_the_server_is_left_at_its_end(
    repository: Repository, tmp_path: Path, number: signal.Signals
) -> None:
    """Where `docker` is a script, it is the way to the engine's events; it ends with the server."""
    environ = repository.main.environ
    real = shutil.which("docker", path=PATH)
    write_program(tmp_path / "bin" / "docker", f'exec {real} "$@"')
    scripted = {**environ, "PATH": f"{tmp_path}/bin:{environ['PATH']}"}
    shell = Shell(tmp_path, Path(environ["COMPOSEPORTS_STATE_DIR"]), scripted)

    with serving(shell) as server:
        followed = wait_until(lambda: followers(server), "the follower of the engine's events")
        assert server.end(number) == (0 if number == signal.SIGTERM else -number)
        wait_until(lambda: not any(path.exists() for path in followed), "its end")
