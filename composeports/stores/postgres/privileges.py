"""Check the rights on a PostgreSQL store: which a user lacks, and which no user needs."""

from composeports.stores.postgres.connection import TimeLimitedConnection
from composeports.stores.postgres.schema import NAMES

# Selects the rights that a user of the store needs and this user does not have. Every user changes
# all tables except `meta`, which users only read.
LACKING = """
    SELECT c.relname, wanted.name
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN pg_catalog.unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS wanted (name)
    WHERE n.nspname = 'composeports' AND c.relname::text = ANY (%(tables)s::text[])
        AND (c.relname <> 'meta' OR wanted.name = 'SELECT')
        AND NOT pg_catalog.has_table_privilege(c.oid, wanted.name)
    ORDER BY 1, 2
"""
MAY_CREATE = """
    SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
"""
# Selects REVOKE statements for rights with which another user could do harm: create an object that
# is found by its unqualified name, replace a table of the store, add a trigger. The owner of an
# object, the owner of the database and superusers need no grant.
EXCESS = """
    WITH part AS (
        SELECT 1 AS rank, 'SCHEMA ' || n.nspname::text AS name, n.nspowner AS owner,
            n.nspacl AS acl, ARRAY['USAGE'] AS needed
        FROM pg_catalog.pg_namespace AS n WHERE n.nspname IN ('public', 'composeports')
        UNION ALL
        SELECT 2, 'composeports.' || c.relname::text, c.relowner, c.relacl,
            CASE WHEN c.relname = 'meta' THEN ARRAY['SELECT']
            ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] END
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'composeports' AND c.relname::text = ANY (%(tables)s::text[])
    ), given AS (
        SELECT p.rank, p.name, p.owner, g.grantee, g.privilege_type AS what, p.needed
        FROM part AS p CROSS JOIN LATERAL pg_catalog.aclexplode(p.acl) AS g
    )
    SELECT 'REVOKE ' || pg_catalog.string_agg(g.what, ', ' ORDER BY pg_catalog.array_position(
            ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'], g.what
        ), g.what) || ' ON ' || g.name || ' FROM '
        || CASE WHEN g.grantee = 0::oid THEN 'PUBLIC'
        ELSE pg_catalog.quote_ident(r.rolname::text) END
    FROM given AS g
    CROSS JOIN pg_catalog.pg_database AS d
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = g.grantee
    WHERE d.datname = pg_catalog.current_database() AND NOT g.what = ANY (g.needed)
        AND g.grantee NOT IN (g.owner, d.datdba)
        AND (g.grantee = 0::oid OR NOT r.rolsuper AND r.rolname <> 'pg_database_owner')
    GROUP BY g.rank, g.name, g.grantee, r.rolname
    ORDER BY g.rank, g.name, r.rolname NULLS FIRST
"""


def lacking_rights(connection: TimeLimitedConnection) -> tuple[str, ...]:
    """Return the rights on the tables that this user needs and does not have."""
    rows = connection.execute(LACKING, {"tables": list(NAMES)})
    return tuple(f"{right} on {table}" for table, right in rows)


def may_create(connection: TimeLimitedConnection) -> bool:
    """Return True if this user may create the schema."""
    return connection.execute(MAY_CREATE).fetchone() == (True,)


def excess_rights(connection: TimeLimitedConnection) -> tuple[str, ...]:
    """Return the REVOKE statements for rights that no user needs; the owner has to run them."""
    return tuple(line for (line,) in connection.execute(EXCESS, {"tables": list(NAMES)}))
