"""Call other programs; does not interpret their output."""

from __future__ import annotations

import subprocess
import textwrap
from typing import TYPE_CHECKING

from devkit.cache import DevError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def attempt(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command and hand back whatever it did; a missing program counts as exit 127."""
    words = [str(word) for word in command]
    try:
        return subprocess.run(
            words,
            env=env,
            cwd=cwd,
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


def start(
    command: Sequence[str | Path], *, env: Mapping[str, str], log: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a command without waiting: on this terminal, or detached with its output in a log."""
    words = [str(word) for word in command]
    if log is None:
        return subprocess.Popen(words, env=env)
    with log.open("wb") as sink:
        return subprocess.Popen(
            words,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )


def feed(command: Sequence[str | Path], data: bytes) -> None:
    """Run a command that reads data on its stdin and has to succeed."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=data, capture_output=True, check=False)
    if done.returncode:
        raise _failure(words, done.returncode, done.stderr.decode(errors="replace"))


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a command that has to succeed and return its stdout."""
    done = attempt(command, env=env, cwd=cwd)
    if done.returncode:
        raise _failure(done.args, done.returncode, done.stderr or done.stdout)
    return done.stdout


def _failure(words: Sequence[str], code: int, output: str) -> DevError:
    tail = "\n".join(output.strip().splitlines()[-15:])
    shown = textwrap.shorten(" ".join(words), 80, placeholder=" ...")
    return DevError(f"`{shown}` failed with exit code {code}:\n{tail}")
