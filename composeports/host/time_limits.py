"""How long the engine is waited for, in one place: by `docker` commands and its socket alike."""

import time
from collections.abc import Callable

# When a person is told what is waited for.
NOTICE_SECONDS = 2.0
# What each question gets while it is known that the engine does not answer.
SHORT_SECONDS = 1.0
# An answer that has come already is read, however late that is.
LEAST_SECONDS = 0.2


def _silent() -> None:
    """Say nothing."""


class TimeLimits:
    """What the questions to one engine have in common: a limit, and a person to tell.

    Once one was not answered within `seconds`, the next ones get a second each, until one is
    answered, or until as much time has passed again. Many threads may use it.
    """

    def __init__(self, seconds: float, tell: Callable[[], None] = _silent) -> None:
        """Wait `seconds` for each answer; `tell` is called where one takes longer than 2 s."""
        self.seconds = seconds
        self.tell = tell
        self.is_told = False
        self._given_up_at = -2 * seconds

    def wait(self, *, endless: bool = False) -> "Wait":
        """Return the wait for the answer to a question that is put now."""
        if endless:
            return Wait(self, None)
        is_silent = time.monotonic() - self._given_up_at < self.seconds
        return Wait(self, min(SHORT_SECONDS, self.seconds) if is_silent else self.seconds)

    def give_up(self, waited: float) -> None:
        """Take note of a question that was not answered, after so many seconds."""
        if waited >= self.seconds:
            self._given_up_at = time.monotonic()

    def answered(self) -> None:
        """Take note that the engine answers."""
        self._given_up_at = -2 * self.seconds
        self.is_told = False


class Wait:
    """The wait for one answer, in turns; what works, and does not ask, is waited for to its end."""

    def __init__(self, patience: TimeLimits, seconds: float | None) -> None:
        """Begin to wait; without `seconds` there is no end."""
        self._patience = patience
        self._seconds = seconds
        self._begun = time.monotonic()

    def turn(self) -> float | None:
        """Return for how many seconds to wait now; None for as long as it takes."""
        waited = time.monotonic() - self._begun
        ends = [] if self._seconds is None else [self._seconds]
        ends += [] if self._patience.is_told else [NOTICE_SECONDS]
        return max(LEAST_SECONDS, min(ends) - waited) if ends else None

    def goes_on(self) -> bool:
        """Tell, after a turn without an answer, whether there is another one."""
        waited = time.monotonic() - self._begun
        if waited >= NOTICE_SECONDS and not self._patience.is_told:
            self._patience.is_told = True
            self._patience.tell()
        if self._seconds is None or waited < self._seconds:
            return True
        self._patience.give_up(self._seconds)
        return False

    def answered(self) -> None:
        """Take note that there was an answer."""
        self._patience.answered()
