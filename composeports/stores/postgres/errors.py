"""Translate errors of PostgreSQL and libpq: which can be retried, and which message to show.

Messages contain no password: URLs are shown as `without_password` returns them, and the secret
parts of the URL are removed from the driver's messages.
"""

import re
from enum import Enum
from urllib.parse import unquote

import psycopg
from psycopg import errors

from composeports.errors import (
    ComposeportsError,
    ConfigError,
    StoreBusyError,
    StoreError,
    StoreServerError,
)
from composeports.stores.url import without_password

GRANTS = (
    "the schema's owner grants it: GRANT USAGE ON SCHEMA composeports TO ...; "
    "GRANT SELECT ON ALL TABLES IN SCHEMA composeports TO ...; GRANT INSERT, UPDATE, DELETE ON "
    "composeports.leases, composeports.engines, composeports.set_aside TO ..."
)
POOLER = (
    "set `ignore_startup_parameters = options` in pgbouncer.ini (pool_mode session or "
    "transaction), and let the owner run `ALTER ROLE ... IN DATABASE ... SET search_path = "
    "pg_catalog, pg_temp` for the user and the database of the store"
)
# By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) or its class.
MEANINGS = {
    "28": ("refuses this user", "check the user and password: PGPASSFILE, PGUSER, the URL"),
    "3D000": ("has no such database", "create it (`createdb`), or name another one in the URL"),
    "42501": ("does not let this user do that", GRANTS),
    "53100": ("has no space left on its disk", "free some space there, then try again"),
    "57014": ("took too long for a statement and was stopped", "try again; check its load"),
    "22P05": (
        "cannot keep text of every language",
        "use a database with the encoding UTF8 (`createdb --encoding UTF8 --template template0`)",
    ),
}
UNKNOWN = ("cannot be used", "check the server and its log, then try again")
UNREACHED = ("cannot be reached", "check the server, the network and the URL, then try again")
# A failed attempt to connect has no SQLSTATE. These are the server's messages in English, and
# libpq's own. Any other failure is retried for a while.
REFUSALS = (
    (re.compile(r"permission denied for database"), "42501"),
    (re.compile(r"database .* does not exist"), "3D000"),
    (
        re.compile(
            r"password|no pg_hba\.conf entry|authentication|not permitted to log in"
            r"|role .* does not exist"
        ),
        "28",
    ),
    (re.compile(r"certificate|SSL (error|SYSCALL|is not|was)|does not support SSL|GSS"), "TLS"),
    (re.compile(r"invalid (integer value|port number|\w+ value)"), "URL"),
    (re.compile(r"could not translate host name|definition of service|service file"), "NAME"),
    (re.compile(r"unsupported startup parameter"), "POOLER"),
)
REFUSED = {
    **MEANINGS,
    "TLS": ("cannot be reached as the URL asks", "check sslmode, sslrootcert and the server"),
    "NAME": ("cannot be found", "check the name in the URL (or the service file)"),
    "POOLER": ("is behind a pooler that refuses the settings of a connection", POOLER),
}
# SQLSTATEs of temporary errors: the server stops, starts, has no free connection, or is a standby,
# so that it or another server will answer soon; also serialization failures and deadlocks.
PASSING = re.compile(r"08...|57P0[1-5]|25P03|25006|53300|40001|40P01")


class ErrorAction(Enum):
    """What an error means for the caller."""

    LOST = "the connection is of no use any more; try again with a new one"
    BUSY = "another transaction holds a lock"
    MISSING = "there is no store there yet"
    FINAL = "a retry will not help"


def error_action(error: psycopg.Error) -> ErrorAction:
    """Return what the caller can do about an error of a statement."""
    state = error.sqlstate
    if state is None:
        return (
            ErrorAction.LOST if isinstance(error, psycopg.OperationalError) else ErrorAction.FINAL
        )
    if isinstance(error, errors.LockNotAvailable):
        return ErrorAction.BUSY
    if isinstance(error, (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName)):
        return ErrorAction.MISSING
    return ErrorAction.LOST if PASSING.fullmatch(state) else ErrorAction.FINAL


def is_refusal(error: psycopg.Error) -> bool:
    """Return True if the server or libpq refuses this connection and will refuse it again."""
    return bool(_refusal(error))


def _refusal(error: psycopg.Error) -> str:
    text = str(error)
    return next((code for pattern, code in REFUSALS if pattern.search(text)), "")


def explain(error: psycopg.Error, url: str) -> ComposeportsError:
    """Return the error to raise for the driver's error of a statement.

    All errors of statements are translated here.
    """
    if error_action(error) is ErrorAction.BUSY:
        return busy(url)
    state = error.sqlstate or ""
    if not state and isinstance(error, psycopg.OperationalError):
        return _server(error, url, UNREACHED)
    return _server(error, url, MEANINGS.get(state) or MEANINGS.get(state[:2]) or UNKNOWN)


def explain_connecting(error: psycopg.Error, url: str) -> ComposeportsError:
    """Return the error to raise for a failed attempt to connect."""
    code = _refusal(error)
    if code == "URL" or isinstance(error, psycopg.ProgrammingError):
        return unreadable(url)
    return _server(error, url, REFUSED.get(code, UNREACHED))


def _server(error: psycopg.Error, url: str, meaning: tuple[str, str]) -> StoreServerError:
    reason, hint = meaning
    safe_url = without_password(url)
    message = driver_message(error, url)
    return StoreServerError(
        f"the lease store {safe_url} {reason}" + (f" ({message})" if message else ""),
        hint=hint,
        store=safe_url,
        sqlstate=error.sqlstate or "",
    )


def driver_message(error: psycopg.Error, url: str) -> str:
    """Return the driver's message in one line, without the secret parts of the URL."""
    text = error.diag.message_primary or str(error)
    text = " ".join(text.split("Multiple connection attempts failed")[0].split())
    for secret in _secrets(url):
        text = text.replace(secret, "...")
    return text


def _secrets(url: str) -> list[str]:
    """Return what may be a password in the URL, as written and decoded, the longest first."""
    address = url.partition("://")[2]
    credentials, separator, target = address.rpartition("@")
    secrets = [credentials.partition(":")[2]] if separator else []
    pairs = (pair.partition("=") for pair in target.partition("?")[2].split("&"))
    secrets += [value for key, _, value in pairs if "pass" in key.lower()]
    forms = {form for secret in secrets for form in (secret, unquote(secret)) if form}
    return sorted(forms, key=len, reverse=True)


def unreadable(url: str) -> ConfigError:
    """Return the error for a URL that libpq cannot read.

    It omits libpq's message, which may repeat a password.
    """
    safe_url = without_password(url)
    return ConfigError(
        f"COMPOSEPORTS_STORE={safe_url} cannot be read as a PostgreSQL URL",
        hint="accepted: postgresql://[user@][host][:port]/[database][?name=value&...]; in a user, "
        "password or name `%`, `@`, `:`, `/` and `?` are written as %25, %40, %3A, %2F and %3F",
        setting="COMPOSEPORTS_STORE",
        value=safe_url,
    )


def busy(url: str) -> StoreBusyError:
    """Return the error for a lock that other processes have held for too long."""
    safe_url = without_password(url)
    return StoreBusyError(
        f"the lease store {safe_url} is locked: others have been writing to it for too long",
        hint="try again; pg_stat_activity and pg_locks show the connections and their locks",
        store=safe_url,
    )


def foreign_tables_error(url: str) -> StoreError:
    """Return the error for a schema `composeports` that another program created."""
    safe_url = without_password(url)
    return StoreError(
        f"the schema composeports of {safe_url} is something else, not a lease store",
        hint="set COMPOSEPORTS_STORE to a database without a schema of that name",
        store=safe_url,
    )


def not_owned(url: str, suspect: str) -> StoreError:
    """Return the error for a part of a store that could act with this user's rights."""
    safe_url = without_password(url)
    return StoreError(
        f"the lease store {safe_url} is not used: {suspect}, which could act with this user's "
        "rights",
        hint="the owner of the database has to drop what other roles made (DROP TRIGGER, "
        "DROP TABLE, DROP SCHEMA), then `composeports store create` run; a store that is meant to "
        "be that role's is used as that role or as a member",
        store=safe_url,
    )


def pooled(url: str, search_path: str) -> StoreError:
    """Return the error for a pooler that drops the settings of a connection."""
    safe_url = without_password(url)
    return StoreError(
        f"the lease store {safe_url} is not used: it is behind a pooler that drops the settings of "
        f"a connection (search_path is {search_path}), so that functions which others made could "
        "act with this user's rights",
        hint=POOLER,
        store=safe_url,
    )


def newer(url: str, version: int, known: int) -> StoreError:
    """Return the error for a store with a format that only a newer composeports knows."""
    safe_url = without_password(url)
    return StoreError(
        f"the lease store {safe_url} has format {version}, of a newer composeports; "
        f"this one knows format {known}",
        hint="upgrade composeports, or set COMPOSEPORTS_STORE to another database",
        store=safe_url,
    )


def too_old(url: str, version: int, lowest: int) -> StoreServerError:
    """Return the error for a server that lacks functions which the store needs.

    `version` and `lowest` are numbers such as 130000 for PostgreSQL 13.
    """
    safe_url = without_password(url)
    return StoreServerError(
        f"the server of the lease store {safe_url} is PostgreSQL {version // 10000}; "
        f"{lowest // 10000} or newer is needed",
        hint="upgrade it, or set COMPOSEPORTS_STORE to another one",
        store=safe_url,
    )
