"""How long one call on the PostgreSQL store waits for locks and for the server, and how it retries.

While another process has the lock, the call retries with random exponential backoff. This favours
the last lock owner for a short time, but it avoids most context switches. After QUEUE_AFTER_SECONDS
the call waits in the server's lock queue, which is fair.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

NOTICE_SECONDS = 1.0
QUEUE_AFTER_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.002, 1.0, 2.0


class LockWait:
    """The wait of one call, which lasts at most `seconds`.

    After one second, `tell` is called once with what the call waits for. `fixed` counts how often
    the call has looked for missing tables again.
    """

    def __init__(self, seconds: float, tell: Callable[[str], None]) -> None:
        self._seconds = seconds
        self._tell = tell
        self._begun = time.monotonic()
        self._told = False
        self._next = FIRST_PAUSE
        self.fixed = 0

    @property
    def waited(self) -> float:
        """Return the seconds since the call began."""
        return time.monotonic() - self._begun

    @property
    def left(self) -> float:
        """Return the seconds that are left; negative if the time is over."""
        return self._seconds - self.waited

    @property
    def is_short(self) -> bool:
        """Return True if the wait ends before the call would join the server's lock queue."""
        return self._seconds < QUEUE_AFTER_SECONDS

    @property
    def is_queue_time(self) -> bool:
        """Return True if it is time to join the server's lock queue."""
        return self.waited >= QUEUE_AFTER_SECONDS

    def sleep(self, message: str) -> None:
        """Sleep for a random time, longer at each call; `message` says what the call waits for."""
        self.report(message)
        seconds = self._next * (0.5 + random.random())  # noqa: S311 - no secret
        if not self._told:
            seconds = min(seconds, NOTICE_SECONDS - self.waited)
        time.sleep(max(0.0, min(seconds, self.left)))
        self._next = min(self._next * GROWTH, LONGEST_PAUSE)

    @contextmanager
    def report_late(self, message: str) -> Iterator[None]:
        """Report `message` in time even if the body of the `with` statement is one long wait."""
        timer = threading.Timer(max(0.0, NOTICE_SECONDS - self.waited), self.report, (message,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def report(self, message: str) -> None:
        """Report `message`, if it is not empty, once, after NOTICE_SECONDS of waiting."""
        if message and not self._told and self.waited >= NOTICE_SECONDS:
            self._told = True
            self._tell(message)
