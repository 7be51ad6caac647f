"""The latest list of leases for everybody who watches; a slow watcher skips what it has missed."""

import asyncio
from collections.abc import AsyncIterator, Callable


class StatusBroadcast:
    """What was published last, on one event loop; nothing piles up for a watcher that is slow."""

    def __init__(self) -> None:
        """Begin with nothing published."""
        self._latest: bytes | None = None
        self._changed = asyncio.Event()
        self._closed = False
        self.watchers = 0
        self.on_watcher: Callable[[], None] = lambda: None

    def publish(self, text: bytes) -> None:
        """Show `text` to all watchers, where it differs from what they have seen."""
        if text != self._latest:
            self._latest = text
            self._wake()

    def open(self) -> None:
        """Let watchers come, after an earlier end too."""
        self._closed = False

    def close(self) -> None:
        """End the lines of all watchers, and of those that still come."""
        self._closed = True
        self._wake()

    async def watch(self, heartbeat_seconds: float) -> AsyncIterator[bytes | None]:
        """Yield what was published last, then what comes; None where nothing came for a while."""
        self.watchers += 1
        self.on_watcher()
        seen: bytes | None = None
        try:
            while not self._closed:
                changed = self._changed
                if self._latest is not None and self._latest is not seen:
                    seen = self._latest
                    yield seen
                    continue
                try:
                    async with asyncio.timeout(heartbeat_seconds):
                        await changed.wait()
                except TimeoutError:
                    yield None
        finally:
            self.watchers -= 1

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
