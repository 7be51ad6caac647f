"""Shows a progress line on a terminal after one second; it is erased before other output."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from composeports.core.visible_text import visible

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

AFTER_SECONDS = 1.0
START_OF_LINE = "\r\x1b[K"
_lines: list["_Line"] = []


class _Line:
    """A text and the seconds since its start, drawn by a thread of its own."""

    def __init__(self, text: str) -> None:
        import threading  # noqa: PLC0415 - most commands end at once

        self.text = text
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
                # Cut to the terminal's width, because a wrapped line cannot be erased.
                width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
                line = visible(f"{self.text} ({seconds} s)")
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
        """Erase the line, and do not draw it again before the context ends."""
        with self._lock:
            self._erase()
            yield

    def end(self) -> None:
        """Stop the thread and erase the line."""
        self._ended.set()
        self._thread.join()
        self._erase()


def can_show() -> bool:
    """Return True if stderr is a terminal that can erase a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def working(text: str, *, live: bool = True) -> Iterator[Callable[[str], None]]:
    """After one second, show `text` with the elapsed seconds; yield a function to change the text.

    Nothing is shown unless `live` is true and stderr is a terminal that can erase a line.
    """
    if not live or not can_show():
        yield lambda _: None
        return
    line = _Line(text)
    _lines.append(line)

    def change(text: str) -> None:
        line.text = text

    try:
        yield change
    finally:
        _lines.remove(line)
        line.end()


def paused_progress() -> "AbstractContextManager[None]":
    """Return a context for other output to stdout or stderr; it hides the progress line."""
    return _lines[-1].paused() if _lines else nullcontext()
