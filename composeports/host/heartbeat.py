"""What is done again and again while a program runs, on a thread of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

# How long the end waits for a beat that is under way.
LAST_BEAT_SECONDS = 1.0


class Heartbeat(NamedTuple):
    """What is to be done every so many seconds while a program runs, on a thread of its own."""

    seconds: float
    call: Callable[[], None]


@contextmanager
def beating(beat: Heartbeat | None) -> Iterator[None]:
    """Let a beat go on meanwhile."""
    if beat is None:
        yield
        return
    ended = threading.Event()

    def keep_on() -> None:
        while not ended.wait(beat.seconds):
            beat.call()

    thread = threading.Thread(target=keep_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(LAST_BEAT_SECONDS)
