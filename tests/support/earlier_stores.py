"""Stores in the format of earlier versions, made from a store of the current version."""

import sqlite3
from contextlib import closing
from pathlib import Path

COLUMNS = (
    "session_id, start, size, project, held, allocated_at, expires_at, ttl_minutes,"
    " pins, subnets, environment, stack, memory, place"
)
LEASES = """
    CREATE TABLE leases (
        session_id TEXT PRIMARY KEY NOT NULL,
        start INTEGER NOT NULL,
        size INTEGER NOT NULL,
        project TEXT NOT NULL,
        held INTEGER NOT NULL CHECK (held IN (0, 1)),
        allocated_at REAL NOT NULL,
        expires_at REAL NOT NULL,
        ttl_minutes INTEGER NOT NULL,
        pins TEXT NOT NULL,
        subnets TEXT NOT NULL,
        environment TEXT NOT NULL,
        stack TEXT NOT NULL,
        memory TEXT NOT NULL,
        place TEXT NOT NULL,
        block INTEGER GENERATED ALWAYS AS (start * 65536 + size) VIRTUAL
    )
"""
INDEXES = (
    "CREATE UNIQUE INDEX held_start ON leases (start) WHERE held = 1",
    "CREATE UNIQUE INDEX held_project ON leases (project) WHERE held = 1",
    "CREATE INDEX remembered_block ON leases (block) WHERE held = 0",
    "CREATE INDEX remembered_digest ON leases (substr(project, -8)) WHERE held = 0",
)
SINCE_2 = (
    "CREATE TABLE set_aside (start INTEGER NOT NULL, size INTEGER NOT NULL, until REAL NOT NULL)",
    "CREATE TABLE clock (boot TEXT NOT NULL, wall REAL NOT NULL, steady REAL NOT NULL)",
)


def as_of_version(path: Path, version: int) -> None:
    """Convert the store at `path` to format 1, 2 or 3, and keep its leases.

    The first one knew neither blocks set aside nor a record of the time, the first two are of one
    engine alone, and none has an id.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE store")
        if version > 2:
            connection.execute(f"PRAGMA user_version = {version}")
            return
        rows = connection.execute(f"SELECT {COLUMNS} FROM leases").fetchall()
        for table in ("leases", "set_aside", "clock", "engines"):
            connection.execute(f"DROP TABLE {table}")
        for statement in (LEASES, *INDEXES, *(SINCE_2 if version > 1 else ())):
            connection.execute(statement)
        marks = ", ".join("?" * len(COLUMNS.split(",")))
        connection.executemany(f"INSERT INTO leases ({COLUMNS}) VALUES ({marks})", rows)
        connection.execute(f"PRAGMA user_version = {version}")
