"""Decisions of the pytest plugin: the stack's owner, its end, the message of a failure."""

import json

import pytest

from composeports.pytest_plugin.policy import (
    DOWN,
    LEAVE,
    STOP,
    THROW_AWAY,
    ending,
    failure_text,
    session_of,
    shortened,
    states,
)


@pytest.mark.parametrize(
    ("given", "worker", "expected"),
    [
        pytest.param("", "", None, id="the worktree's own session, without pytest-xdist"),
        pytest.param("mine", "", None, id="composeports reads the variable itself"),
        pytest.param("", "gw1", "/home/you/shop (pytest gw1)", id="a session for each worker"),
        pytest.param("mine", "gw1", "mine (pytest gw1)", id="one for each worker of a session"),
    ],
)
def test_whose_stack_a_run_uses(given: str, worker: str, expected: str | None) -> None:
    assert session_of(given, "/home/you/shop", worker) == expected


@pytest.mark.parametrize(
    ("before", "is_own", "keep", "expected"),
    [
        pytest.param([], False, False, DOWN, id="what we started is taken down, volumes stay"),
        pytest.param(["running"], False, False, LEAVE, id="what was up stays up"),
        pytest.param(["exited", "paused"], False, False, LEAVE, id="what was partly up, too"),
        pytest.param(["exited", "created"], False, False, STOP, id="what was stopped is stopped"),
        pytest.param([], True, False, THROW_AWAY, id="a worker's stack goes with its volumes"),
        pytest.param(["running"], True, False, THROW_AWAY, id="one that a killed run left, too"),
        pytest.param([], False, True, LEAVE, id="kept"),
        pytest.param([], True, True, LEAVE, id="a worker's is kept"),
    ],
)
def test_how_a_run_ends(
    before: list[str], is_own: bool, keep: bool, expected: tuple[str, ...]
) -> None:
    assert ending(before, is_own=is_own, keep=keep) == expected


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        pytest.param("", [], id="none"),
        pytest.param(
            '{"State":"running"}\n{"State":"exited"}\n', ["running", "exited"], id="lines"
        ),
        pytest.param('[{"State":"running"}]', ["running"], id="one list"),
        pytest.param('WARN something\n{"Name":"a"}\n3\n', [""], id="other lines"),
    ],
)
def test_the_states_of_a_listing(listing: str, expected: list[str]) -> None:
    assert states(listing) == expected


ERROR = {"ok": False, "error": {"message": "all blocks are held", "hint": "end one"}}


@pytest.mark.parametrize(
    ("out", "err", "expected"),
    [
        pytest.param(
            json.dumps(ERROR),
            "",
            "composeports up failed: all blocks are held\nhint: end one",
            id="message and hint",
        ),
        pytest.param(
            json.dumps(ERROR),
            "line 1\nline 2\n",
            "composeports up failed: all blocks are held\nhint: end one\n\nline 1\nline 2",
            id="and what Compose said",
        ),
        pytest.param(
            "no document",
            "error: it broke\n",
            "composeports up failed: it ended with exit code 7\n\nerror: it broke",
            id="no document",
        ),
        pytest.param("[]", "", "composeports up failed: it ended with exit code 7", id="a list"),
        pytest.param(
            '{"error": "text"}', "", "composeports up failed: it ended with exit code 7", id="text"
        ),
    ],
)
def test_how_a_failure_is_told(out: str, err: str, expected: str) -> None:
    assert failure_text("up", 7, out, err) == expected


def test_a_failure_tells_the_last_lines_only() -> None:
    lines = failure_text(
        "up", 1, "", "\n".join(f"line {number}" for number in range(100))
    ).splitlines()
    assert lines[2:] == [f"line {number}" for number in range(70, 100)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("short", "short", id="short"),
        pytest.param(
            "one\ntwo\nthree four", "[the beginning is left out]\nthree four", id="whole lines"
        ),
        pytest.param("a" * 20, "[the beginning is left out]\n" + "a" * 12, id="one long line"),
        pytest.param("\x1b[2K\x1b[1;31mred\x1b[0m", "red", id="nothing that drives a terminal"),
    ],
)
def test_logs_are_shortened_to_their_end(text: str, expected: str) -> None:
    assert shortened(text, 12) == expected
