"""Connect to the store's server with libpq's own settings, and with time limits if they set none.

With these limits, a broken network or a server that hangs is noticed within seconds. Names are
resolved only in `pg_catalog`, whatever a role, a database, the URL or libpq's files set, so that no
operator or function of another user is ever called.
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
# No statement of the store takes this many seconds; a server that is silent for longer counts as
# gone.
ANSWER_SECONDS = 20.0
# Used if neither the URL nor the environment sets a value. All are seconds, except the last one,
# which is milliseconds.
LIMITS = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
}
# PostgreSQL searches `pg_temp` first if the path does not name it. No spaces: they end an option.
SEARCH_PATH = "pg_catalog,pg_temp"
PATH_NOW = "SELECT pg_catalog.current_setting('search_path')"

# A broken connection is reported by composeports, once, and not by psycopg's log.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


class TimeLimitedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that raises OperationalError after `answer_seconds` without an answer."""

    answer_seconds = ANSWER_SECONDS

    def wait(self, gen: Any, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - psycopg's signature
        """Wait for the server as psycopg does, at most `answer_seconds`."""
        return super().wait(_limited(gen, self.answer_seconds), *args, **named)


def _limited(gen: Generator[Any, Any, RV], seconds: float) -> Generator[Any, Any, RV]:
    """Run `gen`; raise OperationalError if it still waits without a result after `seconds`."""
    end = time.monotonic() + seconds
    try:
        wait = next(gen)
        while True:
            ready = yield wait
            if not ready and time.monotonic() > end:
                message = f"no answer for {seconds:.0f} seconds"
                raise psycopg.OperationalError(message)
            wait = gen.send(ready)
    except StopIteration as stop:
        result: RV = stop.value
        return result


def connect(url: str, seconds: float | None = None) -> TimeLimitedConnection:
    """Return a connection; errors of psycopg pass through, except for a URL that libpq cannot read.

    Raise ConfigError for such a URL, and StoreError for a pooler that drops the settings of the
    connection.

    `seconds` limits one attempt to connect, unless the URL or the environment sets
    `connect_timeout`.
    """
    try:
        url_settings = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise unreadable(url) from None
    default_settings = {
        default.keyword.decode(): default.val.decode("utf-8", "surrogateescape")
        for default in pq.Conninfo.get_defaults()
        if default.val
    }
    limits = {
        name: value
        for name, value in LIMITS.items()
        if name not in {*url_settings, *default_settings}
    }
    if seconds is not None and "connect_timeout" in limits:
        # libpq rounds a shorter time up to two seconds.
        limits["connect_timeout"] = max(2, min(limits["connect_timeout"], round(seconds)))
    settings: dict[str, Any] = {**limits, "fallback_application_name": "composeports"}
    if "service" not in url_settings:
        # The last option counts, and it has priority over the settings of roles and databases.
        options = url_settings.get("options") or default_settings.get("options", "")
        settings["options"] = f"{options} -c search_path={SEARCH_PATH}"
    # Behind a pooler, a prepared statement may reach a server process that does not know it.
    connection = TimeLimitedConnection.connect(
        url, autocommit=True, prepare_threshold=None, **settings
    )
    if "service" in url_settings:
        # Only libpq knows the options of a service, and it would ignore them if others were passed.
        connection.execute(f"SET search_path = {SEARCH_PATH}")
    try:
        _check_search_path(connection, url)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_search_path(connection: TimeLimitedConnection, url: str) -> None:
    """Raise StoreError for a pooler that drops the settings of a connection.

    Behind such a pooler, the search path is the one of the role in this database, and operators of
    other users could be called.
    """
    (search_path,) = connection.execute(PATH_NOW).fetchone() or ("",)
    if search_path.replace(" ", "") != SEARCH_PATH:
        raise pooled(url, search_path)
