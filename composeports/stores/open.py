"""Create the store for COMPOSEPORTS_STORE; the only module that knows which kinds exist."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from composeports.core.engine_identity import THIS_MACHINE, EngineIdentity
from composeports.errors import ExtraMissingError
from composeports.stores.base import Store, ignore_message
from composeports.stores.url import is_shared, sqlite_path, without_password

if TYPE_CHECKING:
    from composeports.stores.postgres.store import PostgresStore


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
    url: str, engine: EngineSource | None = None, *, waiting: Callable[[str], None] = ignore_message
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

    def find_identity() -> EngineIdentity:
        return THIS_MACHINE if engine is None or engine.is_local else engine.identity()

    def machine() -> str:
        from composeports.host.machine import machine_name  # noqa: PLC0415 - seldom needed

        return machine_name(engine.environ) if engine is not None else ""

    return SqliteStore(sqlite_path(url), engine=find_identity, waiting=waiting, machine=machine)


def open_postgres(
    url: str,
    find_identity: Callable[[], EngineIdentity],
    waiting: Callable[[str], None] = ignore_message,
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
    return PostgresStore(url, engine=find_identity, waiting=waiting)


def _no_driver(url: str) -> ExtraMissingError:
    return ExtraMissingError(
        f"COMPOSEPORTS_STORE={without_password(url)} needs the extra `postgres`, which is not "
        "installed: pip install 'composeports[postgres]'",
        hint="or, as composeports was installed: uv tool install 'composeports[postgres]', "
        "pipx install --force 'composeports[postgres]'",
        extra="postgres",
        missing="psycopg",
    )
