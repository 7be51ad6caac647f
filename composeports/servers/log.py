"""Log output of the servers: one line per message on stderr, repeated messages are limited."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from composeports.servers.context import warn

# How many seconds the same line is not repeated, and how many lines are remembered for that.
REPEAT_SECONDS = 30.0
REMEMBERED = 100
LONGEST = 500


class RateLimitedLog:
    """Writes lines, but the same line at most once in REPEAT_SECONDS.

    The next time, the line says how often it was left out.
    """

    def __init__(
        self, warn: Callable[[str], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        """Write lines with `warn`; `now` is a clock in seconds."""
        self._say = warn
        self._now = now
        self._said: OrderedDict[str, float] = OrderedDict()
        self._left_out: dict[str, int] = {}

    def __call__(self, line: str) -> None:
        """Write the line, unless it was written less than REPEAT_SECONDS ago."""
        now = self._now()
        if now - self._said.get(line, -REPEAT_SECONDS) < REPEAT_SECONDS:
            self._left_out[line] = self._left_out.get(line, 0) + 1
            return
        count = self._left_out.pop(line, 0)
        self._said[line] = now
        self._said.move_to_end(line)
        while len(self._said) > REMEMBERED:
            oldest_line, _ = self._said.popitem(last=False)
            self._left_out.pop(oldest_line, None)
        self._say(f"{line} ({count} times more since)" if count else line)


class Lines(logging.Handler):
    """A log handler that writes each record as one line, without a traceback."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        """Write lines with `warn`."""
        super().__init__(logging.WARNING)
        self._say = RateLimitedLog(warn)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's first line, and the type and text of its exception."""
        # A closed stderr or a library's malformed log message must not stop the server.
        with suppress(Exception):
            error = record.exc_info[1] if record.exc_info else None
            text = record.getMessage().strip().partition("\n")[0]
            line = f"{text}: {type(error).__name__}: {error}" if error else text
            self._say(" ".join(line.split())[:LONGEST])


def log_in_lines() -> None:
    """Write warnings of libraries (uvicorn, asyncio, the MCP SDK) as plain lines to stderr."""
    root = logging.getLogger()
    root.handlers[:] = [Lines(warn)]
    root.setLevel(logging.WARNING)
