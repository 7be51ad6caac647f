"""Turns COMPOSEPORTS_STORE into a store; the only place that knows which kinds there are."""

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
    """Say nothing."""


class EngineQuestions(Protocol):
    """The engine whose leases are wanted; it is asked who it is only where that matters."""

    @property
    def is_local(self) -> bool:
        """Whether its published ports are this machine's."""
        ...

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables that chose it."""
        ...

    def identity(self) -> EngineIdentity:
        """Return which engine it is; EngineError where nobody can know."""
        ...


def open_store(
    url: str, engine: EngineQuestions | None = None, *, waiting: Callable[[str], None] = _silent
) -> Store:
    """Return the store that `url` means; ConfigError, naming the setting, for none.

    Its leases are those of `engine`, and of engines of this machine without one.
    In a path `%20` and the like are decoded, and `?`, `#` and `%` are written as `%3F`, `%23`
    and `%25`; spaces and letters of any language may stand as they are. `waiting` is told when
    a lock of somebody else is waited for, and of records that are refused.
    """
    if url == "memory:":
        from composeports.stores.memory import MemoryStore  # noqa: PLC0415 - tests, mostly

        return MemoryStore()
    if is_shared(url):
        return open_postgres(
            url, (lambda: THIS_MACHINE) if engine is None else engine.identity, waiting
        )
    from composeports.stores.sqlite.store import SqliteStore  # noqa: PLC0415 - only where it is used

    def whose() -> EngineIdentity:
        return THIS_MACHINE if engine is None or engine.is_local else engine.identity()

    def machine() -> str:
        from composeports.host.machine import machine_name  # noqa: PLC0415 - seldom asked for

        return machine_name(engine.environ) if engine is not None else ""

    return SqliteStore(sqlite_path(url), engine=whose, waiting=waiting, machine=machine)


def is_shared(url: str) -> bool:
    """Tell whether the store that `url` means may be that of many machines."""
    return url.startswith(SHARED)


def same_store(one: str, other: str) -> bool:
    """Tell whether two URLs are one store, as far as can be seen without opening it."""
    if is_shared(one) or is_shared(other):
        return one.partition("://")[2] == other.partition("://")[2]
    return os.path.realpath(sqlite_path(one)) == os.path.realpath(sqlite_path(other))


def open_postgres(
    url: str, whose: Callable[[], EngineIdentity], waiting: Callable[[str], None] = _silent
) -> "PostgresStore":
    """Return the store in the database that libpq finds by `url`; ExtraMissingError without it."""
    try:
        from composeports.stores.postgres.store import PostgresStore  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise _no_driver(url) from None
    except ImportError:  # psycopg without any libpq
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
    """Return the absolute path that a `sqlite:///...` URL names; ConfigError for no such URL."""
    scheme, _, written = url.partition("://")
    if scheme != "sqlite":
        raise _refused(url, "is no store that this version knows")
    path = _decoded(written)
    if not written.startswith("/"):
        raise _refused(url, "names no absolute path (three slashes)")
    if "?" in written or "#" in written or "\0" in path:
        raise _refused(url, "has more than a path (write ? and # as %3F and %23)")
    if path.endswith("/") or os.path.isdir(path):
        raise _refused(url, "names a folder, not a file")
    return path


def _decoded(path: str) -> str:
    if "%" not in path:
        return path
    from urllib.parse import unquote  # noqa: PLC0415 - seldom, and takes 3 ms

    return unquote(path, errors="surrogateescape")


def _refused(url: str, reason: str) -> ConfigError:
    shown = without_password(url)
    return ConfigError(
        f"COMPOSEPORTS_STORE={shown} {reason}",
        hint=f"accepted: {ACCEPTED}; unset it for a file in the state directory",
        setting="COMPOSEPORTS_STORE",
        value=shown,
    )


def without_password(url: str) -> str:
    """Return `url` without what may be a password: all of user part, query and key=value pairs."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url if "=" not in url and "@" not in url else "..."
    before, _, after = rest.rpartition("@")
    if "=" in before:  # an `@` of the query's, or a password that nobody can tell from it
        return f"{scheme}://..."
    place, query, _ = after.partition("?")
    return f"{scheme}://{'...@' if before else ''}{place}{'?...' if query else ''}"
