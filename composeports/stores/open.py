"""Create the store for COMPOSEPORTS_STORE; the only module that knows which kinds exist."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from composeports.core.engine_identity import THIS_MACHINE, EngineIdentity
from composeports.errors import ConfigError, ExtraMissingError
from composeports.stores.base import Store

if TYPE_CHECKING:
    from composeports.stores.postgres.store import PostgresStore

ACCEPTED = "sqlite:///absolute/path/of/a/file, postgresql://..., or memory:"
SHARED = ("postgresql://", "postgres://")


def _silent(_text: str) -> None:
    """Ignore the message."""


class EngineSource(Protocol):
    """The engine whose leases the store gives; `identity` is called only if it is needed."""

    @property
    def is_local(self) -> bool:
        """Return True if the engine's published ports are ports of this machine."""
        ...

    @property
    def environ(self) -> Mapping[str, str]:
        """Return the environment variables that selected the engine."""
        ...

    def identity(self) -> EngineIdentity:
        """Return the identity of the engine; raise EngineError if it cannot be found out."""
        ...


def open_store(
    url: str, engine: EngineSource | None = None, *, waiting: Callable[[str], None] = _silent
) -> Store:
    """Return the store for `url`; raise ConfigError, which names the setting, for an invalid URL.

    The store gives the leases of `engine`, or of this machine's engines if `engine` is None. In a
    path, `%20` and the like are decoded, and `?`, `#` and `%` have to be written as `%3F`, `%23`
    and `%25`; spaces and letters of any language need no encoding. The store calls `waiting` with a
    message when it waits for another process, and when it refuses a record.
    """
    if url == "memory:":
        from composeports.stores.memory import MemoryStore  # noqa: PLC0415 - mostly for tests

        return MemoryStore()
    if is_shared(url):
        return open_postgres(
            url, (lambda: THIS_MACHINE) if engine is None else engine.identity, waiting
        )
    from composeports.stores.sqlite.store import SqliteStore  # noqa: PLC0415 - only if needed

    def whose() -> EngineIdentity:
        return THIS_MACHINE if engine is None or engine.is_local else engine.identity()

    def machine() -> str:
        from composeports.host.machine import machine_name  # noqa: PLC0415 - seldom needed

        return machine_name(engine.environ) if engine is not None else ""

    return SqliteStore(sqlite_path(url), engine=whose, waiting=waiting, machine=machine)


def is_shared(url: str) -> bool:
    """Return True if several machines may use the store at `url`."""
    return url.startswith(SHARED)


def same_store(one: str, other: str) -> bool:
    """Return True if both URLs name one store, as far as this is clear without opening it."""
    if is_shared(one) or is_shared(other):
        return one.partition("://")[2] == other.partition("://")[2]
    return os.path.realpath(sqlite_path(one)) == os.path.realpath(sqlite_path(other))


def open_postgres(
    url: str, whose: Callable[[], EngineIdentity], waiting: Callable[[str], None] = _silent
) -> "PostgresStore":
    """Return the store in the database that libpq finds by `url`.

    Raise ExtraMissingError if psycopg or libpq is not installed.
    """
    try:
        from composeports.stores.postgres.store import PostgresStore  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise _no_driver(url) from None
    except ImportError:  # psycopg is installed, libpq is not
        raise _no_driver(url) from None
    return PostgresStore(url, engine=whose, waiting=waiting)


def _no_driver(url: str) -> ExtraMissingError:
    return ExtraMissingError(
        f"COMPOSEPORTS_STORE={without_password(url)} needs the extra `postgres`, which is not "
        "installed: pip install 'composeports[postgres]'",
        hint="or, as composeports was installed: uv tool install 'composeports[postgres]', "
        "pipx install --force 'composeports[postgres]'",
        extra="postgres",
        missing="psycopg",
    )


def sqlite_path(url: str) -> str:
    """Return the absolute path in a `sqlite:///...` URL; raise ConfigError for any other URL."""
    scheme, _, encoded_path = url.partition("://")
    if scheme != "sqlite":
        raise _refused(url, "is no store that this version knows")
    path = _decoded(encoded_path)
    if not encoded_path.startswith("/"):
        raise _refused(url, "names no absolute path (three slashes)")
    if "?" in encoded_path or "#" in encoded_path or "\0" in path:
        raise _refused(url, "has more than a path (write ? and # as %3F and %23)")
    if path.endswith("/") or os.path.isdir(path):
        raise _refused(url, "names a folder, not a file")
    return path


def _decoded(path: str) -> str:
    if "%" not in path:
        return path
    from urllib.parse import unquote  # noqa: PLC0415 - seldom needed, takes 3 ms

    return unquote(path, errors="surrogateescape")


def _refused(url: str, reason: str) -> ConfigError:
    safe_url = without_password(url)
    return ConfigError(
        f"COMPOSEPORTS_STORE={safe_url} {reason}",
        hint=f"accepted: {ACCEPTED}; unset it for a file in the state directory",
        setting="COMPOSEPORTS_STORE",
        value=safe_url,
    )


def without_password(url: str) -> str:
    """Return `url` with "..." for every part that may contain a password.

    These are the user part, the query and key=value pairs.
    """
    scheme, separator, address = url.partition("://")
    if not separator:
        return url if "=" not in url and "@" not in url else "..."
    credentials, _, target = address.rpartition("@")
    if "=" in credentials:  # the `@` may be part of the query, or `=` part of a password
        return f"{scheme}://..."
    location, query, _ = target.partition("?")
    return f"{scheme}://{'...@' if credentials else ''}{location}{'?...' if query else ''}"
