"""The statements of the SQLite store, on an open connection; knows no locks and no files."""

import sqlite3
from collections.abc import Callable

from composeports.core.block import Block
from composeports.core.lease import Lease
from composeports.core.ledger import Hold, Ledger, Outcome, SetAside
from composeports.core.session import project_name
from composeports.stores.rows import COLUMNS, HOLD_COLUMNS, from_row, hold_from_row, to_row

Values = tuple[str, ...] | dict[str, str]

LEASE = f"SELECT {', '.join(COLUMNS)} FROM leases"  # noqa: S608 - our own column names
HOLD = f"SELECT {', '.join(HOLD_COLUMNS)} FROM leases"  # noqa: S608 - our own column names
# One remembered session a block, by jumps in the index: thousands of them cost no more than a few.
REMEMBERED = f"""
    WITH RECURSIVE known (id, block) AS (
        SELECT * FROM (
            SELECT rowid, block FROM leases
            WHERE held = 0 AND session_id <> :own ORDER BY block LIMIT 1
        )
        UNION ALL
        SELECT leases.rowid, leases.block FROM known JOIN leases ON leases.rowid = (
            SELECT following.rowid FROM leases AS following
            WHERE following.held = 0 AND following.block > known.block
                AND following.session_id <> :own
            ORDER BY following.block LIMIT 1
        )
    )
    {HOLD} WHERE rowid IN (SELECT id FROM known)
"""  # noqa: S608 - nothing but our own statements
# By the digest alone, since the prefix is a setting that may change.
NAMESAKES = f"{HOLD} WHERE held = 0 AND substr(project, -8) = ?"
# Never OR REPLACE, which would delete the row of another session that is in the way.
WRITE = f"""
    INSERT INTO leases ({", ".join(COLUMNS)}) VALUES ({", ".join("?" * len(COLUMNS))})
    ON CONFLICT (session_id) DO UPDATE SET
    {", ".join(f"{column} = excluded.{column}" for column in COLUMNS[1:])}
"""  # noqa: S608 - our own column names


def read_lease(connection: sqlite3.Connection, session_id: str, where: str) -> Lease | None:
    """Return the session's lease; `where` names the store in an error."""
    row = connection.execute(f"{LEASE} WHERE session_id = ?", (session_id,)).fetchone()
    return None if row is None else from_row(row, where)


def read_held(connection: sqlite3.Connection, where: str) -> list[Lease]:
    """Return every held lease, lowest block first."""
    rows = connection.execute(f"{LEASE} WHERE held = 1 ORDER BY start")
    return [from_row(row, where) for row in rows]


def read_known(connection: sqlite3.Connection, where: str) -> list[Lease]:
    """Return every lease, held or remembered, by session id."""
    return [from_row(row, where) for row in connection.execute(f"{LEASE} ORDER BY session_id")]


def read_ledger(connection: sqlite3.Connection, session_id: str, where: str) -> Ledger:
    """Return all that a decision needs: every hold, and of what is remembered the relevant part.

    That is one session for each remembered block, and those whose project name is in the way
    of a new session.
    """
    own = read_lease(connection, session_id, where)

    def read(statement: str, values: Values) -> list[Hold]:
        return [hold_from_row(row, where) for row in connection.execute(statement, values)]

    held = read(f"{HOLD} WHERE held = 1 AND session_id <> ?", (session_id,))
    remembered = read(REMEMBERED, {"own": session_id})
    namesakes = [] if own is not None else _namesakes(read, session_id, held)
    others = tuple(dict.fromkeys((*held, *remembered, *namesakes)))
    return Ledger(own, others, read_set_aside(connection))


def read_set_aside(connection: sqlite3.Connection) -> tuple[SetAside, ...]:
    """Return every block that was set aside, also those whose time is over."""
    rows = connection.execute("SELECT start, size, until FROM set_aside ORDER BY start, until")
    return tuple(SetAside(Block(start, size), until) for start, size, until in rows)


def _namesakes(
    read: Callable[[str, Values], list[Hold]], session_id: str, held: list[Hold]
) -> list[Hold]:
    """Return who is remembered by a project name that a new session would get, in turn."""
    tried: set[str] = set()
    found: list[Hold] = []
    while True:
        name = project_name(session_id, tried)
        digest = name.rpartition("-")[2]
        namesakes = read(NAMESAKES, (digest,))
        if not namesakes and not any(hold.project.endswith(digest) for hold in held):
            return found
        found += namesakes
        tried.add(name)


def write_outcome(connection: sqlite3.Connection, session_id: str, outcome: Outcome) -> None:
    """Write what was decided, inside the caller's transaction."""
    connection.executemany(
        "UPDATE leases SET held = 0 WHERE session_id = ?",
        ((name,) for name in outcome.reclaimed),
    )
    connection.executemany(
        "UPDATE leases SET expires_at = ? WHERE session_id = ?",
        ((expires_at, name) for name, expires_at in outcome.extended),
    )
    if outcome.set_aside is not None:
        _write_set_aside(connection, outcome.set_aside)
    if outcome.forget:
        connection.execute("DELETE FROM leases WHERE session_id = ?", (session_id,))
    elif outcome.lease is not None:
        connection.execute(WRITE, to_row(outcome.lease))


def _write_set_aside(connection: sqlite3.Connection, blocks: tuple[SetAside, ...]) -> None:
    connection.execute("DELETE FROM set_aside")
    connection.executemany(
        "INSERT INTO set_aside VALUES (?, ?, ?)",
        ((each.block.start, each.block.size, each.until) for each in blocks),
    )
