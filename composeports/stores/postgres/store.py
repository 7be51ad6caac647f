"""The PostgreSQL store: one database for many machines, with separate leases for each engine.

It retries after a server restart, a broken connection or a conflict, where a retry is safe.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TypeVar

import psycopg

from composeports.core.clock import ClockReading
from composeports.core.engine_identity import EngineIdentity, EngineLeases
from composeports.core.lease import Lease
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.errors import StoreError, StoreServerError
from composeports.host.clock import read_clock
from composeports.stores.base import Decide, ignore_message
from composeports.stores.postgres.connection import connect
from composeports.stores.postgres.errors import (
    ErrorAction,
    busy,
    driver_message,
    error_action,
    explain,
    explain_connecting,
    is_refusal,
)
from composeports.stores.postgres.lock_wait import LockWait
from composeports.stores.postgres.queries import (
    OWN,
    Connection,
    key_of,
    lease_of,
    query_snapshot,
    read_fleet,
    read_leases,
)
from composeports.stores.postgres.schema import (
    FORMAT,
    NOW,
    STORE_ID,
    check_format,
    check_server,
    create_or_upgrade,
    read_format,
    read_schema_state,
)
from composeports.stores.postgres.transaction import (
    END_OF,
    STATUS,
    Attempt,
    ServerClockOffset,
    StoreView,
)
from composeports.stores.rows import RowSource, once
from composeports.stores.url import without_password

# The longest wait for a server that was never reached. For a server that was reached before, the
# wait is longer.
CONNECT_SECONDS = 10.0
# The longest wait if an earlier one failed a moment ago, such as the previous query of the same
# command.
AGAIN_SECONDS = 1.0
# How often one call looks for missing tables again: other programs may drop and create them.
MAX_SEARCHES = 3
BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
HEADER = f"SELECT ({FORMAT}), {NOW}, ({STORE_ID})"
Result = TypeVar("Result")


class PostgresStore:
    """A store for the processes and threads of many machines; it gives the leases of one engine.

    The server is reached at the first use, and the tables are created at the first `update`. The
    store waits up to `wait_seconds` for other processes and for a server that is gone; after one
    second it calls `waiting` with a message, once for each call. It also calls `waiting` for each
    refused record. Times are stored in the server's time and returned in the time of `clock`;
    `database_time` replaces the server's clock.
    """

    def __init__(  # noqa: PLR0913 - clocks and waits, for tests
        self,
        url: str,
        *,
        engine: Callable[[], EngineIdentity],
        waiting: Callable[[str], None] = ignore_message,
        wait_seconds: float = 30,
        clock: Callable[[], ClockReading] = read_clock,
        database_time: Callable[[], float] | None = None,
    ) -> None:
        self._url = url
        self._shown = without_password(url)
        self._engine = engine
        self._waiting = waiting
        self._wait_seconds = wait_seconds
        self._difference = ServerClockOffset(clock, database_time)
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._is_known = False
        self._was_reached = False
        self._given_up_at = -math.inf
        self._source = RowSource(self._shown, "composeports.leases", "", lambda: "", once(waiting))

    def get(self, session_id: str) -> Lease | None:
        """Return the session's lease, held or remembered; None if there is none."""
        space = self._engine().id

        def read(connection: Connection, ahead: float) -> Lease | None:
            row = connection.execute(OWN, {"space": space, "key": key_of(session_id)}).fetchone()
            return None if row is None else lease_of(row, ahead, self._source.at(space))

        return self._read(None, read)

    def held(self) -> list[Lease]:
        """Return every held lease, including expired ones, lowest block first."""
        return self._leases("AND held ORDER BY start")

    def known(self) -> list[Lease]:
        """Return every lease, held or remembered, sorted by session id."""
        return sorted(self._leases(""), key=lambda lease: lease.session_id)

    def _leases(self, rest: str) -> list[Lease]:
        space = self._engine().id
        return self._read(
            [], lambda connection, ahead: read_leases(connection, space, ahead, self._source, rest)
        )

    def snapshot(self, session_id: str) -> StoreSnapshot:
        """Return the snapshot that an `update` of this session would pass to `decide` now."""
        space = self._engine().id
        return self._read(
            StoreSnapshot(),
            lambda connection, ahead: query_snapshot(
                connection, space, session_id, only_with_lock=False
            )(ahead, self._source.at(space)),
        )

    def fleet(self) -> list[EngineLeases]:
        """Return every engine that the store knows with its held leases, this engine first."""
        engine = self._engine()
        return self._read(
            [EngineLeases(engine)],
            lambda connection, ahead: read_fleet(connection, engine, ahead, self._source),
        )

    def identity(self) -> str:
        """Return the store's own id; empty if there is no store yet."""
        return self._source.store or self._read("", lambda _connection, _ahead: self._source.store)

    def update(
        self, session_id: str, decide: Decide, *, timeout_seconds: float | None = None
    ) -> StoreUpdate:
        """Run `decide` and write what it returns; `decide` must not call the store.

        If the connection breaks during the commit, the store asks the server afterwards whether the
        transaction was committed. `decide` runs again only if it was not.
        """
        view = StoreView(self._engine(), self._source, self._difference, self._check_format)
        with self._exclusive_access():
            lock_wait = self._lock_wait(timeout_seconds)
            while True:
                connection = self._connected(lock_wait)
                attempt = Attempt(connection, view, session_id)
                try:
                    if not self._has_tables(connection) and self._may_search_again(lock_wait):
                        self._create_or_upgrade(lock_wait)
                        continue
                    return self._run(attempt, decide, lock_wait)
                except psycopg.Error as error:
                    self._recover(error, lock_wait)
                    if attempt.outcome is not None and self._was_committed(attempt, lock_wait):
                        return attempt.outcome

    def create(self) -> int:
        """Create or upgrade the tables; return the previous format, 0 for no store."""
        with self._exclusive_access():
            return self._create_or_upgrade(self._lock_wait())

    def close(self) -> None:
        """Close the connection."""
        with self._exclusive_access():
            self._forget_connection()

    @contextmanager
    def _exclusive_access(self) -> Iterator[None]:
        """Admit one thread at a time; raise StoreBusyError after `wait_seconds`."""
        if not self._lock.acquire(timeout=self._wait_seconds):
            raise busy(self._url)
        try:
            yield
        finally:
            self._lock.release()

    def _lock_wait(self, seconds: float | None = None) -> LockWait:
        limit = self._wait_seconds if seconds is None else min(seconds, self._wait_seconds)
        return LockWait(limit, self._waiting)

    def _run(self, attempt: Attempt, decide: Decide, lock_wait: LockWait) -> StoreUpdate:
        try:
            return attempt.run(decide, lock_wait)
        except psycopg.Error:
            raise
        except Exception:
            self._rollback()
            raise
        except BaseException:  # an interrupt, at any point
            self._forget_connection()
            raise

    def _rollback(self) -> None:
        """End the transaction without writing anything."""
        try:
            if self._connection is not None:
                self._connection.execute("ROLLBACK")
        except psycopg.Error:
            self._forget_connection()

    def _read(self, nothing: Result, read: Callable[[Connection, float], Result]) -> Result:
        """Return what `read` returns for one state of the store; `nothing` if there is no store."""
        with self._exclusive_access():
            lock_wait = self._lock_wait()
            while True:
                connection = self._connected(lock_wait)
                try:
                    if not self._has_tables(connection):
                        return nothing
                    return self._read_once(connection, read)
                except psycopg.Error as error:
                    if error_action(error) is ErrorAction.MISSING and self._may_search_again(
                        lock_wait
                    ):
                        self._rollback()
                        self._is_known = False
                        if not self._format(lock_wait):
                            return nothing
                        continue
                    self._recover(error, lock_wait)
                except BaseException:
                    self._forget_connection()
                    raise

    def _read_once(
        self, connection: Connection, read: Callable[[Connection, float], Result]
    ) -> Result:
        clock = self._difference.clock
        send_time = clock().wall
        with connection.pipeline():
            connection.execute(BEGIN_READING)
            header = connection.execute(HEADER)
        receive_time = clock().wall
        version, server_time, store = header.fetchone() or (0, 0.0, "")
        self._check_format(version or 0)
        self._source = replace(self._source, store=store or "")
        result = read(connection, self._difference.ahead(server_time, send_time, receive_time))
        connection.execute("COMMIT")
        return result

    def _has_tables(self, connection: Connection) -> bool:
        """Return True if the store's tables exist; raise StoreError if they cannot be trusted.

        The check runs before any table is used, and once per connection.
        """
        if not self._is_known:
            self._is_known = read_schema_state(connection, self._url).tables
        return self._is_known

    def _check_format(self, found: int) -> None:
        if not check_format(found, self._url):
            raise StoreError(
                f"the lease store {self._shown} has the older format {found}",
                hint="`composeports store create` upgrades it; its owner has to do that",
                store=self._shown,
            )

    def _connected(self, lock_wait: LockWait) -> Connection:
        """Return the open connection or a new one; wait for a server that is gone.

        Raise the translated error if the server refuses the connection or the time is over.
        """
        limit = self._wait_seconds if self._was_reached else CONNECT_SECONDS
        recent_failure = time.monotonic() - self._given_up_at < limit
        limit = min(limit, AGAIN_SECONDS) if recent_failure else limit
        while self._connection is None:
            try:
                with lock_wait.report_late("" if recent_failure else self._no_answer_message):
                    seconds = min(lock_wait.left, limit - lock_wait.waited)
                    self._connection = connect(self._url, seconds)
                    check_server(self._connection, self._url)
            except psycopg.Error as error:
                is_over = lock_wait.left <= 0 or lock_wait.waited >= limit
                if is_refusal(error) or is_over:
                    self._given_up_at = time.monotonic()
                    raise explain_connecting(error, self._url) from error
                lock_wait.sleep("" if recent_failure else self._failure_message(error))
        self._was_reached = True
        self._given_up_at = -math.inf
        return self._connection

    @property
    def _no_answer_message(self) -> str:
        return f"{self._wait_message} (it does not answer)"

    @property
    def _wait_message(self) -> str:
        return f"waiting for the server of the lease store {self._shown}"

    def _failure_message(self, error: psycopg.Error) -> str:
        return f"{self._wait_message} ({driver_message(error, self._url)})"

    def _recover(self, error: psycopg.Error, lock_wait: LockWait) -> None:
        """Prepare another attempt after `error`; raise it, translated, if that would not help."""
        action = error_action(error)
        if action is ErrorAction.LOST:
            self._forget_connection()
            if lock_wait.left <= 0:
                raise explain(error, self._url) from error
            lock_wait.sleep(self._failure_message(error))
            return
        self._rollback()
        if action is ErrorAction.MISSING and self._may_search_again(lock_wait):
            self._is_known = False
            self._create_or_upgrade(lock_wait)
            return
        raise explain(error, self._url) from error

    def _may_search_again(self, lock_wait: LockWait) -> bool:
        """Count one more search for missing tables; return False after MENDS of them per call."""
        lock_wait.fixed += 1
        return lock_wait.fixed <= MAX_SEARCHES

    def _create_or_upgrade(self, lock_wait: LockWait) -> int:
        """Create or upgrade the tables, if needed; return the previous format, 0 for no store."""
        while True:
            try:
                return create_or_upgrade(self._connected(lock_wait), self._url)
            except psycopg.Error as error:
                self._recover_create(error, lock_wait)

    def _recover_create(self, error: psycopg.Error, lock_wait: LockWait) -> None:
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            raise StoreServerError(
                f"there is no lease store in {self._shown} yet, and this user may make none",
                hint="let the owner of the database run `composeports store create` on it, "
                "or GRANT CREATE ON DATABASE ... TO this user",
                store=self._shown,
            ) from error
        self._recover(error, lock_wait)

    def _format(self, lock_wait: LockWait) -> int:
        """Return the format of the store, 0 for none; raise StoreError if it is not a lease store.

        After an error that may pass, return 1, so that the caller tries again.
        """
        try:
            return read_format(self._connected(lock_wait), self._url)
        except psycopg.Error as error:
            self._recover(error, lock_wait)
            return 1

    def _was_committed(self, attempt: Attempt, lock_wait: LockWait) -> bool:
        """Return True if the attempt's transaction was committed.

        The timeline is compared too, because another server may use the same number for another
        transaction. If the transaction is still in progress, its server process is terminated.
        Raise StoreBusyError if there is no time left.
        """
        while True:
            try:
                connection = self._connected(lock_wait)
                row = connection.execute(STATUS, (attempt.number,)).fetchone()
                status, timeline = row or (None, None)
                if timeline and (timeline != attempt.timeline or status != "in progress"):
                    return bool(timeline == attempt.timeline and status == "committed")
                if timeline:
                    connection.execute(END_OF, (attempt.number,))
                lock_wait.sleep(f"waiting for the lease store {self._shown}")
            except psycopg.errors.InvalidParameterValue:  # a number not used yet: another server
                return False
            except psycopg.Error as error:
                self._recover(error, lock_wait)
            if lock_wait.left <= 0:
                raise busy(self._url)

    def _forget_connection(self) -> None:
        connection, self._connection = self._connection, None
        self._is_known = False
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()
