"""Examine a PostgreSQL store without changing it: connection, format, rights."""

import time
from dataclasses import dataclass

import psycopg

from composeports.errors import ComposeportsError
from composeports.stores.postgres.connection import TimeLimitedConnection, connect
from composeports.stores.postgres.errors import GRANTS, explain, explain_connecting
from composeports.stores.postgres.privileges import excess_rights, lacking_rights, may_create
from composeports.stores.postgres.schema import NOW, check_format, check_server, read_format

SECONDS = 5.0
CLOCK = f"SELECT {NOW}"
STANDBY = """
    SELECT pg_catalog.pg_is_in_recovery()
        OR pg_catalog.current_setting('transaction_read_only')::boolean
"""


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """The state of the store.

    `format` is 0 if there is no store yet. `trouble` is the error that commands would raise.
    `latency` is the time of a round trip, and `ahead` is by how much the server's clock is ahead of
    the client's; both in seconds. `lacking` are the rights that this user needs and does not have.
    `excess` are the statements that revoke rights which no user of the store needs.
    """

    version: str = ""
    format: int = 0
    latency: float = 0.0
    ahead: float = 0.0
    lacking: tuple[str, ...] = ()
    excess: tuple[str, ...] = ()
    read_only: bool = False
    trouble: ComposeportsError | None = None

    @property
    def hint(self) -> str:
        """Return how to grant the rights that are lacking."""
        return GRANTS


def examine_server(url: str) -> ServerHealth:
    """Connect once and examine the store; an older format is not upgraded."""
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


def _examined(connection: TimeLimitedConnection, url: str) -> ServerHealth:
    latency, clock_offset = _clocks(connection)
    health = ServerHealth(_version(connection), latency=latency, ahead=clock_offset)
    try:
        check_server(connection, url)
        version = read_format(connection, url)
        if version:
            check_format(version, url)
    except ComposeportsError as error:
        return ServerHealth(health.version, latency=latency, ahead=clock_offset, trouble=error)
    missing_rights = lacking_rights(connection)
    if not version and not may_create(connection):
        missing_rights = ("CREATE on the database",)
    is_read_only = connection.execute(STANDBY).fetchone() == (True,)
    excess = excess_rights(connection)
    return ServerHealth(
        health.version, version, latency, clock_offset, missing_rights, excess, is_read_only
    )


def _clocks(connection: TimeLimitedConnection) -> tuple[float, float]:
    """Return the time of a round trip and how far the server's clock is ahead, in seconds."""
    connection.execute("SELECT 1")
    start, send_time = time.perf_counter(), time.time()
    (server_time,) = connection.execute(CLOCK).fetchone() or (send_time,)
    latency = time.perf_counter() - start
    return latency, server_time - send_time - latency / 2


def _version(connection: TimeLimitedConnection) -> str:
    return connection.info.parameter_status("server_version") or ""
