"""How the store's server is reached: libpq's own settings, and time limits where they say nothing.

The limits see to it that a cut cable or a server that stands still is noticed within seconds.
Names are looked for in `pg_catalog` alone, whatever a role, a database, the URL or libpq's files
say: an operator or function that others made is never called.
"""

import logging
import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from composeports.stores.postgres.errors import pooled, unreadable

RV = TypeVar("RV")
# No statement of ours takes that long; a server that is silent for longer is as good as gone.
ANSWER_SECONDS = 20.0
# What libpq is told where neither the URL nor the environment does; seconds, but for the last one.
LIMITS = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
}
# Where it is not named, `pg_temp` is searched first. No spaces: they end an option.
SEARCH_PATH = "pg_catalog,pg_temp"
PATH_NOW = "SELECT pg_catalog.current_setting('search_path')"

# What it says of a connection that broke is told by us, once.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


class PatientConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that gives up on a server that says nothing for too long."""

    answer_seconds = ANSWER_SECONDS

    def wait(self, gen: Any, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - psycopg's own
        """Wait for the server, as psycopg does, and no longer."""
        return super().wait(_limited(gen, self.answer_seconds), *args, **named)


def _limited(gen: Generator[Any, Any, RV], seconds: float) -> Generator[Any, Any, RV]:
    """Hand on what goes in and out; a wait that brings nothing to its end is broken off."""
    end = time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > end:
                message = f"no answer for {seconds:.0f} seconds"
                raise psycopg.OperationalError(message)
            wanted = gen.send(ready)
    except StopIteration as done:
        found: RV = done.value
        return found


def connect(url: str, seconds: float | None = None) -> PatientConnection:
    """Return a connection; what psycopg says passes through, but for a URL that makes no sense.

    StoreError for a pooler that does not do what the store's connections ask for.

    `seconds` is the longest that a try to connect may take, whatever else was asked for.
    """
    try:
        asked = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise unreadable(url) from None
    given = {
        each.keyword.decode(): each.val.decode("utf-8", "surrogateescape")
        for each in pq.Conninfo.get_defaults()
        if each.val
    }
    limits = {name: value for name, value in LIMITS.items() if name not in {*asked, *given}}
    if seconds is not None and "connect_timeout" in limits:
        # Less than two seconds is rounded up by libpq.
        limits["connect_timeout"] = max(2, min(limits["connect_timeout"], round(seconds)))
    own: dict[str, Any] = {**limits, "fallback_application_name": "composeports"}
    if "service" not in asked:
        # The last one counts, and it outranks what roles and databases say.
        options = asked.get("options") or given.get("options", "")
        own["options"] = f"{options} -c search_path={SEARCH_PATH}"
    # A statement that is prepared may meet a server process of a pooler that does not know it.
    connection = PatientConnection.connect(url, autocommit=True, prepare_threshold=None, **own)
    if "service" in asked:
        # Only libpq knows the options of a service, and would not read them beside other ones.
        connection.execute(f"SET search_path = {SEARCH_PATH}")
    try:
        _check_search_path(connection, url)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_search_path(connection: PatientConnection, url: str) -> None:
    """Refuse a pooler that drops the settings of a connection: others' operators could be called.

    Behind one, the path is that of the role in this database.
    """
    (found,) = connection.execute(PATH_NOW).fetchone() or ("",)
    if found.replace(" ", "") != SEARCH_PATH:
        raise pooled(url, found)
