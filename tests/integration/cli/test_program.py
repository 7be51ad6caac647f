"""The installed program: help, versions, imports, pipes and interrupts."""

import os
import shlex
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from composeports import __version__
from composeports.cli.root import COMMANDS
from tests.harness.program import Done
from tests.harness.waits import wait_until
from tests.support.machine import FakeDocker, Shell, finished

pytestmark = pytest.mark.integration

HEAVY = {"docker", "fastapi", "mcp", "psycopg", "rich"}


TIMES = "import time:"


def imported(shell: Shell, *argv: str) -> tuple[Done, set[str]]:
    """Run, and return the imported modules; their list is removed from stderr."""
    done = shell.having(PYTHONPROFILEIMPORTTIME="1").run(*argv)
    lines = done.err.splitlines(keepends=True)
    names = {line.rpartition("|")[2].strip() for line in lines if line.startswith(TIMES)}
    rest = "".join(line for line in lines if not line.startswith(TIMES))
    return Done(done.code, done.out, rest), names


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_help_has_an_example_and_needs_nothing_but_click(shell: Shell, command: str) -> None:
    broken = shell.having(PORT_ALLOC_BASE="x", COMPOSEPORTS_STORE="y")
    done, names = imported(broken, *filter(None, (command, "--help")))
    assert (done.code, done.err) == (0, "")
    assert "Example" in done.out
    assert done.out.startswith("Usage: composeports")
    assert not shell.state.exists()
    assert "click" in names
    assert not {name.partition(".")[0] for name in names} & HEAVY


def test_help_of_the_whole_imports_no_command(shell: Shell) -> None:
    _, found = imported(shell, "-h")
    modules = {f"composeports.cli.{module}" for module, _ in COMMANDS.values()}
    assert not found & modules


def test_every_command_is_in_the_help_with_its_line(shell: Shell) -> None:
    words = " ".join(shell.run("--help").out.split())
    for name, (_, line) in COMMANDS.items():
        assert f" {name} {line}" in words


@pytest.mark.parametrize("flag", ["--version", "-v"])
def test_the_version_is_the_package_s(shell: Shell, flag: str) -> None:
    done = shell.run(flag)
    assert (done.code, done.out, done.err) == (0, f"composeports {__version__}\n", "")


@pytest.mark.parametrize(("program", "command"), [("compose-up", "up"), ("compose-down", "down")])
def test_the_two_scripts_are_the_two_commands(shell: Shell, program: str, command: str) -> None:
    done = shell.run("--help", program=program)
    assert (done.code, done.err) == (0, "")
    assert done.out == shell.run(command, "--help").out


def test_the_two_scripts_take_compose_s_options_in_front(shell: Shell, docker: FakeDocker) -> None:
    docker.publish(web=8080)
    (shell.cwd / "other.yaml").touch()
    shell = shell.using(docker)
    done = shell.run("-f", "other.yaml", "--session", "x", "--build", program="compose-up")
    assert done.code == 0, done.err
    (call,) = [call for call in docker.calls if " up " in call]
    assert f"--file {shell.cwd}/other.yaml" in call
    assert call.endswith(" up --detach --build")
    assert shell.run("--session=x", "-v", program="compose-down").code == 0
    assert docker.calls[-1].startswith(("ps ", "network ", "volume "))
    assert [call for call in docker.calls if call.endswith(" down -v")]


# The reader of our output goes away


def into_nowhere(shell: Shell, *argv: str) -> tuple[int, str]:
    """Run with a stdout whose reader is gone; return exit code and errors."""
    reader, writer = os.pipe()
    os.close(reader)
    process = shell.start(*argv, stdout=writer)
    os.close(writer)
    done = finished(process)
    return done.code, done.err


@pytest.mark.parametrize(
    "argv",
    [
        "env",
        "env --format json",
        "allocate",
        "allocate --json",
        "--help",
        "status --json",
        "status",
        "url rest",
    ],
)
def test_a_reader_that_is_gone_is_no_failure_worth_a_word(shell: Shell, argv: str) -> None:
    shell.run("allocate")
    code, err = into_nowhere(shell, *argv.split())
    assert code == 0
    assert "Broken" not in err
    assert "Exception" not in err


def test_a_failure_that_nobody_reads_keeps_its_exit_code(shell: Shell) -> None:
    assert into_nowhere(shell, "url", "web", "--json") == (66, "")


def test_a_failure_without_a_stderr_keeps_its_exit_code(shell: Shell) -> None:
    done = shell.sh("composeports url web 2>&-")
    assert (done.code, done.out) == (66, "")


# Interrupts


def wait_for_call(docker: FakeDocker, word: str) -> None:
    wait_until(lambda: any(word in call for call in docker.calls), word)


def test_ctrl_c_while_docker_is_asked_is_130_and_leaves_nothing(
    shell: Shell, docker: FakeDocker
) -> None:
    docker.publish(web=8080)
    docker.run_before("ps", "exec /bin/sleep 60")
    shell = shell.using(docker)
    process = shell.start("up", start_new_session=True)
    wait_for_call(docker, "ps ")
    wait_for_call(docker, " config ")
    os.killpg(process.pid, signal.SIGINT)
    done = finished(process)
    assert (done.code, done.out) == (130, "")
    docker.run_before("ps", "")
    assert shell.run("status", "--json").document == []
    assert not (shell.cwd / ".composeports").exists()


def test_ctrl_c_where_python_ignores_what_is_raised_is_heard_all_the_same(shell: Shell) -> None:
    """As in a callback of the import system, which is busy while Docker is asked."""
    script = """
import os, signal
from composeports.__main__ import _undisturbed

class Busy:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        while True:
            pass

def work():
    busy = Busy()
    del busy
    while True:
        pass

os._exit(_undisturbed(work))
"""
    done = shell.sh(f"exec {shlex.quote(sys.executable)} -c {shlex.quote(script)}")
    assert (done.code, done.out, done.err) == (130, "", "\ninterrupted\n")


def test_ctrl_c_while_compose_works_is_compose_s_to_answer(
    shell: Shell, docker: FakeDocker
) -> None:
    docker.publish(web=8080)
    ready = shell.cwd / "ready"
    docker.run_before(
        "compose", f"trap 'exit 130' INT; : > {ready}; while :; do /bin/sleep 0.01; done"
    )
    shell = shell.using(docker)
    process = shell.start("up", start_new_session=True)
    wait_until(ready.exists, "compose up")
    os.killpg(process.pid, signal.SIGINT)
    done = finished(process)
    assert (done.code, done.out) == (130, "")
    assert "the lease is released" in done.err


@pytest.mark.parametrize("argv", [["allocate"], ["release"]], ids=" ".join)
def test_ctrl_c_while_waiting_for_the_store_is_130(shell: Shell, argv: list[str]) -> None:
    shell.run("allocate")
    with closing(sqlite3.connect(shell.state / "leases.sqlite3", isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        process = shell.start(*argv)
        assert process.stderr is not None
        first = process.stderr.readline()
        assert b"waiting for the lease store" in first
        process.send_signal(signal.SIGINT)
        done = finished(process)
    assert (done.code, done.out, done.err) == (130, "", "\ninterrupted\n")


def test_ctrl_c_on_the_short_way_of_env_is_130_too(shell: Shell) -> None:
    """Before a word is said: while it waits for the store at first."""
    shell.run("allocate")
    path = shell.state / "leases.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        process = shell.start("env")
        wait_until(lambda: _has_open(process, path), "the short way to open the store")
        process.send_signal(signal.SIGINT)
        done = finished(process)
    assert (done.code, done.out, done.err) == (130, "", "\ninterrupted\n")


def _has_open(process: "subprocess.Popen[bytes]", path: Path) -> bool:
    folder = Path(f"/proc/{process.pid}/fd")
    try:
        return any(os.path.samefile(each, path) for each in folder.iterdir())
    except OSError:
        return False


def test_sigterm_while_compose_works_is_passed_on(shell: Shell, docker: FakeDocker) -> None:
    docker.publish(web=8080)
    ready = shell.cwd / "ready"
    docker.run_before(
        "compose", f"trap 'exit 143' TERM; : > {ready}; while :; do /bin/sleep 0.01; done"
    )
    process = shell.using(docker).start("up")
    wait_until(ready.exists, "compose up")
    process.terminate()
    assert finished(process).code == 143


# Bugs


def test_a_bug_is_told_in_one_line_with_a_log_that_only_we_can_read(
    shell: Shell, docker: FakeDocker
) -> None:
    docker.answer("config", "[" * 100_000)
    shell.run("allocate")
    done = shell.using(docker).run("plan", "--json")
    assert (done.code, done.error["code"]) == (70, "internal")
    log = Path(done.error["details"]["log"])
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert str(log) in done.error["hint"]
