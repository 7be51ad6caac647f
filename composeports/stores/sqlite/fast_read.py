"""Read what the fast paths of `composeports env` and of the git hook need, with few imports.

The fast paths are only for engines of this machine; the normal path handles remote engines.
"""

import json
import sqlite3

from composeports.core.lease_check import (
    check_block,
    check_environment,
    check_flags,
    check_place,
    check_project,
    check_stack,
    check_times,
)
from composeports.host.clock import read_clock
from composeports.stores.sqlite.clock import note_time
from composeports.stores.sqlite.database import (
    explain,
    is_unwritable,
    open_as_it_is,
    open_existing,
)

TYPE_CHECKING = False  # importing `typing` takes 4 ms
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    # start, size, project, and the values of three JSON texts: environment, stack, place
    Row: TypeAlias = tuple[int, int, str, list[list[str]], dict[str, Any], dict[str, str]]

HELD = (
    "SELECT start, size, project, expires_at, ttl_minutes, environment, stack, place,"
    " CASE WHEN instr(memory, '\"unused\"') THEN memory ELSE '{}' END"
    " FROM leases WHERE space = '' AND session_id = ? AND held = 1"
)
PLACES = "SELECT session_id, project, place FROM leases WHERE space = '' AND held = 1"
PROJECT = "SELECT project FROM leases WHERE space = '' AND session_id = ?"
RENEW = "UPDATE leases SET expires_at = ? + ttl_minutes * 60 WHERE space = '' AND session_id = ?"
USE = "UPDATE leases SET memory = ? WHERE space = '' AND session_id = ?"


def read_and_renew(path: str, session_id: str, now: float) -> "Row | None":
    """Return the session's held lease, extended from `now`; None if it holds none.

    A lease of the git hook counts as used from now on. `now` is in seconds since the epoch. If the
    store cannot be written to within a quarter of a second, the lease is returned but not extended;
    an unused one, which another session may take, is not returned. An invalid record raises an
    error of any class and is not extended; the normal path then reports it. Errors of SQLite and of
    the file system are raised as StoreError.
    """
    try:
        connection = open_existing(path)
        if connection is None:
            return None
        try:
            return _renewed(connection, session_id, now)
        except sqlite3.OperationalError as error:
            if not is_unwritable(error):
                raise
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            row, unused_memory = _found(connection, session_id)
            return None if unused_memory else row
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        raise explain(error, path) from error


def _renewed(connection: sqlite3.Connection, session_id: str, now: float) -> "Row | None":
    connection.execute("BEGIN IMMEDIATE")
    note_time(connection, read_clock())
    row, unused_memory = _found(connection, session_id)
    if row is not None:
        connection.execute(RENEW, (now, session_id))
    if unused_memory:
        del unused_memory["unused"]
        connection.execute(USE, (json.dumps(unused_memory), session_id))
    connection.execute("COMMIT")
    return row


def _found(
    connection: sqlite3.Connection, session_id: str
) -> "tuple[Row | None, dict[str, object]]":
    """Return the session's held lease, and its `memory` if no command has used the lease yet."""
    row = connection.execute(HELD, (session_id,)).fetchone()
    if row is None:
        return None, {}
    *values, text = row
    memory = json.loads(text)
    is_unused = memory.get("unused", False)
    check_flags("unused", is_unused)
    return _sound(session_id, *values), memory if is_unused else {}


def _sound(  # noqa: PLR0913, PLR0917 - the columns of a row
    session_id: str,
    start: int,
    size: int,
    project: str,
    expires_at: float,
    ttl_minutes: int,
    *texts: str,
) -> "Row":
    """Return the parsed row; raise an error if composeports cannot have written it."""
    environment, stack, place = map(json.loads, texts)
    check_project(session_id, project, place["machine"])
    check_block(start, size)
    check_times(0, expires_at, ttl_minutes)
    check_environment(environment)
    check_stack(stack["files"], stack["env_files"], stack["profiles"])
    check_place(**place)
    return start, size, project, environment, stack, place


def read_project(path: str, session_id: str) -> str | None:
    """Return the project name in the session's record, held or released; None without a record.

    Raise ValueError if the name is not the session's. Errors of SQLite and of the file system are
    raised as StoreError.
    """
    try:
        connection = open_as_it_is(path)
        if connection is None:
            return None
        try:
            row = connection.execute(PROJECT, (session_id,)).fetchone()
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        raise explain(error, path) from error
    if row is not None:
        check_project(session_id, row[0], "")
    return row and str(row[0])


def read_places(path: str) -> "list[dict[str, str]]":
    """Return the worktree location of every held lease whose project belongs to its session.

    Invalid records are skipped. Errors of SQLite and of the file system are raised as StoreError.
    """
    try:
        connection = open_existing(path)
        if connection is None:
            return []
        try:
            return list(_places(connection))
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        raise explain(error, path) from error


def _places(connection: sqlite3.Connection) -> "Iterator[dict[str, str]]":
    for session_id, project, text in connection.execute(PLACES):
        try:
            place = json.loads(text)
            check_place(**place)
            check_project(session_id, project, place["machine"])
        except (AttributeError, KeyError, TypeError, ValueError):
            continue  # other commands report it
        yield place
