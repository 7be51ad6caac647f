"""Collect what `doctor` needs about the lease store, a file or a database; change nothing."""

import os
from dataclasses import dataclass, field

from composeports.core.lease import Lease
from composeports.docker.engine import Engine
from composeports.errors import ComposeportsError
from composeports.host.filesystems import file_system_of, is_network
from composeports.host.machine import machine_name
from composeports.stores.open import open_postgres, open_store
from composeports.stores.sqlite.health import examine
from composeports.stores.url import is_shared, sqlite_path, without_password
from composeports.usecases.doctor.facts import Problem, StoreFacts


@dataclass(frozen=True, slots=True)
class SeenStore:
    """The facts of the store, the leases on this engine, and the path if it is a file."""

    facts: StoreFacts = field(default_factory=StoreFacts)
    leases: tuple[Lease, ...] = ()
    path: str = ""


def read_store(url: str, engine: Engine) -> SeenStore:
    """Return the state of the store.

    Raises ConfigError for a URL that cannot be a store, and ExtraMissingError if the package extra
    that the store needs is not installed.
    """
    if url == "memory:":
        return SeenStore(StoreFacts("memory:"))
    return _of_server(url, engine) if is_shared(url) else _of_file(sqlite_path(url), engine)


def _of_file(path: str, engine: Engine) -> SeenStore:
    health = examine(path, machine=lambda: machine_name(engine.environ))
    trouble = _trouble(health.trouble)
    kind = file_system_of(_existing(path))
    if trouble is None and is_network(kind):
        trouble = Problem(
            f"{path} lies on a network file system ({kind})",
            "set COMPOSEPORTS_STATE_DIR to a folder on a local disk",
        )
    facts = StoreFacts(path, health.format, trouble, health.damage, kind, refused=health.refused)
    return SeenStore(facts, health.leases, path)


def _existing(path: str) -> str:
    """Return the path itself, or its nearest parent folder that exists."""
    while not os.path.exists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def _of_server(url: str, engine: Engine) -> SeenStore:
    open_postgres(url, engine.identity)  # raises ExtraMissingError without psycopg
    from composeports.stores.postgres.health import examine_server  # noqa: PLC0415 - an extra

    health = examine_server(url)
    leases: tuple[Lease, ...] = ()
    trouble = _trouble(health.trouble)
    if trouble is None and not health.lacking:
        try:
            leases = _known(url, engine)
        except ComposeportsError as error:
            trouble = Problem(error.message, error.hint)
    facts = StoreFacts(
        without_password(url),
        health.format,
        trouble,
        server=health.version,
        latency=health.latency,
        ahead=health.ahead,
        lacking=health.lacking,
        grants=health.hint,
        excess=health.excess,
        read_only=health.read_only,
    )
    return SeenStore(facts, leases)


def _known(url: str, engine: Engine) -> tuple[Lease, ...]:
    store = open_store(url, engine)
    try:
        return tuple(store.known())
    finally:
        store.close()


def _trouble(error: ComposeportsError | None) -> Problem | None:
    return None if error is None else Problem(error.message, error.hint)
