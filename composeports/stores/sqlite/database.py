"""The SQLite file: its format, opening and upgrading it, and the meaning of its errors.

The module never writes to a file that is not a lease store of a version it knows. It imports few
modules, to keep `composeports env` fast.
"""

import os
import sqlite3
from contextlib import suppress

from composeports.errors import ComposeportsError, StoreBusyError, StoreError
from composeports.host.state_directory import file_mode, prepare_folder, refuse_unsafe

APPLICATION_ID = 0x63707274
VERSION = 4
# SQLite stops waiting for a lock after this time. A caller that waits longer tries again, so that
# Ctrl-C has an effect in between.
LOCK_SECONDS = 0.25

SINCE_2 = (
    "CREATE TABLE set_aside (start INTEGER NOT NULL, size INTEGER NOT NULL, until REAL NOT NULL)",
    # One row: the readings of the clocks at a write to the store.
    "CREATE TABLE clock (boot TEXT NOT NULL, wall REAL NOT NULL, steady REAL NOT NULL)",
)
# `space` says which engine the ports belong to: empty for this machine's engines, else the id of a
# remote engine. `block` is start and size in one number, so that SQLite can jump from one block to
# the next in the index.
LEASES = (
    """
    CREATE TABLE leases (
        space TEXT NOT NULL DEFAULT '',
        session_id TEXT NOT NULL,
        start INTEGER NOT NULL,
        size INTEGER NOT NULL,
        project TEXT NOT NULL,
        held INTEGER NOT NULL CHECK (held IN (0, 1)),
        allocated_at REAL NOT NULL,
        expires_at REAL NOT NULL,
        ttl_minutes INTEGER NOT NULL,
        engine TEXT NOT NULL DEFAULT '',
        pins TEXT NOT NULL,
        subnets TEXT NOT NULL,
        environment TEXT NOT NULL,
        stack TEXT NOT NULL,
        memory TEXT NOT NULL,
        place TEXT NOT NULL,
        block INTEGER GENERATED ALWAYS AS (start * 65536 + size) VIRTUAL,
        PRIMARY KEY (space, session_id)
    )
    """,
)
INDEXES = (
    "CREATE UNIQUE INDEX held_start ON leases (space, start) WHERE held = 1",
    "CREATE UNIQUE INDEX held_project ON leases (space, project) WHERE held = 1",
    "CREATE INDEX remembered_block ON leases (space, block) WHERE held = 0",
    "CREATE INDEX remembered_digest ON leases (space, substr(project, -8)) WHERE held = 0",
)
KEPT = (
    "session_id, start, size, project, held, allocated_at, expires_at, ttl_minutes,"
    " pins, subnets, environment, stack, memory, place"
)
SINCE_3 = (
    "ALTER TABLE leases RENAME TO earlier_leases",
    *LEASES,
    f"INSERT INTO leases ({KEPT}) SELECT {KEPT} FROM earlier_leases",  # noqa: S608 - fixed names
    "DROP TABLE earlier_leases",
    *INDEXES,
    "ALTER TABLE set_aside ADD COLUMN space TEXT NOT NULL DEFAULT ''",
    # The remote engines that leases belong to.
    "CREATE TABLE engines (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, host TEXT NOT NULL)",
)
# One row: the store's unique id. It is in the labels of every stack that a session of the store
# starts.
SINCE_4 = (
    "CREATE TABLE store (id TEXT NOT NULL)",
    "INSERT INTO store VALUES (lower(hex(randomblob(16))))",
)
# The statements that upgrade a store from the version in the key to the next version.
UPGRADES = {1: SINCE_2, 2: SINCE_3, 3: SINCE_4}
# Leases of earlier formats may have variables that a store must not set: plans set them then.
CHECKED_SINCE = 4

SCHEMA = (
    *LEASES,
    *INDEXES,
    *SINCE_2,
    *SINCE_3[-2:],
    *SINCE_4,
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)

ELSEWHERE = "or set COMPOSEPORTS_STORE to another file (sqlite:///...)"
MOVE_AWAY = (
    "end the stacks that run and move the file away, with its -wal and -shm; "
    f"the next `composeports up` makes a new one; {ELSEWHERE}"
)
# By SQLite's primary result codes (https://www.sqlite.org/rescode.html).
MEANINGS = {
    sqlite3.SQLITE_FULL: ("has no space left on its disk", "free some space there, then try again"),
    sqlite3.SQLITE_READONLY: ("is read-only", f"make it and its folder writable, {ELSEWHERE}"),
    sqlite3.SQLITE_PERM: ("may not be opened", f"make it readable and writable, {ELSEWHERE}"),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        f"check the path and its permissions, {ELSEWHERE}",
    ),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", f"check its disk, {ELSEWHERE}"),
    sqlite3.SQLITE_NOTADB: ("is not a database", MOVE_AWAY),
}
DAMAGED = ("is damaged", MOVE_AWAY)
# SQLite's codes if its files for shared memory and for the log cannot grow or cannot be created.
NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
# A disk with fewer free bytes counts as full: shared memory alone takes half of this number.
LEAST_SPACE = 65536


class ExclusiveConnection(sqlite3.Connection):
    """A connection for one read of a store on a full disk; it locks out all other processes."""


def is_busy(error: sqlite3.Error) -> bool:
    """Return True if the error only means that another process holds a lock."""
    return _primary(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def is_unwritable(error: sqlite3.Error) -> bool:
    """Return True if the store can only be read: locked, read-only, or on a full disk."""
    return is_busy(error) or _primary(error) in {*NO_ROOM, sqlite3.SQLITE_READONLY}


def explain(error: sqlite3.Error | OSError, path: str) -> ComposeportsError:
    """Return the error to raise for an error of SQLite or of the file system.

    All these errors are translated here.
    """
    if isinstance(error, OSError):
        reason = f"cannot be used: {error.strerror or error} ({error.filename or path})"
        hint = f"check the path and its permissions, {ELSEWHERE}"
        return StoreError(f"the lease store {path} {reason}", hint=hint, path=path)
    if is_busy(error):
        return busy(path)
    meaning, hint = MEANINGS.get(_by_its_disk(error, path), DAMAGED)
    return StoreError(f"the lease store {path} {meaning} ({error})", hint=hint, path=path)


def busy(path: str) -> StoreBusyError:
    """Return the error for a write lock that another process holds for too long."""
    return StoreBusyError(
        f"the lease store {path} is locked: something else has been writing to it for too long",
        hint=f"try again; `fuser '{path}'` names the processes that have it open",
        path=path,
    )


def _primary(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _by_its_disk(error: sqlite3.Error, path: str) -> int:
    """Return SQLite's primary code, or the clearer code for a disk that is full or read-only."""
    code = _primary(error)
    if code not in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
        return code
    try:
        disk = os.statvfs(os.path.dirname(path))
    except OSError:
        return code
    if disk.f_flag & os.ST_RDONLY:
        return sqlite3.SQLITE_READONLY
    has_no_files = bool(disk.f_files and not disk.f_favail)
    is_full = disk.f_bavail * disk.f_frsize < LEAST_SPACE or has_no_files
    return sqlite3.SQLITE_FULL if is_full else code


def open_existing(path: str) -> sqlite3.Connection | None:
    """Open the store and upgrade an older format; return None if there is no store yet.

    It never creates a store.
    """
    if not _exists(path):
        return None
    connection = open_as_it_is(path)
    try:
        if connection is not None:
            _upgrade(connection)
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return connection


def _exists(path: str) -> bool:
    """Return True if the store's file exists.

    Raise StoreError if its folder is unsafe, if the path is a link to a file that does not exist,
    or if the file is empty and its log is not.
    """
    try:
        _refuse_unsafe(path)
        file_status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not file_status.st_size and _size(f"{path}-wal"):
        raise StoreError(
            f"the lease store {path} is damaged (it is empty, and its log {path}-wal is not)",
            hint=MOVE_AWAY,
            path=path,
        )
    return True


def _refuse_unsafe(path: str) -> None:
    refuse_unsafe(os.path.dirname(path))
    if os.path.islink(path) and not os.path.exists(path):
        target = os.path.join(os.path.dirname(path), os.readlink(path))
        raise StoreError(
            f"the lease store {path} is a link to {target}, which does not exist",
            hint=f"mount its disk or remove the link, {ELSEWHERE}",
            path=path,
        )


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def open_as_it_is(path: str) -> sqlite3.Connection | None:
    """Open the store without upgrading an older format; return None if there is no store yet."""
    if not _exists(path):
        return None
    try:
        return _only_store(_connect(path), path)
    except sqlite3.OperationalError as error:
        if _primary(error) not in NO_ROOM:
            raise
        connection = _open_without_room(path)
        if connection is None:
            raise
        return connection


def _open_without_room(path: str) -> sqlite3.Connection | None:
    """Open the store for reading on a disk without room for shared memory; None if that fails.

    The log is read as always (https://www.sqlite.org/wal.html#noshm). An empty log does not even
    have to be created.
    """
    queries = ["mode=rw"] if _size(f"{path}-wal") else ["mode=rw", "immutable=1"]
    for query in queries:
        with suppress(sqlite3.OperationalError):
            return _only_store(_connect(path, query, exclusive=True), path)
    return None


def _only_store(connection: sqlite3.Connection, path: str) -> sqlite3.Connection | None:
    try:
        if is_store(connection, path):
            return connection
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def is_store(connection: sqlite3.Connection, path: str) -> bool:
    """Return True for a store, False for an empty database; raise StoreError for anything else."""
    application, version, tables = _marks(connection)
    if application == APPLICATION_ID and (version == VERSION or version in UPGRADES):
        return True
    if application == APPLICATION_ID and version > VERSION:
        raise _newer(version, path)
    if application or version or tables:
        raise StoreError(
            f"{path} is a SQLite database of something else, not a lease store",
            hint="set COMPOSEPORTS_STORE to a file of its own (sqlite:///...)",
            path=path,
        )
    return False


def refuse_newer(connection: sqlite3.Connection, path: str) -> None:
    """Raise StoreError if a newer composeports has upgraded the store since it was opened."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise _newer(version, path)


def _newer(version: int, path: str) -> StoreError:
    return StoreError(
        f"the lease store {path} has format {version}, of a newer composeports; "
        f"this one knows format {VERSION}",
        hint=f"upgrade composeports, {ELSEWHERE}",
        path=path,
    )


def _marks(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return application id, version and number of tables, read in one transaction.

    If they were read one by one, a store that another process is creating would look like a
    database of another program.
    """
    own_transaction = not connection.in_transaction
    if own_transaction:
        connection.execute("BEGIN")
    try:
        ((application,),) = connection.execute("PRAGMA application_id")
        ((version,),) = connection.execute("PRAGMA user_version")
        ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master")
    finally:
        if own_transaction and connection.in_transaction:
            connection.execute("ROLLBACK")
    return application, version, tables


def open_or_create(path: str) -> sqlite3.Connection:
    """Open the store and create what is missing; safe if many processes do so at once."""
    _create_file(path)
    connection = _connect(path)
    try:
        if not is_store(connection, path):
            _create_tables(connection, path)
        _upgrade(connection)
        # The file keeps this mode. It is set again because the process that created the file may
        # have been killed before this statement.
        connection.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: str, query: str = "mode=rw", *, exclusive: bool = False) -> sqlite3.Connection:
    quoted_path = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    connection = sqlite3.connect(
        f"file://{quoted_path}?{query}",
        uri=True,
        timeout=LOCK_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        factory=ExclusiveConnection if exclusive else sqlite3.Connection,
    )
    if exclusive:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    else:
        connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _create_file(path: str) -> None:
    """Create the folder and an empty file, which SQLite treats as an empty database."""
    folder = os.path.dirname(path)
    prepare_folder(folder)
    if _exists(path):
        return
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        os.fchmod(descriptor, file_mode(os.stat(folder).st_mode))
    finally:
        os.close(descriptor)


def _create_tables(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not is_store(connection, path):
            for statement in SCHEMA:
                connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _upgrade(connection: sqlite3.Connection) -> None:
    """Upgrade a store of an older version to this version in one transaction; keep its leases."""
    if _version(connection) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        while (version := _version(connection)) in UPGRADES:
            for statement in UPGRADES[version]:
                connection.execute(statement)
            if version + 1 == CHECKED_SINCE:
                _drop_protected(connection)
            connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _drop_protected(connection: sqlite3.Connection) -> None:
    """Remove variables that control other programs from the leases of earlier versions.

    Plans of these versions set such variables.
    """
    from composeports.stores.earlier_rows import without_protected  # noqa: PLC0415 - seldom needed

    rows = connection.execute("SELECT rowid, environment FROM leases").fetchall()
    connection.executemany(
        "UPDATE leases SET environment = ? WHERE rowid = ?",
        [
            (clean_text, row)
            for row, text in rows
            if (clean_text := without_protected(text)) != text
        ],
    )


def read_store_id(connection: sqlite3.Connection, path: str) -> str:
    """Return the store's unique id; raise StoreError if it is missing or invalid."""
    rows = connection.execute("SELECT id FROM store").fetchall()
    if len(rows) == 1 and is_store_id(rows[0][0]):
        return str(rows[0][0])
    raise StoreError(f"the lease store {path} is damaged (it has lost its id)", hint=MOVE_AWAY)


def is_store_id(text: object) -> bool:
    """Return True if `text` has the form of a store's id: letters, digits and dashes."""
    return isinstance(text, str) and text.isascii() and text.replace("-", "").isalnum()


def _version(connection: sqlite3.Connection) -> int:
    ((version,),) = connection.execute("PRAGMA user_version")
    return int(version)
