"""How a PostgreSQL store is: reached, of which format, with which rights; changes nothing."""

import time
from dataclasses import dataclass

import psycopg

from composeports.errors import ComposeportsError
from composeports.stores.postgres_connection import PatientConnection, connect
from composeports.stores.postgres_errors import GRANTS, explain, explain_connecting
from composeports.stores.postgres_schema import check_format, check_server, read_format

SECONDS = 5.0
RIGHTS = """
    SELECT c.relname, wanted.name
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS wanted (name)
    WHERE n.nspname = 'composeports' AND c.relkind = 'r' AND c.relname <> 'meta'
        AND NOT has_table_privilege(c.oid, wanted.name)
    ORDER BY 1, 2
"""
MAY_CREATE = "SELECT has_database_privilege(current_database(), 'CREATE')"
CLOCK = "SELECT extract(epoch FROM clock_timestamp())::double precision"
STANDBY = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """What the store is like; `format` 0: there is none yet. `trouble` is what commands would say.

    `latency` is the time of a round trip, `ahead` by how much the server's clock is ahead of ours;
    both in seconds. `lacking` are rights that this user has not.
    """

    version: str = ""
    format: int = 0
    latency: float = 0.0
    ahead: float = 0.0
    lacking: tuple[str, ...] = ()
    read_only: bool = False
    trouble: ComposeportsError | None = None

    @property
    def hint(self) -> str:
        """What brings the rights that are lacking."""
        return GRANTS


def examine_server(url: str) -> ServerHealth:
    """Look at the store, once; one of an older format is not upgraded by that."""
    try:
        connection = connect(url, SECONDS)
    except psycopg.Error as error:
        return ServerHealth(trouble=explain_connecting(error, url))
    except ComposeportsError as error:
        return ServerHealth(trouble=error)
    try:
        with connection:
            return _examined(connection, url)
    except psycopg.Error as error:
        return ServerHealth(trouble=explain(error, url))


def _examined(connection: PatientConnection, url: str) -> ServerHealth:
    latency, ahead = _clocks(connection)
    found = ServerHealth(_version(connection), latency=latency, ahead=ahead)
    try:
        check_server(connection, url)
        version = read_format(connection, url)
        if version:
            check_format(version, url)
    except ComposeportsError as error:
        return ServerHealth(found.version, latency=latency, ahead=ahead, trouble=error)
    lacking = tuple(f"{right} on {table}" for table, right in connection.execute(RIGHTS))
    if not version and connection.execute(MAY_CREATE).fetchone() != (True,):
        lacking = ("CREATE on the database",)
    read_only = connection.execute(STANDBY).fetchone() == (True,)
    return ServerHealth(found.version, version, latency, ahead, lacking, read_only)


def _clocks(connection: PatientConnection) -> tuple[float, float]:
    """Return the seconds of a round trip, and by how much the server's clock is ahead."""
    connection.execute("SELECT 1")
    begun, sent = time.perf_counter(), time.time()
    (server,) = connection.execute(CLOCK).fetchone() or (sent,)
    latency = time.perf_counter() - begun
    return latency, server - sent - latency / 2


def _version(connection: PatientConnection) -> str:
    return connection.info.parameter_status("server_version") or ""
