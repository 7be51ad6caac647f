"""A line on a terminal for what takes longer than a second; it makes way for all that is said."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from composeports.cli.output import visible

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

AFTER_SECONDS = 1.0
START_OF_LINE = "\r\x1b[K"
_lines: list["_Line"] = []


class _Line:
    """What is under way, and for how long; drawn by a thread of its own."""

    def __init__(self, what: str) -> None:
        import threading  # noqa: PLC0415 - most commands are over at once

        self.what = what
        self._since = time.monotonic()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._drawn = False
        self._thread = threading.Thread(target=self._draw_until_ended, daemon=True)
        self._thread.start()

    def _draw_until_ended(self) -> None:
        while not self._ended.wait(AFTER_SECONDS):
            with self._lock:
                seconds = int(time.monotonic() - self._since)
                # Cut to the terminal's width, since a line that is broken could not be erased.
                width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
                line = visible(f"{self.what} ({seconds} s)")
                sys.stderr.write(START_OF_LINE + line[: width - 1])
                sys.stderr.flush()
                self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            sys.stderr.write(START_OF_LINE)
            sys.stderr.flush()
            self._drawn = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the line of the terminal to something else."""
        with self._lock:
            self._erase()
            yield

    def end(self) -> None:
        """Leave nothing of it."""
        self._ended.set()
        self._thread.join()
        self._erase()


@contextmanager
def working(what: str, *, live: bool) -> Iterator[Callable[[str], None]]:
    """Show what is under way from the first second on; call what is given to change the words.

    Nothing is shown unless `live` is true and stderr is a terminal that can erase a line.
    """
    if not live or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    line = _Line(what)
    _lines.append(line)

    def change(text: str) -> None:
        line.what = text

    try:
        yield change
    finally:
        _lines.remove(line)
        line.end()


def paused_progress() -> "AbstractContextManager[None]":
    """Make room for a line of something else, on stdout or stderr, while it is written."""
    return _lines[-1].paused() if _lines else nullcontext()
