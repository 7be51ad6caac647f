"""The time limits for answers of the engine, both for `docker` commands and for its socket."""

import time
from collections.abc import Callable

# After how many seconds of waiting the user is notified.
NOTICE_SECONDS = 2.0
# The limit for each query, in seconds, while the engine is known not to answer.
SHORT_SECONDS = 1.0
# The shortest wait, in seconds, so that an answer that is there already is read, even if late.
LEAST_SECONDS = 0.2


def _ignore_notice() -> None:
    """Do nothing."""


class TimeLimits:
    """The common time limit of all queries to one engine, and a function that notifies the user.

    If a query is not answered within `seconds`, the next queries get one second each, until one is
    answered or until `seconds` have passed again. Several threads may use it.
    """

    def __init__(self, seconds: float, tell: Callable[[], None] = _ignore_notice) -> None:
        """Wait `seconds` for each answer; call `tell` if an answer takes more than 2 seconds."""
        self.seconds = seconds
        self.tell = tell
        self.is_told = False
        self._given_up_at = -2 * seconds

    def wait(self, work_seconds: float = 0.0, *, endless: bool = False) -> "Wait":
        """Return the wait for the answer to a query sent now; `endless` means without limit.

        `work_seconds` is how long an engine that is not busy works on the answer.
        """
        if endless:
            return Wait(self, None)
        is_silent = time.monotonic() - self._given_up_at < self.seconds
        seconds = min(SHORT_SECONDS, self.seconds) if is_silent else self.seconds
        return Wait(self, seconds + work_seconds, NOTICE_SECONDS + work_seconds)

    def give_up(self, waited: float) -> None:
        """Record that a query was not answered after `waited` seconds.

        Only a wait of the full `seconds` counts.
        """
        if waited >= self.seconds:
            self._given_up_at = time.monotonic()

    def answered(self) -> None:
        """Record that the engine answers."""
        self._given_up_at = -2 * self.seconds
        self.is_told = False


class Wait:
    """The wait for one answer, in turns.

    A command that does work, which is not a query, is waited for without limit.
    """

    def __init__(
        self,
        time_limits: TimeLimits,
        seconds: float | None,
        notice_seconds: float = NOTICE_SECONDS,
    ) -> None:
        """Start to wait for `seconds` (None: no limit); notify the user after `notice_seconds`."""
        self._time_limits = time_limits
        self._notice_seconds = notice_seconds
        self._seconds = seconds
        self._begun = time.monotonic()

    def turn(self) -> float | None:
        """Return how many seconds to wait now; None for no limit."""
        wait_time = time.monotonic() - self._begun
        ends = [] if self._seconds is None else [self._seconds]
        ends += [] if self._time_limits.is_told else [self._notice_seconds]
        return max(LEAST_SECONDS, min(ends) - wait_time) if ends else None

    def goes_on(self) -> bool:
        """Return True if there is another turn, after a turn without an answer."""
        wait_time = time.monotonic() - self._begun
        if wait_time >= self._notice_seconds and not self._time_limits.is_told:
            self._time_limits.is_told = True
            self._time_limits.tell()
        if self._seconds is None or wait_time < self._seconds:
            return True
        self._time_limits.give_up(self._seconds)
        return False

    def answered(self) -> None:
        """Record that there was an answer."""
        self._time_limits.answered()
