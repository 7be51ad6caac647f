"""Owns every call of another program; refuses to interpret what the program prints."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from devkit.cache import DevError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def attempt(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command and hand back whatever it did; a missing program counts as exit 127."""
    words = [str(word) for word in command]
    try:
        return subprocess.run(
            words,
            env=env,
            input=stdin,
            timeout=timeout,
            text=True,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(words, 127, "", f"{words[0]}: command not found")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 124, "", f"{words[0]}: no answer in {timeout} s")


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Run a command that has to succeed and return its stdout."""
    done = attempt(command, env=env, stdin=stdin)
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        shown = " ".join(done.args)
        message = f"`{shown}` failed with exit code {done.returncode}:\n{tail}"
        raise DevError(message)
    return done.stdout
