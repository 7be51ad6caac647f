"""The SQL statements of the PostgreSQL store, for an open connection; no locks and no retries.

The statements of one pipeline take one round trip. An `ask` function sends statements and returns a
function that reads the values later, after the pipeline was synced.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any, LiteralString, cast

import psycopg

from composeports.core.engine_identity import EngineIdentity, EngineLeases
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock
from composeports.core.session import project_name
from composeports.core.snapshot import CooldownBlock, LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.stores.postgres.schema import NOW
from composeports.stores.rows import (
    COLUMNS,
    HOLD_COLUMNS,
    HoldRow,
    Row,
    RowSource,
    from_row,
    from_rows,
    hold_from_row,
    to_row,
)

Connection = psycopg.Connection[tuple[Any, ...]]
Cursor = psycopg.Cursor[tuple[Any, ...]]

# How many project names of a new session are looked up in the first round trip.
NAMES = 2
HELD, EXPIRES = COLUMNS.index("held"), COLUMNS.index("expires_at")
ALLOCATED = COLUMNS.index("allocated_at")
HOLD_TIMES = (HOLD_COLUMNS.index("expires_at"), HOLD_COLUMNS.index("allocated_at"))

LEASE = f"SELECT {', '.join(COLUMNS)} FROM composeports.leases"  # noqa: S608 - fixed names
HOLD_LIST = ", ".join(HOLD_COLUMNS)
# With this condition, a statement returns rows only if its transaction has the lock; HEADER in
# `transaction` sets `mine`.
IF_MINE = "pg_catalog.current_setting('composeports.mine') = 'true'"
OWN = f"{LEASE} WHERE space = %(space)s AND key = %(key)s"
# One remembered session per block. The query jumps from block to block in the index, so that
# thousands of remembered sessions cost no more than a few. Only one index has this order, and only
# one has this expression, so that the planner has no choice, whatever it assumes about a table that
# has just grown.
OTHERS = f"""
    WITH RECURSIVE known AS (
        (
            SELECT {HOLD_LIST}, block FROM composeports.leases
            WHERE space = %(space)s AND NOT held AND key <> %(key)s ORDER BY block LIMIT 1
        )
        UNION ALL
        SELECT following.* FROM known CROSS JOIN LATERAL (
            SELECT {HOLD_LIST}, block FROM composeports.leases
            WHERE space = %(space)s AND NOT held AND key <> %(key)s AND block > known.block
            ORDER BY block LIMIT 1
        ) AS following
    )
    (
        SELECT {HOLD_LIST} FROM composeports.leases
        WHERE space = %(space)s AND held AND key <> %(key)s ORDER BY start
    )
    UNION ALL
    SELECT {HOLD_LIST} FROM known
    UNION ALL
    SELECT {HOLD_LIST} FROM composeports.leases
    WHERE NOT held AND key <> %(key)s
    AND (pg_catalog."right"(project, 8) || space) = ANY (%(digests)s)
"""  # noqa: S608 - fixed statements
# Compares only the digest, because the prefix is a setting that may change.
NAMESAKES = f"""
    SELECT {HOLD_LIST} FROM composeports.leases
    WHERE NOT held AND key <> %(key)s AND (pg_catalog."right"(project, 8) || space) = %(digest)s
"""  # noqa: S608 - fixed statements
ASIDE = "SELECT start, size, until FROM composeports.set_aside WHERE space = %(space)s"

WRITE = f"""
    INSERT INTO composeports.leases (space, key, {", ".join(COLUMNS)})
    VALUES (%s, %s, {", ".join(["%s"] * len(COLUMNS))})
    ON CONFLICT (space, key) DO UPDATE SET
    {", ".join(f"{column} = excluded.{column}" for column in COLUMNS[1:])}
"""  # noqa: S608 - fixed column names
RECLAIM = "UPDATE composeports.leases SET held = false WHERE space = %s AND key = ANY (%s)"
EXTEND = """
    UPDATE composeports.leases AS lease SET expires_at = wanted.until
    FROM ROWS FROM (
        pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::double precision[])
    ) AS wanted (key, until)
    WHERE lease.space = %s AND lease.key = wanted.key
"""
FORGET = "DELETE FROM composeports.leases WHERE space = %s AND key = %s"
CLEAR_ASIDE = "DELETE FROM composeports.set_aside WHERE space = %s"
SET_ASIDE = """
    INSERT INTO composeports.set_aside (space, start, size, until)
    SELECT %s, * FROM ROWS FROM (
        pg_catalog.unnest(%s::integer[]), pg_catalog.unnest(%s::integer[]),
        pg_catalog.unnest(%s::double precision[])
    ) AS block (start, size, until)
"""
# An engine's own machine knows its host as localhost, which other machines cannot use. So that
# machine never overwrites the host that another machine has written.
ENGINE = f"""
    INSERT INTO composeports.engines AS known (space, name, host, seen)
    VALUES (%(id)s, %(name)s, %(host)s, {NOW})
    ON CONFLICT (space) DO UPDATE SET name = excluded.name, seen = excluded.seen,
    host = CASE WHEN %(local)s THEN known.host ELSE excluded.host END
"""  # noqa: S608 - fixed
ENGINES = "SELECT space, name, host FROM composeports.engines ORDER BY name, space"


def key_of(session_id: str) -> str:
    """Return the key of a session's rows: a digest of its id."""
    return sha256(session_id.encode("utf-8", "surrogateescape")).hexdigest()


def digests_of(session_id: str) -> list[str]:
    """Return the digests of the first NAMES project names for a new session, in order."""
    names: list[str] = []
    for _ in range(NAMES):
        names.append(project_name(session_id, names))
    return [name.rpartition("-")[2] for name in names]


def moved(row: Sequence[Any], seconds: float, *columns: int) -> tuple[Any, ...]:
    """Return the row with `seconds` added to the times in these columns."""
    if not seconds:
        return tuple(row)
    values = list(row)
    for column in columns:
        values[column] += seconds
    return tuple(values)


def lease_of(row: Sequence[Any], ahead: float, source: RowSource) -> Lease:
    """Return the lease in a row; raise StoreError for an invalid record.

    `ahead` is by how many seconds the server's clock is ahead of the client's.
    """
    return from_row(_in_own_time(row, ahead), source)


def _in_own_time(row: Sequence[Any], ahead: float) -> Row:
    return cast("Row", moved(row, -ahead, ALLOCATED, EXPIRES))


def query_snapshot(
    connection: Connection, space: str, session_id: str, *, only_with_lock: bool
) -> Callable[[float, RowSource], StoreSnapshot]:
    """Send the queries for all that a decision needs; return a function that reads the snapshot.

    The snapshot has all held leases, one session for each remembered block and, for a new session,
    the sessions with a project name that it would get. With `only_with_lock`, the queries return
    rows only if the transaction has the lock. `ahead`, an argument of the returned function, is by
    how many seconds the server's clock is ahead of the client's.
    """
    digests = [digest + space for digest in digests_of(session_id)]
    values = {"space": space, "key": key_of(session_id), "digests": digests}

    def query(statement: LiteralString) -> Cursor:
        guarded_statement = f"SELECT * FROM ({statement}) AS found WHERE {IF_MINE}"  # noqa: S608 - fixed
        return connection.execute(guarded_statement if only_with_lock else statement, values)

    own_cursor, other_cursor, cooldown_cursor = query(OWN), query(OTHERS), query(ASIDE)

    def read(ahead: float, source: RowSource) -> StoreSnapshot:
        def hold_of(row: Sequence[Any]) -> LeaseSummary:
            return hold_from_row(cast("HoldRow", moved(row, -ahead, *HOLD_TIMES)), source)

        row = own_cursor.fetchone()
        summaries = [hold_of(other_row) for other_row in other_cursor.fetchall()]
        if row is None:
            summaries += _more_namesakes(connection, values, session_id, summaries, hold_of)
        blocks = (
            CooldownBlock(PortBlock(start, size), end_time - ahead)
            for start, size, end_time in cooldown_cursor.fetchall()
        )
        return StoreSnapshot(
            None if row is None else lease_of(row, ahead, source),
            tuple(dict.fromkeys(summaries)),
            tuple(sorted(blocks, key=lambda block: (block.block, block.until))),
            source.store,
        )

    return read


def _more_namesakes(
    connection: Connection,
    known: dict[str, Any],
    session_id: str,
    found: list[LeaseSummary],
    hold_of: Callable[[Sequence[Any]], LeaseSummary],
) -> list[LeaseSummary]:
    """Return the remembered sessions with the project names that follow the first NAMES names."""
    namesakes: list[LeaseSummary] = []
    names: list[str] = []
    while True:
        name = project_name(session_id, names)
        digest = name.rpartition("-")[2]
        if len(names) >= NAMES:
            values = {**known, "digest": digest + known["space"]}
            namesakes += map(hold_of, connection.execute(NAMESAKES, values).fetchall())
        if not any(hold.project.endswith(digest) for hold in (*found, *namesakes)):
            return namesakes
        names.append(name)


def write_outcome(
    connection: Connection, space: str, session_id: str, outcome: StoreUpdate, ahead: float
) -> None:
    """Send the outcome of a decision, inside the caller's transaction.

    `ahead` is by how many seconds the server's clock is ahead of the client's.
    """
    if outcome.reclaimed:
        connection.execute(RECLAIM, (space, [key_of(name) for name in outcome.reclaimed]))
    if outcome.extended:
        keys = [key_of(name) for name, _ in outcome.extended]
        connection.execute(
            EXTEND, (keys, [expires_at + ahead for _, expires_at in outcome.extended], space)
        )
    if outcome.cooldowns is not None:
        _write_cooldowns(connection, space, outcome.cooldowns, ahead)
    if outcome.forget:
        connection.execute(FORGET, (space, key_of(session_id)))
    elif outcome.lease is not None:
        write_lease(connection, space, outcome.lease, ahead)


def write_lease(connection: Connection, space: str, lease: Lease, ahead: float) -> None:
    """Send one lease; it replaces any other record of its session."""
    row = list(moved(to_row(lease), ahead, ALLOCATED, EXPIRES))
    row[HELD] = bool(row[HELD])
    connection.execute(WRITE, (space, key_of(lease.session_id), *row))


def _write_cooldowns(
    connection: Connection, space: str, blocks: Iterable[CooldownBlock], ahead: float
) -> None:
    connection.execute(CLEAR_ASIDE, (space,))
    cooldowns = tuple(blocks)
    if cooldowns:
        starts, sizes = (
            [cooldown.block.start for cooldown in cooldowns],
            [cooldown.block.size for cooldown in cooldowns],
        )
        connection.execute(
            SET_ASIDE, (space, starts, sizes, [cooldown.until + ahead for cooldown in cooldowns])
        )


def writes_anything(outcome: StoreUpdate) -> bool:
    """Return True if the outcome changes the store."""
    return bool(
        outcome.reclaimed
        or outcome.extended
        or outcome.forget
        or outcome.lease is not None
        or outcome.cooldowns is not None
    )


def read_leases(
    connection: Connection, space: str, ahead: float, source: RowSource, rest: str = ""
) -> list[Lease]:
    """Return the leases of an engine; `rest` is the end of the SQL statement."""
    rows = connection.execute(f"{LEASE} WHERE space = %s {rest}", (space,))
    return list(from_rows((_in_own_time(row, ahead) for row in rows), source.at(space)))


def read_fleet(
    connection: Connection, own: EngineIdentity | None, ahead: float, source: RowSource
) -> list[EngineLeases]:
    """Return every known engine with its held leases, `own` first if it is given."""
    names = {space: (name, host) for space, name, host in connection.execute(ENGINES)}
    rows: dict[str, list[Row]] = {}
    for space, *row in connection.execute(
        f"SELECT space, {', '.join(COLUMNS)} FROM composeports.leases"  # noqa: S608 - fixed names
        " WHERE held ORDER BY space, start"
    ):
        rows.setdefault(space, []).append(_in_own_time(row, ahead))
    leases = {
        space: tuple(from_rows(space_rows, source.at(space))) for space, space_rows in rows.items()
    }
    spaces = sorted({*names, *leases}, key=lambda space: (names.get(space, ("", ""))[0], space))
    engines = [
        EngineIdentity(engine, *names.get(engine, ("", "")), local=False) for engine in spaces
    ]
    if own is not None:
        engines = [own, *(engine for engine in engines if engine.id != own.id)]
    return [EngineLeases(engine, leases.get(engine.id, ())) for engine in engines]
