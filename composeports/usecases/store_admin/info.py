"""Report the store: where it is, its format, and the leases of each engine."""

from collections.abc import Mapping
from dataclasses import dataclass

from composeports.core.engine_identity import THIS_MACHINE, EngineLeases
from composeports.docker.engine import Engine
from composeports.errors import ComposeportsError
from composeports.stores.open import open_postgres, open_store
from composeports.stores.sqlite.health import examine
from composeports.stores.url import is_shared, sqlite_path, without_password


@dataclass(frozen=True, slots=True)
class StoreReport:
    """The state of the store; `format` is 0 if there is none yet.

    `latency` and `ahead` (by how much its clock is ahead of this machine's) are in seconds.
    `excess` are the statements that revoke rights which no user of a shared store needs.
    """

    where: str
    kind: str
    format: int = 0
    server: str = ""
    latency: float = 0.0
    ahead: float = 0.0
    lacking: tuple[str, ...] = ()
    excess: tuple[str, ...] = ()
    engines: tuple[EngineLeases, ...] = ()


def report(url: str, environ: Mapping[str, str]) -> StoreReport:
    """Return the state of the store; raise the error that keeps commands from using it."""
    if url == "memory:":
        return StoreReport("memory:", "memory")
    if is_shared(url):
        return _of_server(url, environ)
    path = sqlite_path(url)
    health = examine(path)
    if health.trouble is not None:
        raise health.trouble
    return StoreReport(path, "sqlite", health.format, engines=_fleet(url, environ))


def _of_server(url: str, environ: Mapping[str, str]) -> StoreReport:
    open_postgres(url, lambda: THIS_MACHINE)  # raises ExtraMissingError without psycopg
    from composeports.stores.postgres.health import examine_server  # noqa: PLC0415 - an extra

    health = examine_server(url)
    if health.trouble is not None:
        raise health.trouble
    return StoreReport(
        without_password(url),
        "postgresql",
        health.format,
        health.version,
        health.latency,
        health.ahead,
        health.lacking,
        health.excess,
        () if health.lacking else _fleet(url, environ),
    )


def _fleet(url: str, environ: Mapping[str, str]) -> tuple[EngineLeases, ...]:
    """Return the leases of each engine; this engine comes first if its id is known."""
    engine: Engine | None = Engine(environ)
    try:
        if is_shared(url) and engine is not None:
            engine.identity()
    except ComposeportsError:
        engine = None
    store = open_store(url, engine)
    try:
        return tuple(
            engine_leases
            for engine_leases in store.fleet()
            if engine_leases.engine.id or engine_leases.leases
        )
    finally:
        store.close()


def create(url: str) -> tuple[int, tuple[str, ...]]:
    """Create or upgrade the tables of a shared store.

    Return the format before (0: there were no tables), and the statements that revoke rights which
    no user needs.
    """
    store = open_postgres(url, lambda: THIS_MACHINE)
    try:
        former_format = store.create()
    finally:
        store.close()
    from composeports.stores.postgres.health import examine_server  # noqa: PLC0415 - an extra

    return former_format, examine_server(url).excess
