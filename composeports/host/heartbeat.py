"""Call a function at regular intervals, on a background thread, while a program runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

# How many seconds to wait at the end for a call that still runs.
LAST_BEAT_SECONDS = 1.0


class Heartbeat(NamedTuple):
    """A function that is called every `seconds` on a background thread while a program runs."""

    seconds: float
    call: Callable[[], None]


@contextmanager
def beating(heartbeat: Heartbeat | None) -> Iterator[None]:
    """Run the heartbeat until the end of the `with` statement; do nothing for None."""
    if heartbeat is None:
        yield
        return
    end_event = threading.Event()

    def keep_on() -> None:
        while not end_event.wait(heartbeat.seconds):
            heartbeat.call()

    thread = threading.Thread(target=keep_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end_event.set()
        thread.join(LAST_BEAT_SECONDS)
