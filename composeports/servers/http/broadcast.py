"""Sends the latest list of leases to all watchers; a slow watcher skips the lists it missed."""

import asyncio
from collections.abc import AsyncIterator, Callable


class StatusBroadcast:
    """The last published text, for watchers on one event loop; slow watchers have no queue."""

    def __init__(self) -> None:
        """Start without a published text."""
        self._latest: bytes | None = None
        self._changed = asyncio.Event()
        self._closed = False
        self.watchers = 0
        self.on_watcher: Callable[[], None] = lambda: None

    def publish(self, text: bytes) -> None:
        """Send `text` to all watchers, if it differs from the last published text."""
        if text != self._latest:
            self._latest = text
            self._wake()

    def open(self) -> None:
        """Accept watchers, also after `close`."""
        self._closed = False

    def close(self) -> None:
        """End the streams of all watchers; until `open`, a new watcher's stream ends at once."""
        self._closed = True
        self._wake()

    async def watch(self, heartbeat_seconds: float) -> AsyncIterator[bytes | None]:
        """Yield the last published text, then each new one.

        Yield None each time that nothing was published for `heartbeat_seconds`.
        """
        self.watchers += 1
        self.on_watcher()
        text: bytes | None = None
        try:
            while not self._closed:
                event = self._changed
                if self._latest is not None and self._latest is not text:
                    text = self._latest
                    yield text
                    continue
                try:
                    async with asyncio.timeout(heartbeat_seconds):
                        await event.wait()
                except TimeoutError:
                    yield None
        finally:
            self.watchers -= 1

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
