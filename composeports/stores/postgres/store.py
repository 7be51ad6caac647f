"""Leases in a PostgreSQL database, for all machines that share it; each engine's apart.

What can safely be tried again is: a server that restarts, a connection that breaks, a conflict.
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
from composeports.core.ledger import StoreSnapshot, StoreUpdate
from composeports.errors import StoreError, StoreServerError
from composeports.host.clock import read_clock
from composeports.stores.base import Decide
from composeports.stores.open import without_password
from composeports.stores.postgres.connection import connect
from composeports.stores.postgres.errors import (
    ErrorAction,
    busy,
    explain,
    explain_connecting,
    fate_of,
    is_refusal,
    said_by,
)
from composeports.stores.postgres.lock_wait import LockWait
from composeports.stores.postgres.queries import (
    OWN,
    Connection,
    ask_ledger,
    key_of,
    lease_of,
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

# A server that was never reached is not waited for as long as one that is gone for a moment.
CONNECT_SECONDS = 10.0
# How long again after that was in vain a moment ago, as by the command's question before.
AGAIN_SECONDS = 1.0
# How often tables that are not there are looked for in one call: others may drop and make them.
MENDS = 3
BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
HEADER = f"SELECT ({FORMAT}), {NOW}, ({STORE_ID})"
Result = TypeVar("Result")


def _silent(_text: str) -> None:
    """Say nothing."""


class PostgresStore:
    """A store for the processes and threads of many machines; a view on one engine's leases.

    The server is reached at the first use, and the tables are made at the first `update`. Others,
    and a server that is gone, are waited for, up to `wait_seconds`; after a second `waiting` is
    told so, once. It is told of records that are refused, too. Times are kept as the server's clock
    tells them and shown as `clock` does; `database_time` replaces the server's clock.
    """

    def __init__(  # noqa: PLR0913 - clocks and waits, for tests
        self,
        url: str,
        *,
        engine: Callable[[], EngineIdentity],
        waiting: Callable[[str], None] = _silent,
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
        """Return the session's lease, held or remembered."""
        own = self._engine().id

        def read(connection: Connection, ahead: float) -> Lease | None:
            row = connection.execute(OWN, {"space": own, "key": key_of(session_id)}).fetchone()
            return None if row is None else lease_of(row, ahead, self._source.at(own))

        return self._read(None, read)

    def held(self) -> list[Lease]:
        """Return every held lease, lowest block first; expired ones too."""
        return self._leases("AND held ORDER BY start")

    def known(self) -> list[Lease]:
        """Return every lease, held or remembered, by session id."""
        return sorted(self._leases(""), key=lambda lease: lease.session_id)

    def _leases(self, rest: str) -> list[Lease]:
        own = self._engine().id
        return self._read(
            [], lambda found, ahead: read_leases(found, own, ahead, self._source, rest)
        )

    def ledger(self, session_id: str) -> StoreSnapshot:
        """Return what an `update` of this session would be shown now."""
        own = self._engine().id
        return self._read(
            StoreSnapshot(),
            lambda found, ahead: ask_ledger(found, own, session_id, alone=False)(
                ahead, self._source.at(own)
            ),
        )

    def fleet(self) -> list[EngineLeases]:
        """Return what is held on every engine that the store knows, this one's first."""
        own = self._engine()
        return self._read(
            [EngineLeases(own)], lambda found, ahead: read_fleet(found, own, ahead, self._source)
        )

    def identity(self) -> str:
        """Return the store's own id; empty where there is no store yet."""
        return self._source.store or self._read("", lambda _connection, _ahead: self._source.store)

    def update(
        self, session_id: str, decide: Decide, *, patience: float | None = None
    ) -> StoreUpdate:
        """Run `decide` and write what it says; `decide` must not call the store.

        Where the connection breaks while it commits, it is asked afterwards what came of that;
        only where nothing did, `decide` is run again.
        """
        view = StoreView(self._engine(), self._source, self._difference, self._check_format)
        with self._alone():
            waits = self._patience(patience)
            while True:
                connection = self._reached(waits)
                attempt = Attempt(connection, view, session_id)
                try:
                    if not self._has_tables(connection) and self._may_mend(waits):
                        self._created(waits)
                        continue
                    return self._run(attempt, decide, waits)
                except psycopg.Error as error:
                    self._recover(error, waits)
                    if attempt.outcome is not None and self._was_committed(attempt, waits):
                        return attempt.outcome

    def create(self) -> int:
        """Make or upgrade the tables; return the format that was there before, 0 for none."""
        with self._alone():
            return self._created(self._patience())

    def close(self) -> None:
        """Let go of the connection."""
        with self._alone():
            self._forget_connection()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one thread in at a time."""
        if not self._lock.acquire(timeout=self._wait_seconds):
            raise busy(self._url)
        try:
            yield
        finally:
            self._lock.release()

    def _patience(self, seconds: float | None = None) -> LockWait:
        longest = self._wait_seconds if seconds is None else min(seconds, self._wait_seconds)
        return LockWait(longest, self._waiting)

    def _run(self, attempt: Attempt, decide: Decide, patience: LockWait) -> StoreUpdate:
        try:
            return attempt.run(decide, patience)
        except psycopg.Error:
            raise
        except Exception:
            self._rollback()
            raise
        except BaseException:  # an interrupt, in the middle of anything
            self._forget_connection()
            raise

    def _rollback(self) -> None:
        """End a transaction of which nothing is to be written."""
        try:
            if self._connection is not None:
                self._connection.execute("ROLLBACK")
        except psycopg.Error:
            self._forget_connection()

    def _read(self, nothing: Result, read: Callable[[Connection, float], Result]) -> Result:
        """Return what `read` finds in one state of the store; `nothing` where there is none."""
        with self._alone():
            patience = self._patience()
            while True:
                connection = self._reached(patience)
                try:
                    if not self._has_tables(connection):
                        return nothing
                    return self._read_once(connection, read)
                except psycopg.Error as error:
                    if fate_of(error) is ErrorAction.MISSING and self._may_mend(patience):
                        self._rollback()
                        self._is_known = False
                        if not self._format(patience):
                            return nothing
                        continue
                    self._recover(error, patience)
                except BaseException:
                    self._forget_connection()
                    raise

    def _read_once(
        self, connection: Connection, read: Callable[[Connection, float], Result]
    ) -> Result:
        clock = self._difference.clock
        sent = clock().wall
        with connection.pipeline():
            connection.execute(BEGIN_READING)
            header = connection.execute(HEADER)
        received = clock().wall
        version, server, store = header.fetchone() or (0, 0.0, "")
        self._check_format(version or 0)
        self._source = replace(self._source, store=store or "")
        found = read(connection, self._difference.ahead(server, sent, received))
        connection.execute("COMMIT")
        return found

    def _has_tables(self, connection: Connection) -> bool:
        """Tell whether there is a store; nothing of it is touched before it is known whose it is.

        That is asked once for each connection.
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

    def _reached(self, patience: LockWait) -> Connection:
        """Return a connection, an open one or a new one; a server that is gone is waited for."""
        longest = self._wait_seconds if self._was_reached else CONNECT_SECONDS
        given_up = time.monotonic() - self._given_up_at < longest
        longest = min(longest, AGAIN_SECONDS) if given_up else longest
        while self._connection is None:
            try:
                with patience.noticing("" if given_up else self._silent):
                    seconds = min(patience.left, longest - patience.waited)
                    self._connection = connect(self._url, seconds)
                    check_server(self._connection, self._url)
            except psycopg.Error as error:
                over = patience.left <= 0 or patience.waited >= longest
                if is_refusal(error) or over:
                    self._given_up_at = time.monotonic()
                    raise explain_connecting(error, self._url) from error
                patience.pause("" if given_up else self._missed(error))
        self._was_reached = True
        self._given_up_at = -math.inf
        return self._connection

    @property
    def _silent(self) -> str:
        return f"{self._waited_for} (it does not answer)"

    @property
    def _waited_for(self) -> str:
        return f"waiting for the server of the lease store {self._shown}"

    def _missed(self, error: psycopg.Error) -> str:
        return f"{self._waited_for} ({said_by(error, self._url)})"

    def _recover(self, error: psycopg.Error, patience: LockWait) -> None:
        """Get ready for another try; the error, translated, where that would not help."""
        fate = fate_of(error)
        if fate is ErrorAction.LOST:
            self._forget_connection()
            if patience.left <= 0:
                raise explain(error, self._url) from error
            patience.pause(self._missed(error))
            return
        self._rollback()
        if fate is ErrorAction.MISSING and self._may_mend(patience):
            self._is_known = False
            self._created(patience)
            return
        raise explain(error, self._url) from error

    def _may_mend(self, patience: LockWait) -> bool:
        """Tell whether looking for the tables once more may help; it does not go on for ever."""
        patience.mended += 1
        return patience.mended <= MENDS

    def _created(self, patience: LockWait) -> int:
        """Make the tables, where that is still to be done."""
        while True:
            try:
                return create_or_upgrade(self._reached(patience), self._url)
            except psycopg.Error as error:
                self._settle_making(error, patience)

    def _settle_making(self, error: psycopg.Error, patience: LockWait) -> None:
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            raise StoreServerError(
                f"there is no lease store in {self._shown} yet, and this user may make none",
                hint="let the owner of the database run `composeports store create` on it, "
                "or GRANT CREATE ON DATABASE ... TO this user",
                store=self._shown,
            ) from error
        self._recover(error, patience)

    def _format(self, patience: LockWait) -> int:
        """Return the format of the store, 0 for none; StoreError for what is no store of ours."""
        try:
            return read_format(self._reached(patience), self._url)
        except psycopg.Error as error:
            self._recover(error, patience)
            return 1

    def _was_committed(self, attempt: Attempt, patience: LockWait) -> bool:
        """Ask what came of a transaction; no other server's numbers are taken for this one's."""
        while True:
            try:
                connection = self._reached(patience)
                row = connection.execute(STATUS, (attempt.number,)).fetchone()
                status, timeline = row or (None, None)
                if timeline and (timeline != attempt.timeline or status != "in progress"):
                    return bool(timeline == attempt.timeline and status == "committed")
                if timeline:
                    connection.execute(END_OF, (attempt.number,))
                patience.pause(f"waiting for the lease store {self._shown}")
            except psycopg.errors.InvalidParameterValue:  # a number of the future: another server
                return False
            except psycopg.Error as error:
                self._recover(error, patience)
            if patience.left <= 0:
                raise busy(self._url)

    def _forget_connection(self) -> None:
        connection, self._connection = self._connection, None
        self._is_known = False
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()
