"""What a server says about clients and libraries on stderr: one line each, and none too often."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from composeports.servers.context import warn

# How long a line that was said is not said again, in seconds, and how many are remembered.
REPEAT_SECONDS = 30.0
REMEMBERED = 100
LONGEST = 500


class RateLimitedLog:
    """Says a line, and the same line again only after a while, with how often it was left out."""

    def __init__(
        self, warn: Callable[[str], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        """Speak with `say`; `now` is a clock in seconds."""
        self._say = warn
        self._now = now
        self._said: OrderedDict[str, float] = OrderedDict()
        self._left_out: dict[str, int] = {}

    def __call__(self, line: str) -> None:
        """Say the line, unless it was said a moment ago."""
        now = self._now()
        if now - self._said.get(line, -REPEAT_SECONDS) < REPEAT_SECONDS:
            self._left_out[line] = self._left_out.get(line, 0) + 1
            return
        often = self._left_out.pop(line, 0)
        self._said[line] = now
        self._said.move_to_end(line)
        while len(self._said) > REMEMBERED:
            oldest, _ = self._said.popitem(last=False)
            self._left_out.pop(oldest, None)
        self._say(f"{line} ({often} times more since)" if often else line)


class Lines(logging.Handler):
    """Writes each record as one line, without a traceback."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        """Speak with `say`."""
        super().__init__(logging.WARNING)
        self._say = RateLimitedLog(warn)

    def emit(self, record: logging.LogRecord) -> None:
        """Say the record's first line, and the kind and text of its exception."""
        # A stderr that is gone, or a message that its library made wrong, must not end anything.
        with suppress(Exception):
            error = record.exc_info[1] if record.exc_info else None
            text = record.getMessage().strip().partition("\n")[0]
            told = f"{text}: {type(error).__name__}: {error}" if error else text
            self._say(" ".join(told.split())[:LONGEST])


def log_in_lines() -> None:
    """Let the warnings of libraries (uvicorn, asyncio, the SDK of MCP) be plain lines on stderr."""
    root = logging.getLogger()
    root.handlers[:] = [Lines(warn)]
    root.setLevel(logging.WARNING)
