#!/usr/bin/env python3
"""Run one command with an engine: the user's engine if there is one, else a private one."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parent))

from devkit import cache, lending, shell
from devkit.cache import DevError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType


def main(command: Sequence[str]) -> int:
    """Run the command and return its exit code; give back whatever was started for it."""
    if not command:
        sys.stderr.write("usage: scripts/with-engine COMMAND [ARGUMENT...]\n")
        return 2
    _on_signals(_leave)
    try:
        with lending.borrowed() as environment:
            return _run(_inside(command, environment), {**os.environ, **environment})
    except DevError as error:
        cache.say(f"error: {error}")
        return 1


def _inside(command: Sequence[str], environment: dict[str, str]) -> list[str]:
    """Return the command that runs in the engine's network namespace, where its ports are."""
    namespace = environment.get("COMPOSEPORTS_DEV_NETNS")
    return [*(["nsenter", f"--net=/run/netns/{namespace}", "--"] if namespace else []), *command]


def _on_signals(action: Callable[[int, FrameType | None], object]) -> None:
    # Functions, never SIG_IGN, which the command would inherit.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, action)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """Unwind, so that the engine is given back; a second signal must not cut that short."""
    _on_signals(_ignore)
    raise SystemExit(128 + number)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Let a signal pass."""


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run the command to its end; signals are its business while it runs."""
    # Ctrl-C reaches the child by itself, as it does every process of the terminal.
    _on_signals(_ignore)
    try:
        child = shell.start(command, env=environment)
    except OSError as error:
        message = f"cannot run {command[0]}: {error.strerror}"
        raise DevError(message) from error
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: child.send_signal(received))
    code = child.wait()
    _on_signals(_ignore)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
