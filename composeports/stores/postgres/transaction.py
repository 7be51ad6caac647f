"""One attempt of an `update` on PostgreSQL: two round trips if the lock is free.

The first one takes the engine's lock and, if that succeeds, reads all that is needed. The second
one writes and commits. If the connection breaks during the commit, the number of the transaction
tells later whether it was committed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, LiteralString

import psycopg

from composeports.core.clock import ClockReading
from composeports.core.engine_identity import EngineIdentity
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.stores.base import Decide
from composeports.stores.conflicts import refuse_conflicts
from composeports.stores.postgres.errors import busy
from composeports.stores.postgres.lock_wait import LockWait
from composeports.stores.postgres.queries import (
    ENGINE,
    Connection,
    query_snapshot,
    write_outcome,
    writes_anything,
)
from composeports.stores.postgres.schema import FORMAT, NOW, STORE_ID
from composeports.stores.rows import RowSource

# The longest wait in the server's lock queue by one statement, in seconds; it is shorter than the
# time limit for an answer.
LINE_SLICE = 10.0
# The time at which an engine was last seen is updated if it is older than this.
SEEN_SECONDS = 600
TIMELINE = """
    CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN
        pg_catalog."left"(
            pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8
        )
    END
"""
BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
# A client that stops in the middle loses its connection, and with it the lock. The planner settings
# suit queries for few rows, whatever the server assumes about the tables: sometimes it has hardly
# any statistics on them.
IDLE = "15s"
LIMITS = """
    SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', %s, true),
        pg_catalog.set_config('statement_timeout', '15s', true),
        pg_catalog.set_config('enable_seqscan', 'off', true),
        pg_catalog.set_config('enable_sort', 'off', true),
        pg_catalog.set_config('jit', 'off', true)
"""
LINE = "SELECT pg_catalog.set_config('lock_timeout', %s, true)"
# HEADER reads the number of the transaction before anything is written, so that its result can be
# queried later.
TRY_LOCK = "SELECT pg_catalog.pg_try_advisory_xact_lock(%(lock)s)"
TAKE_LOCK = "SELECT pg_catalog.pg_advisory_xact_lock(%(lock)s)"
HEADER = f"""
    SELECT mine,
        pg_catalog.set_config('composeports.mine', mine::text, true),
        CASE WHEN mine THEN pg_catalog.pg_current_xact_id()::text END,
        {TIMELINE},
        {NOW},
        ({FORMAT}),
        ({STORE_ID}),
        (SELECT name || pg_catalog.chr(10) || host FROM composeports.engines
        WHERE space = %(space)s AND seen > {NOW} - {SEEN_SECONDS}::double precision)
    FROM ({TRY_LOCK} AS mine OFFSET 0) AS lock
"""  # noqa: S608 - fixed statements
STATUS = f"SELECT pg_catalog.pg_xact_status(%s::xid8), {TIMELINE}"
END_OF = """
    SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
    WHERE backend_xid = %s::xid8::xid AND pid <> pg_catalog.pg_backend_pid()
"""


class ServerClockOffset:
    """By how many whole seconds the server's clock is ahead of the client's.

    The value is kept until it is wrong by more than one second.
    """

    def __init__(
        self, clock: Callable[[], ClockReading], database_time: Callable[[], float] | None
    ) -> None:
        self.clock = clock
        self._database_time = database_time
        self._kept: int | None = None

    def ahead(self, server: float, sent: float, received: float) -> float:
        """Return the offset in seconds.

        `server` is the time of the server's clock, read between `sent` and `received`, which are
        times of the client's clock.
        """
        if self._database_time is not None:
            server = self._database_time()
        offset = server - (sent + received) / 2
        if self._kept is None or abs(offset - self._kept) > 1:
            self._kept = round(offset)
        return self._kept


@dataclass(frozen=True, slots=True)
class StoreView:
    """The engine whose leases are read, the row source, the clock offset and the format check."""

    own: EngineIdentity
    source: RowSource
    difference: ServerClockOffset
    check: Callable[[int], None]


class Attempt:
    """One attempt of an `update`; the caller can find out later whether it was committed.

    `number` and `timeline` identify its transaction. `outcome` is what it tried to write, or None
    before the first write.
    """

    def __init__(self, connection: Connection, view: StoreView, session_id: str) -> None:
        self._connection = connection
        self._view = view
        self._own = view.own
        self._session_id = session_id
        self._seen = ""
        self._pipeline: psycopg.Pipeline
        self._ahead = 0.0
        self.number = ""
        self.timeline = ""
        self.outcome: StoreUpdate | None = None

    def run(self, decide: Decide, lock_wait: LockWait) -> StoreUpdate:
        """Lock, read, decide, write and commit; return what was decided.

        `outcome` is set from the first write on: if the connection breaks after that, it is unknown
        whether the transaction was committed. All runs in one pipeline, which is synced whenever a
        result is needed. If the code left the pipeline in between, the server would not notice a
        client that stops.
        """
        with self._connection.pipeline() as self._pipeline:
            snapshot = self._wait_for_lock(lock_wait)
            outcome = decide(snapshot)
            refuse_conflicts(self._session_id, snapshot, outcome)
            if writes_anything(outcome):
                self._write(outcome)
            else:
                self._execute("ROLLBACK")
            return outcome

    def _write(self, outcome: StoreUpdate) -> None:
        self.outcome = outcome
        write_outcome(self._connection, self._own.id, self._session_id, outcome, self._ahead)
        name, _, host = self._seen.partition("\n")
        if name != self._own.name or (host != self._own.host and not self._own.local):
            engine = self._own
            values = {
                "id": engine.id,
                "name": engine.name,
                "host": engine.host,
                "local": engine.local,
            }
            self._connection.execute(ENGINE, values)
        self._execute("COMMIT")

    def _execute(self, *statements: LiteralString) -> None:
        """Execute the statements and wait for the server."""
        for statement in statements:
            self._connection.execute(statement)
        self._pipeline.sync()

    def _wait_for_lock(self, lock_wait: LockWait) -> StoreSnapshot:
        """Take the lock and return the snapshot; raise StoreBusyError if there is no time left.

        The first try asks for the lock and the snapshot at once. Later tries, which may be many,
        ask only for the lock.
        """
        store_name = self._view.source.shown
        message = f"waiting for the lease store {store_name} (another composeports is writing)"
        snapshot = self._lock_and_read(begin=True)
        if lock_wait.is_short:  # the limit also holds for rows locked by other programs
            self._connection.execute(LINE, (f"{round(max(lock_wait.left, 0.001) * 1000)}ms",))
        while snapshot is None:
            if lock_wait.left <= 0:
                self._execute("ROLLBACK")
                raise busy(self._view.source.shown)
            lock_wait.sleep(message)
            if self._try_lock(lock_wait):
                snapshot = self._lock_and_read(begin=False)
        return snapshot

    def _try_lock(self, lock_wait: LockWait) -> bool:
        """Return True if the lock was taken; the lock is tried once, without waiting.

        After QUEUE_AFTER_SECONDS, wait for it in the server's lock queue instead, for LINE_SLICE at
        most.
        """
        values = {"lock": _lock_of(self._own.id)}
        if not lock_wait.is_queue_time:
            cursor = self._connection.execute(TRY_LOCK, values)
            self._pipeline.sync()
            return cursor.fetchone() == (True,)
        seconds = min(LINE_SLICE, max(lock_wait.left, 0.001))
        self._connection.execute(LINE, (f"{round(seconds * 1000)}ms",))
        self._connection.execute(TAKE_LOCK, values)
        try:
            self._pipeline.sync()
        except psycopg.errors.LockNotAvailable:
            self._execute("ROLLBACK", BEGIN)
            return False
        return True

    def _lock_and_read(self, *, begin: bool) -> StoreSnapshot | None:
        """Take the lock and read the snapshot; return None if another transaction has the lock.

        The transaction may have the lock already. `begin` starts the transaction first.
        """
        connection = self._connection
        values: dict[str, Any] = {"space": self._own.id, "lock": _lock_of(self._own.id)}
        send_time = self._view.difference.clock().wall
        if begin:
            connection.execute(BEGIN)
        connection.execute(LIMITS, (IDLE,))
        header = connection.execute(HEADER, values)
        read_snapshot = query_snapshot(
            connection, self._own.id, self._session_id, only_with_lock=True
        )
        self._pipeline.sync()
        receive_time = self._view.difference.clock().wall
        row = header.fetchone()
        if row is None or not row[0]:
            return None
        _, _, number, timeline, server_time, version, store, engine_text = row
        self.number, self.timeline, self._seen = number or "", timeline or "", engine_text or ""
        self._view.check(version or 0)
        self._ahead = self._view.difference.ahead(server_time, send_time, receive_time)
        source = replace(self._view.source, space=self._own.id, store=store or "")
        return read_snapshot(self._ahead, source)


def _lock_of(space: str) -> int:
    """Return the number of the advisory lock for changes to an engine's leases."""
    digest = sha256(f"composeports {space}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
