"""One look at store and engine for all who ask at the same time, and none older than the question.

A look that is under way when somebody asks may have read the store before, so whoever asks
meanwhile shares the next one.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from anyio.to_thread import run_sync

Seen = TypeVar("Seen")


class SharedRefresh(Generic[Seen]):
    """Shares what `look`, which blocks, returns."""

    def __init__(self, look: Callable[[], Seen]) -> None:
        """Keep the function; each call of it is on a thread, one at a time."""
        self._look = look
        self._alone = asyncio.Lock()
        self._next: asyncio.Task[Seen] | None = None

    async def fresh(self) -> Seen:
        """Return what a look that began after this call saw; its error, too."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._in_turn())
        return await asyncio.shield(self._next)

    async def _in_turn(self) -> Seen:
        async with self._alone:
            self._next = None
            return await run_sync(self._look)
