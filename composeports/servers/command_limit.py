"""Limits how many commands (Compose and all that it starts) one server runs at once."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from anyio import CapacityLimiter

from composeports.config import SERVER_COMMANDS


class Commands:
    """Runs up to `limit` commands of one server at once; the others wait in order of arrival."""

    def __init__(self, limit: int) -> None:
        """Allow `limit` commands at once."""
        self._limit = limit
        self._limiter: CapacityLimiter | None = None

    @asynccontextmanager
    async def turn(self, tell: Callable[[str], None]) -> AsyncIterator[None]:
        """Wait for a turn and keep it until the block ends; a wait is first reported to `tell`."""
        # Created here, because it belongs to the running event loop.
        self._limiter = self._limiter or CapacityLimiter(self._limit)
        queue_length = self._limiter.statistics().tasks_waiting
        if queue_length or self._limiter.available_tokens < 1:
            tell(self._waiting(queue_length))
        async with self._limiter:
            yield

    def _waiting(self, before: int) -> str:
        return (
            f"waiting: this server runs {self._limit} "
            f"{'command' if self._limit == 1 else 'commands'} at once ({SERVER_COMMANDS}), "
            f"and {before} {'waits' if before == 1 else 'wait'} before this one"
        )
