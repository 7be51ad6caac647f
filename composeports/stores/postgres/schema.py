"""The tables of the PostgreSQL store: made, upgraded and recognised; what else is there is left.

All is in the schema `composeports`. `space` is the id of the engine that a row is about. Reading a
view and writing to a table with a trigger run code of others with the reader's rights: whose they
are is asked before they are touched.
"""

from dataclasses import dataclass

import psycopg

from composeports.stores.earlier_rows import without_protected
from composeports.stores.postgres.errors import foreign_tables_error, newer, not_owned, too_old

VERSION = 2
# For pg_current_xact_id and pg_xact_status.
LOWEST_SERVER = 130000
# Any number that nobody else is likely to take; it is held while tables are made.
LOCK = 0x63707274

# What tells this store from every other one, in the labels of what its sessions start.
STORE = "store text NOT NULL DEFAULT pg_catalog.gen_random_uuid()::text"
# The key is a digest, since an index takes no text as long as a session id may be. `block` is one
# number for start and size, so that an index is left in jumps from one to the next. Rows are
# updated all the time, for which there is room beside them, and tidied up often.
TABLES = (
    f"CREATE TABLE composeports.meta (format integer NOT NULL, {STORE})",
    f"INSERT INTO composeports.meta (format) VALUES ({VERSION})",  # noqa: S608 - a number of ours
    """
    CREATE TABLE composeports.engines (
        space text PRIMARY KEY,
        name text NOT NULL,
        host text NOT NULL,
        seen double precision NOT NULL
    )
    """,
    """
    CREATE TABLE composeports.leases (
        space text NOT NULL,
        key text NOT NULL,
        session_id text NOT NULL,
        start integer NOT NULL,
        size integer NOT NULL,
        project text NOT NULL,
        held boolean NOT NULL,
        allocated_at double precision NOT NULL,
        expires_at double precision NOT NULL,
        ttl_minutes integer NOT NULL,
        engine text NOT NULL,
        pins text NOT NULL,
        subnets text NOT NULL,
        environment text NOT NULL,
        stack text NOT NULL,
        memory text NOT NULL,
        place text NOT NULL,
        block bigint GENERATED ALWAYS AS (start::bigint * 65536 + size) STORED,
        PRIMARY KEY (space, key)
    ) WITH (
        fillfactor = 50,
        autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_threshold = 500,
        autovacuum_analyze_scale_factor = 0.2
    )
    """,
    "CREATE UNIQUE INDEX held_start ON composeports.leases (space, start) WHERE held",
    "CREATE UNIQUE INDEX held_project ON composeports.leases (space, project) WHERE held",
    "CREATE INDEX remembered_block ON composeports.leases (space, block) WHERE NOT held",
    """
    CREATE INDEX remembered_digest
    ON composeports.leases ((pg_catalog."right"(project, 8) || space)) WHERE NOT held
    """,
    """
    CREATE TABLE composeports.set_aside (
        space text NOT NULL,
        start integer NOT NULL,
        size integer NOT NULL,
        until double precision NOT NULL
    )
    """,
    "CREATE INDEX set_aside_space ON composeports.set_aside (space)",
)
SCHEMA = "CREATE SCHEMA composeports"
NAMES = ("meta", "engines", "leases", "set_aside")
# What makes a store of the version before one of this version.
UPGRADES: dict[int, tuple[str, ...]] = {1: (f"ALTER TABLE composeports.meta ADD COLUMN {STORE}",)}
# Before this one, plans set variables that no store may set.
CHECKED_SINCE = 2

FORMAT = "SELECT format FROM composeports.meta"
# The same question is asked of earlier formats, which have no such column.
STORE_ID = "SELECT pg_catalog.to_jsonb(found) ->> 'store' FROM composeports.meta AS found"
# Of the type that times are kept in: numbers of one type have one operator, the server's own.
NOW = "extract(epoch FROM pg_catalog.clock_timestamp())::double precision"
# One row: is there a schema, are there tables, what else is there, and what of it belongs to a role
# that this user need not trust. Superusers and the database's owner can do as they like anyway; the
# owner of the schema can do so to its members, and must not to a user who has more rights. A user
# who has taken another role can be made to leave it: the one who logged in counts.
LOOK = """
    WITH own AS (
        SELECT r.oid, d.datdba,
            r.rolsuper OR r.rolcreaterole OR pg_catalog.pg_has_role(r.oid, d.datdba, 'MEMBER')
            AS powerful
        FROM pg_catalog.pg_roles AS r CROSS JOIN pg_catalog.pg_database AS d
        WHERE r.rolname = session_user AND d.datname = pg_catalog.current_database()
    ), schema AS (
        SELECT n.oid, n.nspowner FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'composeports'
    ), relation AS (
        SELECT c.oid, c.relname, c.relowner
        FROM pg_catalog.pg_class AS c JOIN schema AS s ON s.oid = c.relnamespace
    ), part AS (
        SELECT 1 AS rank, 'the schema composeports' AS name, s.nspowner AS role FROM schema AS s
        UNION ALL
        SELECT 2, 'composeports.' || r.relname::text, r.relowner
        FROM relation AS r WHERE r.relname::text = ANY (%(tables)s::text[])
        UNION ALL
        SELECT 3, 'the trigger ' || t.tgname::text || ' of composeports.' || r.relname::text,
            p.proowner
        FROM pg_catalog.pg_trigger AS t
        JOIN relation AS r ON r.oid = t.tgrelid JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
        WHERE NOT t.tgisinternal
    ), suspect AS (
        SELECT p.name || ' belongs to the role ' || r.rolname::text AS said
        FROM part AS p CROSS JOIN own JOIN pg_catalog.pg_roles AS r ON r.oid = p.role
        WHERE NOT (r.rolsuper OR r.oid = own.oid OR r.oid = own.datdba)
        AND (own.powerful OR NOT EXISTS (SELECT FROM schema AS s WHERE s.nspowner = r.oid))
        ORDER BY p.rank, said LIMIT 1
    )
    SELECT EXISTS (SELECT FROM schema),
        EXISTS (SELECT FROM relation AS r WHERE r.relname = 'meta'),
        EXISTS (SELECT FROM relation),
        (SELECT said FROM suspect)
"""


def check_server(connection: psycopg.Connection, url: str) -> None:
    """Do nothing but raise StoreServerError for a server that is too old."""
    version = connection.info.server_version
    if version < LOWEST_SERVER:
        raise too_old(url, version, LOWEST_SERVER)


def check_format(found: int, url: str) -> bool:
    """Tell whether a store has this version's format; StoreError for a newer one."""
    if found > VERSION:
        raise newer(url, found, VERSION)
    return found == VERSION


@dataclass(frozen=True, slots=True)
class SchemaState:
    """What there is before anything of it is touched: the schema, and tables of ours in it."""

    schema: bool
    tables: bool


def read_schema_state(connection: psycopg.Connection, url: str) -> SchemaState:
    """Return what there is; StoreError for what is no store, or belongs to a role not to trust."""
    row = connection.execute(LOOK, {"tables": list(NAMES)}).fetchone()
    schema, tables, others, suspect = row or (False, False, False, None)
    if suspect:
        raise not_owned(url, suspect)
    if others and not tables:
        raise foreign_tables_error(url)
    return SchemaState(schema, tables)


def read_format(connection: psycopg.Connection, url: str) -> int:
    """Return the format of the store, 0 where there is none yet; StoreError for anything else."""
    return _format(connection, url) if read_schema_state(connection, url).tables else 0


def _format(connection: psycopg.Connection, url: str) -> int:
    try:
        found = connection.execute(FORMAT).fetchall()
    except psycopg.errors.UndefinedColumn:
        raise foreign_tables_error(url) from None
    if len(found) != 1 or not isinstance(found[0][0], int):
        raise foreign_tables_error(url)
    return int(found[0][0])


def create_or_upgrade(connection: psycopg.Connection, url: str) -> int:
    """Make what is missing, in one step; return the format that was there before.

    Many may do so at the same instant: they wait for the first one. Nothing of somebody else's,
    and of a newer version, is changed.
    """
    connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
    try:
        connection.execute("SELECT pg_catalog.pg_advisory_xact_lock(%s)", (LOCK,))
        seen = read_schema_state(connection, url)
        before = _format(connection, url) if seen.tables else 0
        if before:
            check_format(before, url)
        if not seen.schema:
            connection.execute(SCHEMA)
        for statement in _statements(before):
            connection.execute(statement)
        if 0 < before < CHECKED_SINCE:
            _drop_protected(connection)
        connection.execute("COMMIT")
    except BaseException:
        if not connection.closed:
            connection.execute("ROLLBACK")
        raise
    return before


def _drop_protected(connection: psycopg.Connection) -> None:
    """Take variables that programs obey out of the leases of earlier versions, which set them."""
    rows = connection.execute("SELECT space, key, environment FROM composeports.leases").fetchall()
    for space, key, text in rows:
        after = without_protected(text)
        if after != text:
            changed = (
                "UPDATE composeports.leases SET environment = %s WHERE space = %s AND key = %s"
            )
            connection.execute(changed, (after, space, key))


def _statements(before: int) -> tuple[str, ...]:
    """Return what makes a store of this version of one of that version; of none for 0."""
    if not before:
        return TABLES
    found: tuple[str, ...] = ()
    for version in range(before, VERSION):
        found += UPGRADES[version]
    done = f"UPDATE composeports.meta SET format = {VERSION}"  # noqa: S608 - a number of ours
    return (*found, done) if found else ()
