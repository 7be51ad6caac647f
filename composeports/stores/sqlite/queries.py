"""The SQL statements of the SQLite store, for an open connection; no locks and no files."""

import sqlite3
from collections.abc import Callable

from composeports.core.engine_identity import THIS_MACHINE, EngineIdentity, EngineLeases
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock
from composeports.core.session import project_name
from composeports.core.snapshot import CooldownBlock, LeaseSummary, StoreSnapshot, StoreUpdate
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

LEASE = f"SELECT {', '.join(COLUMNS)} FROM leases"  # noqa: S608 - fixed column names
HOLD = f"SELECT {', '.join(HOLD_COLUMNS)} FROM leases"  # noqa: S608 - fixed column names
# One remembered session per block. The query jumps from block to block in the index, so that
# thousands of remembered sessions cost no more than a few.
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
"""  # noqa: S608 - fixed statements
# Compares only the digest, because the prefix is a setting that may change.
NAMESAKES = f"{HOLD} WHERE held = 0 AND space = ? AND substr(project, -8) = ?"
# Never OR REPLACE: it would delete the row of another session that conflicts with the new row.
WRITE = f"""
    INSERT INTO leases (space, {", ".join(COLUMNS)})
    VALUES (?, {", ".join("?" * len(COLUMNS))})
    ON CONFLICT (space, session_id) DO UPDATE SET
    {", ".join(f"{column} = excluded.{column}" for column in COLUMNS[1:])}
"""  # noqa: S608 - fixed column names

FORGET = "DELETE FROM leases WHERE space = ? AND session_id = ?"
ENGINE = "INSERT OR REPLACE INTO engines (id, name, host) VALUES (?, ?, ?)"


def read_lease(
    connection: sqlite3.Connection, space: str, session_id: str, source: RowSource
) -> Lease | None:
    """Return the session's lease, None if there is none; raise StoreError for an invalid record."""
    query = f"{LEASE} WHERE space = ? AND session_id = ?"
    row = connection.execute(query, (space, session_id)).fetchone()
    return None if row is None else from_row(row, source.at(space))


def read_held(connection: sqlite3.Connection, space: str, source: RowSource) -> list[Lease]:
    """Return every held lease, lowest block first."""
    query = f"{LEASE} WHERE held = 1 AND space = ? ORDER BY start"
    return list(from_rows(connection.execute(query, (space,)), source.at(space)))


def read_known(connection: sqlite3.Connection, space: str, source: RowSource) -> list[Lease]:
    """Return every lease, held or remembered, sorted by session id."""
    query = f"{LEASE} WHERE space = ? ORDER BY session_id"
    return list(from_rows(connection.execute(query, (space,)), source.at(space)))


def read_known_of_before(connection: sqlite3.Connection, source: RowSource) -> list[Lease]:
    """Return every lease of a store whose older format knew only one engine."""
    columns = ", ".join("''" if column == "engine" else column for column in COLUMNS)
    rows = connection.execute(f"SELECT {columns} FROM leases ORDER BY session_id")  # noqa: S608 - fixed
    return list(from_rows(rows, source))


def read_fleet(
    connection: sqlite3.Connection, own: EngineIdentity, source: RowSource
) -> list[EngineLeases]:
    """Return the held leases of this machine's engines and of each remote engine, `own` first."""
    rows = connection.execute("SELECT id, name, host FROM engines ORDER BY name, id")
    remote_engines = [EngineIdentity(id_, name, host, local=False) for id_, name, host in rows]
    local_engine = own if own.local else THIS_MACHINE
    other_engines = [
        engine for engine in (local_engine, *remote_engines) if engine.space != own.space
    ]
    return [
        EngineLeases(engine, tuple(read_held(connection, engine.space, source)))
        for engine in (own, *other_engines)
    ]


def read_snapshot(
    connection: sqlite3.Connection, space: str, session_id: str, source: RowSource
) -> StoreSnapshot:
    """Return what a decision needs: all held leases and the relevant remembered ones.

    Relevant are one session for each remembered block and, for a new session, the sessions with a
    project name that it would get.
    """
    lease = read_lease(connection, space, session_id, source)

    def read(statement: str, values: Values) -> list[LeaseSummary]:
        return [
            hold_from_row(row, source.at(space)) for row in connection.execute(statement, values)
        ]

    held_leases = read(
        f"{HOLD} WHERE held = 1 AND space = ? AND session_id <> ?", (space, session_id)
    )
    remembered_leases = read(REMEMBERED, {"own": session_id, "space": space})
    namesakes = [] if lease is not None else _namesakes(read, space, session_id, held_leases)
    other_leases = tuple(dict.fromkeys((*held_leases, *remembered_leases, *namesakes)))
    return StoreSnapshot(lease, other_leases, read_cooldowns(connection, space), source.store)


def read_cooldowns(connection: sqlite3.Connection, space: str) -> tuple[CooldownBlock, ...]:
    """Return every block in cool-down, including blocks whose cool-down is over."""
    query = "SELECT start, size, until FROM set_aside WHERE space = ? ORDER BY start, until"
    rows = connection.execute(query, (space,))
    return tuple(CooldownBlock(PortBlock(start, size), end_time) for start, size, end_time in rows)


def _namesakes(
    read: Callable[[str, Values], list[LeaseSummary]],
    space: str,
    session_id: str,
    held: list[LeaseSummary],
) -> list[LeaseSummary]:
    """Return the remembered sessions with a project name that this session would get.

    The names are tried in their order until one is free.
    """
    names: set[str] = set()
    namesakes: list[LeaseSummary] = []
    while True:
        name = project_name(session_id, names)
        digest = name.rpartition("-")[2]
        matches = read(NAMESAKES, (space, digest))
        if not matches and not any(hold.project.endswith(digest) for hold in held):
            return namesakes
        namesakes += matches
        names.add(name)


def write_outcome(
    connection: sqlite3.Connection, engine: EngineIdentity, session_id: str, outcome: StoreUpdate
) -> None:
    """Write the outcome of a decision, inside the caller's transaction."""
    space = engine.space
    connection.executemany(
        "UPDATE leases SET held = 0 WHERE space = ? AND session_id = ?",
        ((space, name) for name in outcome.reclaimed),
    )
    connection.executemany(
        "UPDATE leases SET expires_at = ? WHERE space = ? AND session_id = ?",
        ((expires_at, space, name) for name, expires_at in outcome.extended),
    )
    if outcome.cooldowns is not None:
        _write_cooldowns(connection, space, outcome.cooldowns)
    if outcome.forget:
        connection.execute(FORGET, (space, session_id))
    elif outcome.lease is not None:
        connection.execute(WRITE, (space, *to_row(outcome.lease)))
        if not engine.local:
            connection.execute(ENGINE, (engine.id, engine.name, engine.host))


def _write_cooldowns(
    connection: sqlite3.Connection, space: str, blocks: tuple[CooldownBlock, ...]
) -> None:
    connection.execute("DELETE FROM set_aside WHERE space = ?", (space,))
    connection.executemany(
        "INSERT INTO set_aside (space, start, size, until) VALUES (?, ?, ?, ?)",
        ((space, cooldown.block.start, cooldown.block.size, cooldown.until) for cooldown in blocks),
    )
