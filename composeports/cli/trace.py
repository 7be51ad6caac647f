"""`--verbose`: print every program that is run, and every engine request, to stderr."""

import shlex
import sys
import time
from collections.abc import Sequence

from composeports.cli.progress import paused_progress
from composeports.core.visible_text import visible
from composeports.host.trace_hook import Ended, set_trace_hook


def print_commands() -> None:
    """Print every command from now on, as a shell does with `set -x`, and its time at its end."""
    set_trace_hook(_print_start)


def _print_start(argv: Sequence[str]) -> Ended:
    command = visible(shlex.join(filter(None, argv)))
    start_time = time.monotonic()
    _write(command)

    def ended(code: int | None) -> None:
        result = "answered" if code is None else f"exit {code}"
        _write(f"{result} after {time.monotonic() - start_time:.2f} s: {command}")

    return ended


def _write(line: str) -> None:
    with paused_progress():
        sys.stderr.write(f"+ {line}\n")
        sys.stderr.flush()
