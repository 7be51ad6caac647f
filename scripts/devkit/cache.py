"""Owns the development cache: its place, its locks, what is said; refuses to know what fills it."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class DevError(Exception):
    """A failure that the reader can act on: what went wrong and the next step."""


# All that is ever made below the cache directory.
_PARTS = ("apt", "bin", "docker-config", "engines", "images", "locks", "postgres", "trees")


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
    """Remove the cache, and nothing that somebody else put into its directory."""
    here = root()
    for part in _PARTS:
        shutil.rmtree(here / part, ignore_errors=True)
    with suppress(OSError):
        here.rmdir()


def lock_file(name: str) -> Path:
    """Return the file that a lock of the cache is taken on."""
    folder = root() / "locks"
    folder.mkdir(exist_ok=True)
    return folder / name


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold one of the cache's locks, and say so when somebody else has it first."""
    with lock_file(name).open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that prepares {name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
