"""Rights on a PostgreSQL store: those that a user lacks, and those that nobody needs."""

from composeports.stores.postgres.connection import PatientConnection
from composeports.stores.postgres.schema import NAMES

# What a member needs; a table is changed by all of them, but for what the store says of itself.
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
# What others could do harm with: an object that is found by its bare name, a table in place of
# one of ours, a trigger. The owner of a thing, the database's owner and superusers need no grant.
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


def lacking_rights(connection: PatientConnection) -> tuple[str, ...]:
    """Return what this user may not do with the tables, and has to."""
    rows = connection.execute(LACKING, {"tables": list(NAMES)})
    return tuple(f"{right} on {table}" for table, right in rows)


def may_create(connection: PatientConnection) -> bool:
    """Tell whether this user may make the schema."""
    return connection.execute(MAY_CREATE).fetchone() == (True,)


def excess_rights(connection: PatientConnection) -> tuple[str, ...]:
    """Return the statements that take away what no member needs; the owner runs them."""
    return tuple(line for (line,) in connection.execute(EXCESS, {"tables": list(NAMES)}))
