"""What there is to know of the store: where it is, its format, and whose leases are in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from composeports.core.engine_identity import THIS_MACHINE, EngineLeases
from composeports.docker.engine import Engine
from composeports.errors import ComposeportsError
from composeports.stores.open import (
    is_shared,
    open_postgres,
    open_store,
    sqlite_path,
    without_password,
)
from composeports.stores.sqlite.health import examine


@dataclass(frozen=True, slots=True)
class StoreReport:
    """The store; `format` 0: there is none yet. `latency` and `ahead` (of our clock) in seconds.

    `excess` are the statements that take away rights which no user of a shared store needs.
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
    """Return what the store is like; what keeps commands from using it is raised."""
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
    open_postgres(url, lambda: THIS_MACHINE)  # tells of an extra that is missing
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
    """Return who holds what, this engine first, where it tells which one it is."""
    engine: Engine | None = Engine(environ)
    try:
        if is_shared(url) and engine is not None:
            engine.identity()
    except ComposeportsError:
        engine = None
    store = open_store(url, engine)
    try:
        return tuple(each for each in store.fleet() if each.engine.id or each.leases)
    finally:
        store.close()


def create(url: str) -> tuple[int, tuple[str, ...]]:
    """Make or upgrade the tables of a shared store.

    Return the format before, 0 for none, and the statements that take away excess rights.
    """
    store = open_postgres(url, lambda: THIS_MACHINE)
    try:
        before = store.create()
    finally:
        store.close()
    from composeports.stores.postgres.health import examine_server  # noqa: PLC0415 - an extra

    return before, examine_server(url).excess
