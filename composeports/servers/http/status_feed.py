"""Renews the leases of running stacks while a server runs, and publishes changes to watchers.

It reads store and engine every second while there are watchers, otherwise every 15 s, and at once
when the engine's event stream says that a container started, stopped or died.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync

from composeports.errors import ComposeportsError, NoLeaseError
from composeports.servers.http.broadcast import StatusBroadcast
from composeports.servers.lease_handlers import entry
from composeports.usecases import session_lookup, status
from composeports.usecases.context import Context
from composeports.usecases.lease import renew_lease
from composeports.usecases.status import SessionStatus

if TYPE_CHECKING:
    from composeports.docker.sdk import EventStream

WATCHED_SECONDS = 1.0
ALONE_SECONDS = 15.0
# Changes within this time after the first one are covered by the same read.
TOGETHER_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 10.0


def as_text(found: list[SessionStatus]) -> bytes:
    """Return the list as one line of JSON."""
    text = json.dumps(
        [entry(session_status) for session_status in found], separators=(",", ":"), default=str
    )
    # JSON escapes make it ASCII, even for bytes in file names that are not valid text.
    return text.encode()


def read_status(context: Context) -> list[SessionStatus]:
    """Renew the leases of running stacks that need it, then return the status of all leases."""
    session = session_lookup.no_session(context)
    statuses = status.status(session)
    expiring_statuses = [
        session_status
        for session_status in statuses
        if needs_renewal(session_status, context.now())
    ]
    for session_status in expiring_statuses:
        # A lease that was released since the read stays released.
        with suppress(NoLeaseError):
            renew_lease(session_lookup.session_by_id(context, session_status.lease.session_id))
    return status.status(session) if expiring_statuses else statuses


def needs_renewal(found: SessionStatus, now: float) -> bool:
    """Return True if the stack runs and less than half of its lease's time is left."""
    lease = found.lease
    is_running = found.state in {"running", "drifted"}
    return is_running and lease.expires_at - now < lease.ttl_minutes * 60 / 2


class LeaseRenewer:
    """Reads the status, renews leases and publishes the list, again and again inside `running`."""

    def __init__(self, context: Context, board: StatusBroadcast) -> None:
        """Publish the status of `context` on `board`."""
        self._voice = context.report
        self._heard: list[str] = []
        self._context = context._replace(report=self._heard.append)
        self._board = board
        # Otherwise the first watcher would wait for the end of a pause without watchers.
        board.on_watcher = self.wake
        self._wake = asyncio.Event()
        self._trouble = ""
        self.is_running = False

    def wake(self) -> None:
        """Read the status again at once; to be called after a change."""
        self._wake.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run until the block ends; after it, no thread and no process of this object is left."""
        self._wake = asyncio.Event()  # an application may run on several loops in turn
        self._board.open()
        listener = _Listener(self._context, asyncio.get_running_loop(), self._wake.set)
        task = asyncio.create_task(self._work())
        self.is_running = True
        listener.start()
        try:
            yield
        finally:
            self.is_running = False
            self._board.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await run_sync(listener.stop)

    async def _work(self) -> None:
        while True:
            await self._look()
            pause = WATCHED_SECONDS if self._board.watchers else ALONE_SECONDS
            # Not `wait_for`: it loses a cancellation that comes at the same time as the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            await asyncio.sleep(TOGETHER_SECONDS)
            self._wake.clear()

    async def _look(self) -> None:
        """Read and publish the status once; report a failure once, and do not raise it."""
        self._heard.clear()
        try:
            self._board.publish(as_text(await run_sync(read_status, self._context)))
        except ComposeportsError as error:
            self._heard.append(error.message)
        self._tell(self._heard[-1] if self._heard else "")

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._voice(trouble)
        self._trouble = trouble


class _Listener:
    """A thread that follows the engine's events, and reconnects when the engine is back."""

    def __init__(
        self, context: Context, loop: asyncio.AbstractEventLoop, heard: Callable[[], None]
    ) -> None:
        self._engine = context.engine
        self._loop = loop
        self._heard = heard
        self._ended = threading.Event()
        self._events: EventStream | None = None
        self._thread = threading.Thread(target=self._listen, name="engine events", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and its connection; return when both have ended."""
        self._ended.set()
        if self._events is not None:
            self._events.stop()
        self._thread.join()

    def _listen(self) -> None:
        pause = 0.5
        self._events = self._engine.follow_events()
        while not self._ended.is_set():
            for project in self._events:
                pause = 0.5
                if project:
                    self._notify()
            self._notify()  # the engine may have stopped
            self._ended.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _notify(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._heard)
