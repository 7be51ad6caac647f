"""What the pytest plugin decides: whose stack a run uses, how it ends, how a failure is told."""

import json
import re
from collections.abc import Iterator, Sequence

UP = frozenset({"running", "paused", "restarting"})
LEAVE: tuple[str, ...] = ()
STOP = ("stop",)
DOWN = ("down",)
# Nobody else knows a worker's stack, so nobody misses its volumes, or a slow end.
THROW_AWAY = ("down", "--volumes", "--timeout", "0")
SAID_LINES = 30
# What moves a cursor, clears a line or sets a colour; Compose writes some even without colours.
DRIVING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def session_of(given: str, directory: str, worker: str) -> str | None:
    """Return the session id of a worker's own stack; None for that of the worktree.

    `given` is what the environment names (empty: nothing), `directory` the folder of the run.
    """
    return f"{given or directory} (pytest {worker})" if worker else None


def states(listing: str) -> list[str]:
    """Return the states of the containers in what `docker compose ps --format json` prints."""
    return [str(each.get("State", "")) for each in _documents(listing) if isinstance(each, dict)]


def _documents(listing: str) -> Iterator[object]:
    for line in listing.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        yield from found if isinstance(found, list) else [found]


def ending(before: Sequence[str], *, is_own: bool, keep: bool) -> tuple[str, ...]:
    """Return the command that leaves things as they were before the run, empty for none.

    `before` are the states of the containers that were there, `is_own` says that the stack is
    a worker's own.
    """
    if keep:
        return LEAVE
    if is_own:
        return THROW_AWAY
    if UP.intersection(before):
        return LEAVE
    return STOP if before else DOWN


def failure_text(command: str, code: int, out: str, err: str) -> str:
    """Return what a run of composeports that failed has to say: message, hint, the last lines."""
    error = _error(out)
    message = error.get("message") or f"it ended with exit code {code}"
    said = [f"composeports {command} failed: {message}"]
    if error.get("hint"):
        said.append(f"hint: {error['hint']}")
    lines = err.strip().splitlines()
    if lines:
        said += ["", *lines[-SAID_LINES:]]
    return "\n".join(said)


def _error(out: str) -> dict[str, object]:
    try:
        document = json.loads(out)
    except ValueError:
        return {}
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) else {}


def shortened(text: str, characters: int) -> str:
    """Return the end of a text, whole lines of it, with a line that says so; nothing that drives.

    A terminal shows what is left and does not obey it.
    """
    text = DRIVING.sub("", text)
    if len(text) <= characters:
        return text
    rest = text[-characters:]
    return "[the beginning is left out]\n" + (rest.partition("\n")[2] or rest)
