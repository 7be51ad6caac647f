"""The statements of the SQLite store, on an open connection; knows no locks and no files."""

import sqlite3
from collections.abc import Callable

from composeports.core.engine_identity import THIS_MACHINE, EngineIdentity, EngineLeases
from composeports.core.lease import Lease
from composeports.core.ledger import CooldownBlock, LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.core.ports import PortBlock
from composeports.core.session import project_name
from composeports.stores.rows import (
    COLUMNS,
    HOLD_COLUMNS,
    RowSource,
    from_row,
    from_rows,
    hold_from_row,
    to_row,
)

Values = tuple[str, ...] | dict[str, str]

LEASE = f"SELECT {', '.join(COLUMNS)} FROM leases"  # noqa: S608 - our own column names
HOLD = f"SELECT {', '.join(HOLD_COLUMNS)} FROM leases"  # noqa: S608 - our own column names
# One remembered session a block, by jumps in the index: thousands of them cost no more than a few.
REMEMBERED = f"""
    WITH RECURSIVE known (id, block) AS (
        SELECT * FROM (
            SELECT rowid, block FROM leases
            WHERE held = 0 AND space = :space AND session_id <> :own ORDER BY block LIMIT 1
        )
        UNION ALL
        SELECT leases.rowid, leases.block FROM known JOIN leases ON leases.rowid = (
            SELECT following.rowid FROM leases AS following
            WHERE following.held = 0 AND following.space = :space
                AND following.block > known.block AND following.session_id <> :own
            ORDER BY following.block LIMIT 1
        )
    )
    {HOLD} WHERE rowid IN (SELECT id FROM known)
"""  # noqa: S608 - nothing but our own statements
# By the digest alone, since the prefix is a setting that may change.
NAMESAKES = f"{HOLD} WHERE held = 0 AND space = ? AND substr(project, -8) = ?"
# Never OR REPLACE, which would delete the row of another session that is in the way.
WRITE = f"""
    INSERT INTO leases (space, {", ".join(COLUMNS)})
    VALUES (?, {", ".join("?" * len(COLUMNS))})
    ON CONFLICT (space, session_id) DO UPDATE SET
    {", ".join(f"{column} = excluded.{column}" for column in COLUMNS[1:])}
"""  # noqa: S608 - our own column names

FORGET = "DELETE FROM leases WHERE space = ? AND session_id = ?"
ENGINE = "INSERT OR REPLACE INTO engines (id, name, host) VALUES (?, ?, ?)"


def read_lease(
    connection: sqlite3.Connection, space: str, session_id: str, source: RowSource
) -> Lease | None:
    """Return the session's lease; StoreError for a record that is not sound."""
    wanted = f"{LEASE} WHERE space = ? AND session_id = ?"
    row = connection.execute(wanted, (space, session_id)).fetchone()
    return None if row is None else from_row(row, source.at(space))


def read_held(connection: sqlite3.Connection, space: str, source: RowSource) -> list[Lease]:
    """Return every held lease, lowest block first."""
    wanted = f"{LEASE} WHERE held = 1 AND space = ? ORDER BY start"
    return list(from_rows(connection.execute(wanted, (space,)), source.at(space)))


def read_known(connection: sqlite3.Connection, space: str, source: RowSource) -> list[Lease]:
    """Return every lease, held or remembered, by session id."""
    wanted = f"{LEASE} WHERE space = ? ORDER BY session_id"
    return list(from_rows(connection.execute(wanted, (space,)), source.at(space)))


def read_known_of_before(connection: sqlite3.Connection, source: RowSource) -> list[Lease]:
    """Return every lease of a store of a format that knew one engine only."""
    columns = ", ".join("''" if column == "engine" else column for column in COLUMNS)
    rows = connection.execute(f"SELECT {columns} FROM leases ORDER BY session_id")  # noqa: S608 - ours
    return list(from_rows(rows, source))


def read_fleet(
    connection: sqlite3.Connection, own: EngineIdentity, source: RowSource
) -> list[EngineLeases]:
    """Return what is held on this machine's own engines and on each remote one, `own` first."""
    rows = connection.execute("SELECT id, name, host FROM engines ORDER BY name, id")
    remote = [EngineIdentity(id_, name, host, local=False) for id_, name, host in rows]
    here = own if own.local else THIS_MACHINE
    others = [each for each in (here, *remote) if each.space != own.space]
    return [
        EngineLeases(each, tuple(read_held(connection, each.space, source)))
        for each in (own, *others)
    ]


def read_ledger(
    connection: sqlite3.Connection, space: str, session_id: str, source: RowSource
) -> StoreSnapshot:
    """Return all that a decision needs: every hold, and of what is remembered the relevant part.

    That is one session for each remembered block, and those whose project name is in the way
    of a new session.
    """
    own = read_lease(connection, space, session_id, source)

    def read(statement: str, values: Values) -> list[LeaseSummary]:
        return [
            hold_from_row(row, source.at(space)) for row in connection.execute(statement, values)
        ]

    held = read(f"{HOLD} WHERE held = 1 AND space = ? AND session_id <> ?", (space, session_id))
    remembered = read(REMEMBERED, {"own": session_id, "space": space})
    namesakes = [] if own is not None else _namesakes(read, space, session_id, held)
    others = tuple(dict.fromkeys((*held, *remembered, *namesakes)))
    return StoreSnapshot(own, others, read_set_aside(connection, space), source.store)


def read_set_aside(connection: sqlite3.Connection, space: str) -> tuple[CooldownBlock, ...]:
    """Return every block that was set aside, also those whose time is over."""
    wanted = "SELECT start, size, until FROM set_aside WHERE space = ? ORDER BY start, until"
    rows = connection.execute(wanted, (space,))
    return tuple(CooldownBlock(PortBlock(start, size), until) for start, size, until in rows)


def _namesakes(
    read: Callable[[str, Values], list[LeaseSummary]],
    space: str,
    session_id: str,
    held: list[LeaseSummary],
) -> list[LeaseSummary]:
    """Return who is remembered by a project name that a new session would get, in turn."""
    tried: set[str] = set()
    found: list[LeaseSummary] = []
    while True:
        name = project_name(session_id, tried)
        digest = name.rpartition("-")[2]
        namesakes = read(NAMESAKES, (space, digest))
        if not namesakes and not any(hold.project.endswith(digest) for hold in held):
            return found
        found += namesakes
        tried.add(name)


def write_outcome(
    connection: sqlite3.Connection, engine: EngineIdentity, session_id: str, outcome: StoreUpdate
) -> None:
    """Write what was decided, inside the caller's transaction."""
    space = engine.space
    connection.executemany(
        "UPDATE leases SET held = 0 WHERE space = ? AND session_id = ?",
        ((space, name) for name in outcome.reclaimed),
    )
    connection.executemany(
        "UPDATE leases SET expires_at = ? WHERE space = ? AND session_id = ?",
        ((expires_at, space, name) for name, expires_at in outcome.extended),
    )
    if outcome.set_aside is not None:
        _write_set_aside(connection, space, outcome.set_aside)
    if outcome.forget:
        connection.execute(FORGET, (space, session_id))
    elif outcome.lease is not None:
        connection.execute(WRITE, (space, *to_row(outcome.lease)))
        if not engine.local:
            connection.execute(ENGINE, (engine.id, engine.name, engine.host))


def _write_set_aside(
    connection: sqlite3.Connection, space: str, blocks: tuple[CooldownBlock, ...]
) -> None:
    connection.execute("DELETE FROM set_aside WHERE space = ?", (space,))
    connection.executemany(
        "INSERT INTO set_aside (space, start, size, until) VALUES (?, ?, ?, ?)",
        ((space, each.block.start, each.block.size, each.until) for each in blocks),
    )
