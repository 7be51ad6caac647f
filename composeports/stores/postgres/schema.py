"""Create, upgrade and recognise the tables of the PostgreSQL store; leave other objects alone.

All tables are in the schema `composeports`. `space` is the id of the engine that a row belongs to.
Reading a view, or writing to a table with a trigger, runs code of other users with the rights of
the current user. So the owners are checked before any object is used.
"""

from dataclasses import dataclass

import psycopg

from composeports.stores.earlier_rows import without_protected
from composeports.stores.postgres.errors import foreign_tables_error, newer, not_owned, too_old

VERSION = 2
# Needed for pg_current_xact_id and pg_xact_status.
LOWEST_SERVER = 130000
# An advisory lock that is held while tables are created; another program is unlikely to use this
# number.
LOCK = 0x63707274

# The store's unique id. It is in the labels of every stack that a session of the store starts.
STORE = "store text NOT NULL DEFAULT pg_catalog.gen_random_uuid()::text"
# The key is a digest, because a session id may be too long for an index. `block` is start and size
# in one number, so that a query can jump from one block to the next in the index. Rows are updated
# often: `fillfactor` leaves room for that on each page, and autovacuum runs often.
TABLES = (
    f"CREATE TABLE composeports.meta (format integer NOT NULL, {STORE})",
    f"INSERT INTO composeports.meta (format) VALUES ({VERSION})",  # noqa: S608 - a fixed number
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
# The statements that upgrade a store from the version in the key to the next version.
UPGRADES: dict[int, tuple[str, ...]] = {1: (f"ALTER TABLE composeports.meta ADD COLUMN {STORE}",)}
# Leases of earlier formats may have variables that a store must not set: plans set them then.
CHECKED_SINCE = 2

FORMAT = "SELECT format FROM composeports.meta"
# The query also works with earlier formats, which do not have this column.
STORE_ID = "SELECT pg_catalog.to_jsonb(found) ->> 'store' FROM composeports.meta AS found"
# Has the type of the stored times: for two numbers of one type, only the server's own operator
# matches.
NOW = "extract(epoch FROM pg_catalog.clock_timestamp())::double precision"
# Selects one row: whether the schema exists, whether it has the table `meta`, whether it has any
# relation, and a text about the first schema, table or trigger that belongs to an untrusted role.
# Superusers and the owner of the database are trusted, because they can do everything anyway. The
# schema's owner is trusted too, except by a user who has more rights (`powerful`). The role that
# logged in counts, because other code can undo a later SET ROLE.
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
    """Raise StoreServerError if the server is too old."""
    version = connection.info.server_version
    if version < LOWEST_SERVER:
        raise too_old(url, version, LOWEST_SERVER)


def check_format(found: int, url: str) -> bool:
    """Return True if the store has this version's format; raise StoreError for a newer one."""
    if found > VERSION:
        raise newer(url, found, VERSION)
    return found == VERSION


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Whether the schema exists, and whether it has the store's tables."""

    schema: bool
    tables: bool


def read_schema_state(connection: psycopg.Connection, url: str) -> SchemaState:
    """Return what exists, without using any of the tables.

    Raise StoreError if the schema is not a lease store, or if a part of it belongs to an untrusted
    role.
    """
    row = connection.execute(LOOK, {"tables": list(NAMES)}).fetchone()
    has_schema, has_tables, has_relations, suspect = row or (False, False, False, None)
    if suspect:
        raise not_owned(url, suspect)
    if has_relations and not has_tables:
        raise foreign_tables_error(url)
    return SchemaState(has_schema, has_tables)


def read_format(connection: psycopg.Connection, url: str) -> int:
    """Return the format of the store; 0 if there is no store yet.

    Raise StoreError if the schema is not a lease store, or if a part of it belongs to an untrusted
    role.
    """
    return _format(connection, url) if read_schema_state(connection, url).tables else 0


def _format(connection: psycopg.Connection, url: str) -> int:
    try:
        rows = connection.execute(FORMAT).fetchall()
    except psycopg.errors.UndefinedColumn:
        raise foreign_tables_error(url) from None
    if len(rows) != 1 or not isinstance(rows[0][0], int):
        raise foreign_tables_error(url)
    return int(rows[0][0])


def create_or_upgrade(connection: psycopg.Connection, url: str) -> int:
    """Create what is missing, in one transaction; return the previous format, 0 for no store.

    Several processes may call this at the same time: they wait for the first one. Objects of other
    programs and stores of a newer version are never changed; StoreError is raised instead.
    """
    connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
    try:
        connection.execute("SELECT pg_catalog.pg_advisory_xact_lock(%s)", (LOCK,))
        state = read_schema_state(connection, url)
        old_format = _format(connection, url) if state.tables else 0
        if old_format:
            check_format(old_format, url)
        if not state.schema:
            connection.execute(SCHEMA)
        for statement in _statements(old_format):
            connection.execute(statement)
        if 0 < old_format < CHECKED_SINCE:
            _drop_protected(connection)
        connection.execute("COMMIT")
    except BaseException:
        if not connection.closed:
            connection.execute("ROLLBACK")
        raise
    return old_format


def _drop_protected(connection: psycopg.Connection) -> None:
    """Remove variables that control other programs from the leases of earlier versions.

    Plans of these versions set such variables.
    """
    rows = connection.execute("SELECT space, key, environment FROM composeports.leases").fetchall()
    for space, key, text in rows:
        clean_text = without_protected(text)
        if clean_text != text:
            statement = (
                "UPDATE composeports.leases SET environment = %s WHERE space = %s AND key = %s"
            )
            connection.execute(statement, (clean_text, space, key))


def _statements(before: int) -> tuple[str, ...]:
    """Return the statements that upgrade the format `before`, or create the tables for 0."""
    if not before:
        return TABLES
    statements: tuple[str, ...] = ()
    for version in range(before, VERSION):
        statements += UPGRADES[version]
    update = f"UPDATE composeports.meta SET format = {VERSION}"  # noqa: S608 - a fixed number
    return (*statements, update) if statements else ()
