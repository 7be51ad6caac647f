"""The SQLite store: one file for all processes of a machine; short transactions, no decisions."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar, cast

from composeports.core.clock import ClockReading
from composeports.core.engine_identity import THIS_MACHINE, EngineIdentity, EngineLeases
from composeports.core.lease import Lease
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.host.clock import read_clock
from composeports.stores.base import Decide, ignore_message
from composeports.stores.conflicts import refuse_conflicts
from composeports.stores.rows import RowSource, once
from composeports.stores.sqlite.clock import jump_since_written, note_time
from composeports.stores.sqlite.database import (
    ExclusiveConnection,
    busy,
    explain,
    is_busy,
    is_unwritable,
    open_existing,
    open_or_create,
    read_store_id,
    refuse_newer,
)
from composeports.stores.sqlite.queries import (
    read_fleet,
    read_held,
    read_known,
    read_lease,
    read_snapshot,
    write_outcome,
)

NOTICE_SECONDS = 1.0
# How long a reader waits for the write lock to record that the clock was set.
READING_SECONDS = 0.25
Result = TypeVar("Result")


class SqliteStore:
    """A store for the processes and threads of one machine.

    The file is opened at the first use and created at the first `update`, so that reading a store
    that does not exist creates nothing. `engine` returns the engine whose leases these are; it is
    not called before the first use, and its errors pass through. The store waits up to
    `wait_seconds` for a lock of another process; after one second it calls `waiting` with a
    message, once for each wait. It also calls `waiting` for each refused record. `machine` returns
    the name of this machine in shared stores.
    """

    def __init__(  # noqa: PLR0913 - clocks and waits, for tests
        self,
        path: str | os.PathLike[str],
        *,
        engine: Callable[[], EngineIdentity] = lambda: THIS_MACHINE,
        waiting: Callable[[str], None] = ignore_message,
        wait_seconds: float = 30,
        clock: Callable[[], ClockReading] = read_clock,
        machine: Callable[[], str] = lambda: "",
    ) -> None:
        self._path = os.path.abspath(path)
        self._engine = engine
        self._waiting = waiting
        self._source = RowSource(self._path, "leases", "", machine, once(waiting))
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def get(self, session_id: str) -> Lease | None:
        """Return the session's lease, held or remembered; None if there is none."""
        space = self._engine().space
        return self._read(
            None, lambda connection: read_lease(connection, space, session_id, self._source)
        )

    def held(self) -> list[Lease]:
        """Return every held lease, including expired ones, lowest block first."""
        space = self._engine().space
        return self._read([], lambda connection: read_held(connection, space, self._source))

    def known(self) -> list[Lease]:
        """Return every lease, held or remembered, sorted by session id."""
        space = self._engine().space
        return self._read([], lambda connection: read_known(connection, space, self._source))

    def snapshot(self, session_id: str) -> StoreSnapshot:
        """Return the snapshot that an `update` of this session would pass to `decide` now."""
        space = self._engine().space
        return self._read(
            StoreSnapshot(),
            lambda connection: read_snapshot(connection, space, session_id, self._source),
        )

    def fleet(self) -> list[EngineLeases]:
        """Return the held leases of this machine's engines and of every remote engine."""
        engine = self._engine()
        empty_fleet = [EngineLeases(engine)]
        return self._read(
            empty_fleet, lambda connection: read_fleet(connection, engine, self._source)
        )

    def identity(self) -> str:
        """Return the store's own id; empty if there is no store yet."""
        return self._read("", lambda _: self._source.store)

    def update(
        self, session_id: str, decide: Decide, *, timeout_seconds: float | None = None
    ) -> StoreUpdate:
        """Run `decide` and write what it returns; `decide` must not call the store."""
        engine = self._engine()
        wait = (
            self._wait_seconds
            if timeout_seconds is None
            else min(timeout_seconds, self._wait_seconds)
        )
        with self._exclusive_access(wait):
            connection = self._retry_while_locked(self._open_or_create, wait)
            with self._transaction(connection, "BEGIN IMMEDIATE", wait):
                note_time(connection, self._clock())
                snapshot = read_snapshot(connection, engine.space, session_id, self._source)
                outcome = decide(snapshot)
                refuse_conflicts(session_id, snapshot, outcome)
                write_outcome(connection, engine, session_id, outcome)
            return outcome

    def close(self) -> None:
        """Close the file."""
        with self._exclusive_access(self._wait_seconds):
            self._forget_connection()

    def _read(self, nothing: Result, read: Callable[[sqlite3.Connection], Result]) -> Result:
        """Return what `read` returns for one state of the store; `nothing` if there is no store."""
        wait = self._wait_seconds
        with self._exclusive_access(wait):
            return self._retry_while_locked(lambda: self._read_once(nothing, read), wait)

    def _read_once(self, nothing: Result, read: Callable[[sqlite3.Connection], Result]) -> Result:
        connection = self._open_existing()
        if connection is None:
            return nothing
        if isinstance(connection, ExclusiveConnection):
            try:
                return self._read_as_it_is(connection, read)
            finally:
                self._forget_connection()
        with self._transaction(connection, "BEGIN", self._wait_seconds):
            if not jump_since_written(connection, self._clock()):
                return read(connection)
        try:
            with self._transaction(connection, "BEGIN IMMEDIATE", READING_SECONDS):
                note_time(connection, self._clock())
                return read(connection)
        except sqlite3.OperationalError as error:
            if not is_unwritable(error):
                raise
        # The next process that can write records the time.
        return self._read_as_it_is(connection, read)

    def _read_as_it_is(
        self, connection: sqlite3.Connection, read: Callable[[sqlite3.Connection], Result]
    ) -> Result:
        with self._transaction(connection, "BEGIN", self._wait_seconds):
            return read(connection)

    @contextmanager
    def _exclusive_access(self, wait: float) -> Iterator[None]:
        """Admit one thread at a time, and translate errors of SQLite.

        Raise StoreBusyError if another thread is inside for more than `wait` seconds.
        """
        if not self._lock.acquire(timeout=wait):
            raise busy(self._path)
        try:
            yield
        except sqlite3.Error as error:
            raise explain(error, self._path) from error
        finally:
            self._lock.release()

    @contextmanager
    def _transaction(
        self, connection: sqlite3.Connection, begin: str, wait: float
    ) -> Iterator[None]:
        try:
            self._retry_while_locked(lambda: connection.execute(begin), wait)
            refuse_newer(connection, self._path)
            yield
            self._retry_while_locked(lambda: connection.execute("COMMIT"), wait)
        finally:
            # After any exception, also an interrupt, nothing of the transaction is written.
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _retry_while_locked(self, step: Callable[[], Result], wait: float) -> Result:
        """Run `step`; repeat it while another process holds a lock, for at most `wait` seconds."""
        start = time.monotonic()
        is_reported = False
        while True:
            try:
                return step()
            except sqlite3.OperationalError as error:
                seconds = time.monotonic() - start
                if not is_busy(error) or seconds >= wait:
                    raise
            if seconds >= NOTICE_SECONDS and not is_reported:
                is_reported = True
                self._waiting(
                    f"waiting for the lease store {self._path} (another composeports is writing)"
                )

    def _open_existing(self) -> sqlite3.Connection | None:
        self._close_if_replaced()
        if self._connection is None:
            self._connection = self._open_with(open_existing)
        return self._connection

    def _open_or_create(self) -> sqlite3.Connection:
        self._close_if_replaced()
        if self._connection is None:
            self._connection = self._open_with(open_or_create)
        return cast("sqlite3.Connection", self._connection)

    def _open_with(
        self, open_file: Callable[[str], sqlite3.Connection | None]
    ) -> sqlite3.Connection | None:
        try:
            connection = open_file(self._path)
            self._file = self._identity()
        except OSError as error:
            raise explain(error, self._path) from error
        if connection is not None:
            try:
                store_id = read_store_id(connection, self._path)
            except BaseException:
                connection.close()
                raise
            self._source = replace(self._source, store=store_id)
        return connection

    def _close_if_replaced(self) -> None:
        """Close a file that was removed or replaced, because no other process sees its leases."""
        if self._connection is not None and self._identity() != self._file:
            self._forget_connection()

    def _identity(self) -> tuple[int, int] | None:
        try:
            file_status = os.stat(self._path)
        except OSError:
            return None
        return file_status.st_dev, file_status.st_ino

    def _forget_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
