"""Single-flight refresh: concurrent status requests share one read of store and engine.

The read always starts after the request: a read that is already running may have read the store
before a change, so a request that arrives during it shares the next read.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from anyio.to_thread import run_sync

Seen = TypeVar("Seen")


class SharedRefresh(Generic[Seen]):
    """Shares the result of the blocking function `look` between concurrent callers."""

    def __init__(self, look: Callable[[], Seen]) -> None:
        """Keep the function; it is called on a thread, one call at a time."""
        self._look = look
        self._lock = asyncio.Lock()
        self._next: asyncio.Task[Seen] | None = None

    async def fresh(self) -> Seen:
        """Return the result of a `look` that starts after this call, or raise its error."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._refresh())
        return await asyncio.shield(self._next)

    async def _refresh(self) -> Seen:
        async with self._lock:
            self._next = None
            return await run_sync(self._look)
