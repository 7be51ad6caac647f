#!/usr/bin/env python3
"""Owns running one command with an engine: the user's where there is one, else one of ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parent))

from devkit import cache, lending
from devkit.cache import DevError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


def main(command: Sequence[str]) -> int:
    """Run the command and return its exit code; give back whatever was started for it."""
    if not command:
        sys.stderr.write("usage: scripts/with-engine COMMAND [ARGUMENT...]\n")
        return 2
    signal.signal(signal.SIGTERM, _terminated)
    try:
        with lending.borrowed() as environment:
            return _run(command, {**os.environ, **environment})
    except DevError as error:
        cache.say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _terminated(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Turn a SIGTERM into an exit that unwinds, so that the engine is given back."""
    raise SystemExit(128 + signal.SIGTERM)


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run the command to its end; signals are its business while it runs."""
    try:
        child = subprocess.Popen(command, env=environment)
    except OSError as error:
        message = f"cannot run {command[0]}: {error.strerror}"
        raise DevError(message) from error
    # Ctrl-C reaches the child by itself, as it does every process of the terminal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _: child.send_signal(number))
    code = child.wait()
    # From here on the engine is being given back, which a second signal must not cut short.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
