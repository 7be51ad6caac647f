"""Read and change the SQLite store without the code under test."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

STORE = "leases.sqlite3"


@dataclass(frozen=True)
class Row:
    """One row of the store."""

    session_id: str
    start: int
    size: int
    project: str
    held: bool
    ports: dict[str, int]


def rows(state: Path) -> list[Row]:
    """Return the rows of the store in a state directory; none if there is no store yet."""
    path = state / STORE
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as store:
        if not store.execute("SELECT name FROM sqlite_master WHERE name = 'leases'").fetchone():
            return []
        found = store.execute("SELECT session_id, start, size, project, held, memory FROM leases")
        return [
            Row(session_id, start, size, project, bool(held), json.loads(memory)["ports"])
            for session_id, start, size, project, held, memory in found
        ]


def change_store(state: Path, statement: str, *values: object) -> int:
    """Run one statement on the store in a state directory; return how many rows it changed."""
    with closing(sqlite3.connect(state / STORE, timeout=30)) as store, store:
        return store.execute(statement, values).rowcount


def expire_leases(state: Path, session_id: str = "") -> None:
    """Let the lease of a session expire, or those of all sessions."""
    statement = "UPDATE leases SET expires_at = 1 WHERE ? IN ('', session_id)"
    assert change_store(state, statement, session_id), f"no lease of {session_id or 'any session'}"
