"""The messages and their amount: --quiet, --verbose, NO_COLOR, and the first `up` of a machine."""

import json
import os
import pty
from contextlib import suppress

import pytest

from tests.harness.waits import HANG
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

HOST_NETWORK = {"services": {"web": {"image": "scratch", "network_mode": "host"}}}


@pytest.fixture
def with_docker(shell: Shell, docker: FakeDocker) -> Shell:
    """The shell on a machine with docker, with one running container of the session."""
    docker.publish(web=8080)
    return shell.using(docker)


def at_terminal(shell: Shell, *arguments: str, code: int = 0) -> str:
    """Return a command's whole output on a terminal; it must end with the given exit code."""
    ours, theirs = pty.openpty()
    process = shell.start(*arguments, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the terminal is gone with its last program
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert process.wait(timeout=HANG) == code, shown
    return shown.decode().replace("\r\n", "\n")


def compose_call(docker: FakeDocker, command: str) -> str:
    (call,) = [call for call in docker.calls if f" {command}" in call and "config" not in call]
    return call


# --quiet


def test_quiet_says_nothing_and_asks_compose_to(with_docker: Shell, docker: FakeDocker) -> None:
    up = with_docker.run("--quiet", "up")
    assert (up.code, up.err) == (0, "")
    assert "--progress quiet" in compose_call(docker, "up --detach")
    down = with_docker.run("-q", "down")
    assert (down.code, down.out, down.err) == (0, "", "")
    assert "--progress quiet" in compose_call(docker, "down")
    assert "released" in with_docker.run("release").err
    assert with_docker.run("-q", "release").err == ""


def test_quiet_leaves_what_was_asked_for(with_docker: Shell) -> None:
    assert with_docker.run("-q", "plan").out == with_docker.run("plan").out != ""
    assert with_docker.run("-q", "up", "--json").document["ok"] is True


def test_quiet_leaves_warnings_and_errors(with_docker: Shell, docker: FakeDocker) -> None:
    docker.answer("config", json.dumps({"name": "any", **HOST_NETWORK}))
    assert with_docker.run("-q", "up").err.startswith("warning: ")
    failed = with_docker.run("-q", "url", "nothing")
    assert failed.code == 2
    assert "hint: " in failed.err
    docker.answer("compose", err="no such image\n", code=1)
    failed = with_docker.run("-q", "up")
    assert failed.code == 1
    assert "no such image\n" in failed.err
    assert "the lease is released" in failed.err


def test_a_progress_that_is_asked_for_is_kept(with_docker: Shell, docker: FakeDocker) -> None:
    with_docker.run("-q", "--progress", "plain", "up")
    assert "--progress plain" in compose_call(docker, "up --detach")


def test_the_scripts_take_them_too(with_docker: Shell, docker: FakeDocker) -> None:
    assert with_docker.run("-q", program="compose-up").err == ""
    done = with_docker.run("--verbose", "--quiet", "-t", "0", program="compose-down")
    assert (done.code, done.out) == (0, "")
    assert compose_call(docker, "down").endswith("down -t 0")


# --verbose


def test_verbose_tells_every_command_and_its_time_on_stderr(
    with_docker: Shell, docker: FakeDocker
) -> None:
    done = with_docker.run("--verbose", "up", "--json")
    assert done.document["ok"] is True
    begun = [line for line in done.err.splitlines() if line.startswith("+ ")]
    ended = [line for line in begun if " after 0." in line]
    for call in docker.calls:
        words = call.removeprefix("compose ").replace("\t", "\\t")
        lines = [line.replace("'", "") for line in begun]
        assert len([line for line in lines if line.endswith(words)]) >= 2, call
    assert any(line.startswith("+ exit 0 after 0.") for line in ended)


def test_verbose_tells_a_failure(with_docker: Shell, docker: FakeDocker) -> None:
    docker.answer("compose", code=3)
    done = with_docker.run("--verbose", "up")
    assert done.code == 3
    assert "+ exit 3 after " in done.err


def test_verbose_tells_what_the_command_becomes(with_docker: Shell) -> None:
    with_docker.run("allocate")
    done = with_docker.run("--verbose", "env", "--", "cat")
    assert (done.code, done.err) == (0, "+ cat\n")
    assert with_docker.run("--verbose", "ps").err.startswith("+ docker compose --project-name ac-")


# Colour


def test_no_color_means_no_colour_and_nothing_bold(shell: Shell) -> None:
    shell.run("allocate")
    terminal = shell.having(TERM="xterm-256color")
    assert "\x1b[" in at_terminal(terminal, "status")
    assert "\x1b[" not in at_terminal(terminal.having(NO_COLOR="1"), "status")


# The first `up`


def test_the_first_up_at_a_terminal_says_where_leases_lie_and_what_is_next(
    with_docker: Shell,
) -> None:
    first = at_terminal(with_docker, "up")
    assert f"first stack on this machine. Its lease lies in {with_docker.state}" in first
    assert "composeports status" in first
    assert "first stack" not in at_terminal(with_docker, "up")


def test_it_says_so_once_even_when_that_lease_is_over(with_docker: Shell) -> None:
    at_terminal(with_docker, "up")
    with_docker.run("down")
    assert "first stack" not in at_terminal(with_docker, "up")


def test_nobody_is_welcomed_who_does_not_look_or_asked_for_quiet(
    with_docker: Shell, docker: FakeDocker
) -> None:
    assert "first stack" not in with_docker.run("up").err
    other = with_docker.having(COMPOSEPORTS_STATE_DIR=str(with_docker.state / "other"))
    assert "first stack" not in at_terminal(other, "--quiet", "up")
    third = with_docker.having(COMPOSEPORTS_STATE_DIR=str(with_docker.state / "third"))
    docker.answer("compose", code=1)
    done = third.run("up")
    assert "first stack" not in done.err


def test_a_home_is_shortened(with_docker: Shell) -> None:
    home = with_docker.environ["HOME"]
    shell = with_docker.having(COMPOSEPORTS_STATE_DIR=f"{home}/leases")
    assert "lies in ~/leases," in at_terminal(shell, "up")


# What takes a while


@pytest.mark.parametrize(
    ("command", "said"), [("gc", "looking at every session"), ("doctor", "looking at the engine")]
)
def test_what_takes_longer_than_a_second_says_so_on_a_terminal_and_leaves_no_trace(
    with_docker: Shell, docker: FakeDocker, command: str, said: str
) -> None:
    for question in ("ps", "labels"):
        docker.run_before(question, '[ "$TERM" = dumb ] || /bin/sleep 1.3')
    shown = at_terminal(with_docker.having(TERM="xterm"), command)
    assert f"\r\x1b[K{said}" in shown
    assert "(1 s)" in shown
    assert shown.rpartition("(1 s)")[2].startswith("\r\x1b[K")
    assert "\x1b[K" not in at_terminal(with_docker.having(TERM="dumb"), command)


def test_a_failure_ends_with_the_command_for_its_page(with_docker: Shell) -> None:
    line = "more: composeports explain no_lease"
    plain = at_terminal(with_docker.having(NO_COLOR="1"), "env", code=66)
    assert plain.splitlines()[-1] == line
    assert f"\x1b[2m{line}\x1b[0m" in at_terminal(with_docker.having(NO_COLOR=""), "env", code=66)
    assert with_docker.run("env").err.splitlines()[-1] == line
    assert with_docker.run("fly").err.splitlines()[-1] == "more: composeports explain usage"
    assert "more: " not in with_docker.run("plan", "--no-such-option", "--json").err
