"""How long one call on the PostgreSQL store waits for others and for the server, and how it tries.

Who finds the lock taken sleeps for a random while, longer each time: whoever has just been served
is then often served again, which is unfair for a moment and saves most of the switches between
processes. After some seconds one stands in the server's line, which is fair.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

NOTICE_SECONDS = 1.0
LINE_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.002, 1.0, 2.0


class LockWait:
    """The time that is left of `seconds`; `tell` hears once, after a second, what is waited for."""

    def __init__(self, seconds: float, tell: Callable[[str], None]) -> None:
        self._seconds = seconds
        self._tell = tell
        self._begun = time.monotonic()
        self._told = False
        self._next = FIRST_PAUSE
        self.mended = 0

    @property
    def waited(self) -> float:
        """How long it has been, in seconds."""
        return time.monotonic() - self._begun

    @property
    def left(self) -> float:
        """How much longer it may be, in seconds."""
        return self._seconds - self.waited

    @property
    def is_short(self) -> bool:
        """Tell whether it is over before one would stand in the server's line."""
        return self._seconds < LINE_SECONDS

    @property
    def stands_in_line(self) -> bool:
        """Tell whether it has been long enough for trying one's luck."""
        return self.waited >= LINE_SECONDS

    def pause(self, what: str) -> None:
        """Wait a little, and longer the next time; `what` is waited for."""
        self.notice(what)
        pause = self._next * (0.5 + random.random())  # noqa: S311 - no secret
        if not self._told:
            pause = min(pause, NOTICE_SECONDS - self.waited)
        time.sleep(max(0.0, min(pause, self.left)))
        self._next = min(self._next * GROWTH, LONGEST_PAUSE)

    @contextmanager
    def noticing(self, what: str) -> Iterator[None]:
        """Say what is waited for also while this, which is one long wait, goes on."""
        timer = threading.Timer(max(0.0, NOTICE_SECONDS - self.waited), self.notice, (what,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def notice(self, what: str) -> None:
        """Say what is waited for, where that has been long and nothing was said yet."""
        if what and not self._told and self.waited >= NOTICE_SECONDS:
            self._told = True
            self._tell(what)
