"""Decisions of the pytest plugin: which stack a run uses, how it ends, the text of a failure."""

import json
import re
from collections.abc import Iterator, Sequence

UP = frozenset({"running", "paused", "restarting"})
LEAVE: tuple[str, ...] = ()
STOP = ("stop",)
DOWN = ("down",)
# No other process uses a worker's stack, so its volumes are not needed any more, and its containers
# are killed at once.
THROW_AWAY = ("down", "--volumes", "--timeout", "0")
SAID_LINES = 30
# Escape sequences that move a cursor, clear a line or set a colour; Compose writes some even
# without colours.
DRIVING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def session_of(given: str, directory: str, worker: str) -> str | None:
    """Return the session id of a worker's own stack; None for the stack of the worktree.

    `given` is the session named by the environment (empty: none), `directory` the folder of the
    run.
    """
    return f"{given or directory} (pytest {worker})" if worker else None


def states(listing: str) -> list[str]:
    """Return the container states in the output of `docker compose ps --format json`."""
    return [
        str(container.get("State", ""))
        for container in _documents(listing)
        if isinstance(container, dict)
    ]


def _documents(listing: str) -> Iterator[object]:
    for line in listing.splitlines():
        try:
            document = json.loads(line)
        except ValueError:
            continue
        yield from document if isinstance(document, list) else [document]


def ending(before: Sequence[str], *, is_own: bool, keep: bool) -> tuple[str, ...]:
    """Return the command that restores the state before the run; empty if none is needed.

    `before` has the states of the containers that existed before the run. `is_own` means that the
    stack belongs to one worker. With `keep` the stack stays as it is.
    """
    if keep:
        return LEAVE
    if is_own:
        return THROW_AWAY
    if UP.intersection(before):
        return LEAVE
    return STOP if before else DOWN


def failure_text(command: str, code: int, out: str, err: str) -> str:
    """Return the text for a failed run of composeports: message, hint, last lines of stderr."""
    error = _error(out)
    message = error.get("message") or f"it ended with exit code {code}"
    parts = [f"composeports {command} failed: {message}"]
    if error.get("hint"):
        parts.append(f"hint: {error['hint']}")
    lines = err.strip().splitlines()
    if lines:
        parts += ["", *lines[-SAID_LINES:]]
    return "\n".join(parts)


def _error(out: str) -> dict[str, object]:
    try:
        document = json.loads(out)
    except ValueError:
        return {}
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) else {}


def shortened(text: str, characters: int) -> str:
    """Return the last `characters` of a text, in whole lines, without escape sequences.

    A line at the start says if the beginning was left out. Without escape sequences the text cannot
    control a terminal.
    """
    text = DRIVING.sub("", text)
    if len(text) <= characters:
        return text
    tail = text[-characters:]
    return "[the beginning is left out]\n" + (tail.partition("\n")[2] or tail)
