"""One try of an `update` on PostgreSQL: two round trips where nobody is in the way.

The first one takes the engine's lock and, if it got that, reads all that is needed; the second one
writes and commits. What is left in doubt when the connection breaks is settled by its number.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, LiteralString

import psycopg

from composeports.core.clock import ClockReading
from composeports.core.engine_identity import EngineIdentity
from composeports.core.ledger import StoreSnapshot, StoreUpdate
from composeports.stores.base import Decide
from composeports.stores.conflicts import refuse_conflicts
from composeports.stores.postgres.errors import busy
from composeports.stores.postgres.lock_wait import LockWait
from composeports.stores.postgres.queries import (
    ENGINE,
    Connection,
    ask_ledger,
    write_outcome,
    writes_anything,
)
from composeports.stores.postgres.schema import FORMAT, NOW, STORE_ID
from composeports.stores.rows import RowSource

# The longest time in the server's line at a stretch, below the time that an answer may take.
LINE_SLICE = 10.0
# How old the record of when an engine was seen last may get.
SEEN_SECONDS = 600
TIMELINE = """
    CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN
        pg_catalog."left"(
            pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8
        )
    END
"""
BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
# A client that stands still in the middle loses its connection, and with it the lock. Plans are
# made for few rows whatever the server knows of the tables, which it has hardly seen sometimes.
IDLE = "15s"
LIMITS = """
    SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', %s, true),
        pg_catalog.set_config('statement_timeout', '15s', true),
        pg_catalog.set_config('enable_seqscan', 'off', true),
        pg_catalog.set_config('enable_sort', 'off', true),
        pg_catalog.set_config('jit', 'off', true)
"""
LINE = "SELECT pg_catalog.set_config('lock_timeout', %s, true)"
# The number of the transaction is known before anything is written: what came of it can be asked.
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
"""  # noqa: S608 - our own statements
STATUS = f"SELECT pg_catalog.pg_xact_status(%s::xid8), {TIMELINE}"
END_OF = """
    SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
    WHERE backend_xid = %s::xid8::xid AND pid <> pg_catalog.pg_backend_pid()
"""


class ServerClockOffset:
    """By how many whole seconds the server's clock is ahead, until that is wrong by over one."""

    def __init__(
        self, clock: Callable[[], ClockReading], database_time: Callable[[], float] | None
    ) -> None:
        self.clock = clock
        self._database_time = database_time
        self._kept: int | None = None

    def ahead(self, server: float, sent: float, received: float) -> float:
        """Return it; `server` was read between the two moments of the client's clock."""
        if self._database_time is not None:
            server = self._database_time()
        measured = server - (sent + received) / 2
        if self._kept is None or abs(measured - self._kept) > 1:
            self._kept = round(measured)
        return self._kept


@dataclass(frozen=True, slots=True)
class StoreView:
    """Whose leases are looked at, and how: source, clocks, and what is accepted as a format."""

    own: EngineIdentity
    source: RowSource
    difference: ServerClockOffset
    check: Callable[[int], None]


class Attempt:
    """One try; what is known of it afterwards tells whether it was one too many."""

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

    def run(self, decide: Decide, patience: LockWait) -> StoreUpdate:
        """Lock, read, decide, write and commit; `outcome` is set as long as a commit is in doubt.

        It is one pipeline, synced where an answer is wanted: one that has been left keeps the
        server from noticing a client that stands still.
        """
        with self._connection.pipeline() as self._pipeline:
            ledger = self._locked(patience)
            outcome = decide(ledger)
            refuse_conflicts(self._session_id, ledger, outcome)
            if writes_anything(outcome):
                self._write(outcome)
            else:
                self._say("ROLLBACK")
            return outcome

    def _write(self, outcome: StoreUpdate) -> None:
        self.outcome = outcome
        write_outcome(self._connection, self._own.id, self._session_id, outcome, self._ahead)
        name, _, host = self._seen.partition("\n")
        if name != self._own.name or (host != self._own.host and not self._own.local):
            own = self._own
            known = {"id": own.id, "name": own.name, "host": own.host, "local": own.local}
            self._connection.execute(ENGINE, known)
        self._say("COMMIT")

    def _say(self, *statements: LiteralString) -> None:
        """Execute and wait for that."""
        for statement in statements:
            self._connection.execute(statement)
        self._pipeline.sync()

    def _locked(self, patience: LockWait) -> StoreSnapshot:
        """Return what is known, once nobody else can change it.

        The first try reads at once what the lock allows; later ones, of which there may be many,
        ask for the lock alone.
        """
        shown = self._view.source.shown
        what = f"waiting for the lease store {shown} (another composeports is writing)"
        ledger = self._ask(begin=True)
        if patience.is_short:  # rows that another program has locked are waited for no longer
            self._connection.execute(LINE, (f"{round(max(patience.left, 0.001) * 1000)}ms",))
        while ledger is None:
            if patience.left <= 0:
                self._say("ROLLBACK")
                raise busy(self._view.source.shown)
            patience.pause(what)
            if self._takes_lock(patience):
                ledger = self._ask(begin=False)
        return ledger

    def _takes_lock(self, patience: LockWait) -> bool:
        """Take the lock where it is free; after some time of that, stand in line for it."""
        known = {"lock": _lock_of(self._own.id)}
        if not patience.stands_in_line:
            tried = self._connection.execute(TRY_LOCK, known)
            self._pipeline.sync()
            return tried.fetchone() == (True,)
        line = min(LINE_SLICE, max(patience.left, 0.001))
        self._connection.execute(LINE, (f"{round(line * 1000)}ms",))
        self._connection.execute(TAKE_LOCK, known)
        try:
            self._pipeline.sync()
        except psycopg.errors.LockNotAvailable:
            self._say("ROLLBACK", BEGIN)
            return False
        return True

    def _ask(self, *, begin: bool) -> StoreSnapshot | None:
        """Take the lock, if it is free or ours already, and read; None when others have it."""
        connection = self._connection
        known: dict[str, Any] = {"space": self._own.id, "lock": _lock_of(self._own.id)}
        sent = self._view.difference.clock().wall
        if begin:
            connection.execute(BEGIN)
        connection.execute(LIMITS, (IDLE,))
        header = connection.execute(HEADER, known)
        read = ask_ledger(connection, self._own.id, self._session_id, alone=True)
        self._pipeline.sync()
        received = self._view.difference.clock().wall
        row = header.fetchone()
        if row is None or not row[0]:
            return None
        _, _, number, timeline, server, version, store, seen = row
        self.number, self.timeline, self._seen = number or "", timeline or "", seen or ""
        self._view.check(version or 0)
        self._ahead = self._view.difference.ahead(server, sent, received)
        source = replace(self._view.source, space=self._own.id, store=store or "")
        return read(self._ahead, source)


def _lock_of(space: str) -> int:
    """Return the number of the lock that whoever changes an engine's leases has."""
    digest = sha256(f"composeports {space}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
