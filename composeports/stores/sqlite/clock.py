"""The store's record of the clocks; with it, lease times are corrected if the clock was set."""

import sqlite3

from composeports.core.clock import ClockReading, is_current, jump

MOVES = (
    "UPDATE leases SET expires_at = expires_at + ? WHERE held = 1",
    "UPDATE set_aside SET until = until + ?",
)
RECORD = "SELECT boot, wall, steady FROM clock"


def note_time(connection: sqlite3.Connection, now: ClockReading) -> None:
    """Move the end times of held leases and cool-downs with a wall clock that was set.

    Then renew the record of the clocks. Call this in a write transaction.
    """
    record = _record(connection)
    if is_current(record, now):
        return
    shift = jump(record, now)
    if shift:
        for statement in MOVES:
            connection.execute(statement, (shift,))
    connection.execute("DELETE FROM clock")
    connection.execute("INSERT INTO clock VALUES (?, ?, ?)", (now.boot, now.wall, now.steady))


def jump_since_written(connection: sqlite3.Connection, now: ClockReading) -> float:
    """Return by how many seconds `note_time` would move the times; 0 if the clock was not set."""
    return jump(_record(connection), now)


def _record(connection: sqlite3.Connection) -> ClockReading | None:
    row = connection.execute(RECORD).fetchone()
    return None if row is None else ClockReading(*row)
