"""Reads what the short ways of `composeports env` and of the git hook need; imports little.

They are for engines of this machine; whatever is on another one is left to the long way.
"""

import sqlite3

from composeports.host.clock import read_clock
from composeports.stores.sqlite_clock import note_time
from composeports.stores.sqlite_file import explain, open_existing

# start, size, project, and three JSON texts: environment, stack, place
Row = tuple[int, int, str, str, str, str]

HELD = (
    "SELECT start, size, project, environment, stack, place"
    " FROM leases WHERE space = '' AND session_id = ? AND held = 1"
)
PLACES = "SELECT DISTINCT place FROM leases WHERE space = '' AND held = 1"
RENEW = "UPDATE leases SET expires_at = ? + ttl_minutes * 60 WHERE space = '' AND session_id = ?"


def read_and_renew(path: str, session_id: str, now: float) -> Row | None:
    """Return the session's held lease, extended from `now`; None when it holds none.

    StoreBusyError comes after a quarter of a second: the long way waits, and says so.
    """
    try:
        connection = open_existing(path)
        if connection is None:
            return None
        try:
            return _renewed(connection, session_id, now)
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        raise explain(error, path) from error


def _renewed(connection: sqlite3.Connection, session_id: str, now: float) -> Row | None:
    connection.execute("BEGIN IMMEDIATE")
    note_time(connection, read_clock())
    row: Row | None = connection.execute(HELD, (session_id,)).fetchone()
    if row is not None:
        connection.execute(RENEW, (now, session_id))
    connection.execute("COMMIT")
    return row


def read_places(path: str) -> list[str]:
    """Return the place of every held lease, as the JSON text that it is kept as."""
    try:
        connection = open_existing(path)
        if connection is None:
            return []
        try:
            return [row[0] for row in connection.execute(PLACES)]
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        raise explain(error, path) from error
