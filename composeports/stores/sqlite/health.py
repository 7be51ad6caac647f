"""Examine a SQLite store without changing it: integrity, format, write access, leases."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from composeports.core.lease import Lease
from composeports.errors import ComposeportsError
from composeports.stores.rows import RowSource
from composeports.stores.sqlite.database import explain, open_as_it_is
from composeports.stores.sqlite.queries import read_known, read_known_of_before

SPACES_SINCE = 3
WHOLE = "ok"


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a store.

    `format` is 0 if there is no store yet. `damage` has the lines of SQLite's integrity check that
    report an error. `trouble` is the error that commands would raise. `refused` has one line for
    each invalid record.
    """

    format: int = 0
    damage: tuple[str, ...] = ()
    leases: tuple[Lease, ...] = ()
    trouble: ComposeportsError | None = None
    refused: tuple[str, ...] = ()


def examine(path: str, space: str = "", machine: Callable[[], str] = lambda: "") -> Health:
    """Examine every page of the store; an older format is not upgraded.

    `space` selects the leases: empty for this machine's, else the id of a remote engine. `machine`
    returns the name of this machine in shared stores.
    """
    try:
        connection = open_as_it_is(path)
        if connection is None:
            return Health()
        with closing(connection):
            return _examined(connection, path, space, machine)
    except (sqlite3.Error, OSError) as error:
        return Health(trouble=explain(error, path))
    except ComposeportsError as error:
        return Health(trouble=error)


def _examined(
    connection: sqlite3.Connection, path: str, space: str, machine: Callable[[], str]
) -> Health:
    ((version,),) = connection.execute("PRAGMA user_version")
    try:
        lines = tuple(str(line) for (line,) in connection.execute("PRAGMA quick_check"))
    except sqlite3.DatabaseError as error:
        lines = (str(error),)
    damage = tuple(line for line in lines if line != WHOLE)
    warnings: list[str] = []
    source = RowSource(path, "leases", "", machine, warnings.append)
    try:
        if version < SPACES_SINCE:
            leases = tuple(read_known_of_before(connection, source))
        else:
            leases = tuple(read_known(connection, space, source))
        connection.execute("BEGIN IMMEDIATE")  # fails if the store cannot be written to
        connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        return Health(version, damage, trouble=None if damage else explain(error, path))
    return Health(version, damage, leases, refused=tuple(warnings))
