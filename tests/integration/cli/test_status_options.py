"""`status --stats` and `status --watch`: memory of each session, and a list that is shown again."""

import re
import signal
from pathlib import Path

import pytest

from tests.harness.waits import wait_until
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration
MIB = 1024**2


@pytest.fixture
def started(shell: Shell, docker: FakeDocker) -> Shell:
    """A worktree whose two containers run."""
    docker.publish(web=8080)
    shell = shell.using(docker)
    assert shell.run("up").code == 0
    project = shell.run("status", "--json").document[0]["compose_project_name"]
    rows = (
        "\t".join((identity, "running", project, service, "", f"{project}-{service}-1", *[""] * 6))
        for identity, service in (("aaa", "web"), ("bbb", "db"))
    )
    docker.answer("ps", "".join(f"{row}\n" for row in rows))
    return shell


def test_stats_show_what_the_containers_of_a_session_use(
    started: Shell, docker: FakeDocker
) -> None:
    usage = "aaa111\t300.5MiB / 4GiB\nbbb222\t111.5MiB / 4GiB\nccc333\t7GiB / 8GiB\n"
    docker.answer("stats", usage)
    (entry,) = started.run("status", "--stats", "--json").document
    assert entry["memory_bytes"] == 412 * MIB
    table = started.run("status", "--stats").out
    assert re.search(r"Memory\n", table)
    assert re.search(r" 412 MiB\n", table)
    assert "Memory" not in started.run("status").out
    assert "memory_bytes" not in started.run("status", "--json").document[0]


def test_an_engine_that_measures_is_not_called_silent(started: Shell, docker: FakeDocker) -> None:
    docker.answer("stats", "aaa111\t1MiB / 2MiB\n")
    docker.run_before("stats", "/bin/sleep 2.5")
    done = started.run("status", "--stats")
    assert (done.code, done.err) == (0, "")


def test_stats_ask_the_engine_once(started: Shell, docker: FakeDocker) -> None:
    docker.answer("stats", "aaa111\t-- / --\n")
    assert started.run("status", "--stats", "--wide").code == 0
    calls = [call for call in docker.calls if call.startswith("stats ")]
    assert calls == ["stats --no-stream --no-trunc --format {{.ID}}\t{{.MemUsage}}"]


def test_memory_that_is_not_known_is_told(started: Shell, docker: FakeDocker) -> None:
    docker.answer("stats", err="no such thing\n", code=1)
    done = started.run("status", "--stats")
    assert (done.code, done.err.count("memory is unknown")) == (0, 1)
    assert re.search(r" -\n", done.out)
    (entry,) = started.run("status", "--stats", "--json").document
    assert entry["memory_bytes"] is None


def test_a_watch_in_a_pipe_writes_each_change_and_ends_with_ctrl_c(
    started: Shell, docker: FakeDocker, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    with (
        path.open("w") as out,
        started.start("status", "--watch", "--every", "0.1", stdout=out) as process,
    ):
        try:
            wait_until(lambda: "running" in path.read_text(), "the first list")
            asked = len(docker.calls)
            wait_until(lambda: len(docker.calls) > asked + 3, "three more looks")
            docker.answer("ps", "")
            wait_until(lambda: "stopped" in path.read_text(), "the list after the change")
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 128 + signal.SIGINT
        finally:
            process.kill()
    tables = path.read_text()
    first, second = tables.split("\n\n")
    assert (first.count("running"), second.count("stopped")) == (1, 1)


@pytest.mark.parametrize("option", ["--json", "--fleet"])
def test_a_watch_is_text_of_this_engine(started: Shell, option: str) -> None:
    done = started.run("status", "--watch", option)
    assert done.code == 2
    assert "--watch shows the list of this engine as text" in done.out + done.err


def test_a_watch_takes_no_time_that_is_none(started: Shell) -> None:
    assert started.run("status", "--watch", "--every", "0").code == 2
