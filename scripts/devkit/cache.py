"""The development cache: its path, its locks and its messages, but not its content."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Step:
    """A step of fetching: its name, and how much was fetched in it so far."""

    name: str
    count: int = 0


class DevError(Exception):
    """A failure that the reader can act on: what went wrong and the next step."""


# All that is ever made below the cache directory.
_PARTS = ("apt", "bin", "docker-config", "engines", "images", "locks", "postgres", "trees")
# The steps of fetching that are under way, the innermost last.
_steps: list[Step] = []


def say(text: str) -> None:
    """Show one line of progress; stdout stays free for what was asked for."""
    sys.stderr.write(f"[dev] {text}\n")
    sys.stderr.flush()


def root() -> Path:
    """Return the cache directory, made on first use."""
    named = os.environ.get("COMPOSEPORTS_DEV_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(named) if named else Path(home) / "composeports-dev"
    path = path.absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = (
            f"cannot make {path} ({error.strerror}); set COMPOSEPORTS_DEV_CACHE to a directory"
        )
        raise DevError(message) from error
    return path


def remove() -> None:
    """Remove the cache, and no file that another program put into its directory."""
    here = root()
    for part in _PARTS:
        shutil.rmtree(here / part, ignore_errors=True)
    with suppress(OSError):
        here.rmdir()


@contextmanager
def fetching(name: str) -> Iterator[Step]:
    """Allow downloads inside the block; the name precedes each line about a download."""
    step = Step(name)
    _steps.append(step)
    try:
        yield step
    finally:
        _steps.pop()


def begin_fetch(what: str, source: str) -> None:
    """Report a download; raise DevError, which names it, outside of `fetching`."""
    if not _steps:
        message = (
            f"{what} from {source} is missing in {root()}, and nothing is fetched here; run "
            "`make fetch`, and list it in scripts/devkit/downloads.py where that does not help"
        )
        raise DevError(message)
    _steps[-1].count += 1
    say(f"{_steps[-1].name}: fetching {what} from {source}")


def lock_file(name: str) -> Path:
    """Return the file that a lock of the cache is taken on."""
    folder = root() / "locks"
    folder.mkdir(exist_ok=True)
    return folder / name


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold one of the cache's locks; print a line if another process holds it."""
    with lock_file(name).open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that prepares {name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
