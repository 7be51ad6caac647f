"""A PostgreSQL server for the tests of one run: started on first use, then shared."""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from composeports.core.clock import ClockReading
from composeports.core.engine_identity import EngineIdentity
from composeports.host.clock import read_clock
from composeports.stores.postgres.store import PostgresStore
from devkit import cache as outside
from devkit import pooler, postgres
from devkit.postgres_programs import Programs
from tests.harness.program import frozen, output

# Taken when this file is imported, before any guard hides where the programs are kept.
CACHE = str(outside.root())
NAME = f"tests-{os.getpid()}"
_numbers = itertools.count()


@contextmanager
def _with_cache() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPOSEPORTS_DEV_CACHE", CACHE)
        yield


def start(name: str, settings: Mapping[str, str] | None = None) -> postgres.Server:
    """Start a server that ends with the tests, if no test stops it before."""
    with _with_cache():
        return postgres.start(name, settings=settings, bound=True)


def restart(
    server: postgres.Server,
    mode: postgres.Mode = "fast",
    settings: Mapping[str, str] | None = None,
) -> None:
    """End a server, and start it again."""
    with _with_cache():
        postgres.restart(server, mode, settings=settings, bound=True)


def stop(server: postgres.Server) -> None:
    """End a server, and remove what it wrote."""
    with _with_cache():
        postgres.stop(server.name, "immediate")


def standby_of(server: postgres.Server) -> postgres.Server:
    """Stop a server, and start another one on a copy of its data: a standby without a primary."""
    postgres.halt(server, "immediate")
    name = f"{server.name}-standby"
    with _with_cache():
        start(name)
        copy = postgres.server(name)
        postgres.halt(copy)
        shutil.rmtree(copy.data)
        output("cp", "-a", server.data, copy.data)
        output("cp", "-a", copy.data / "PG_VERSION", copy.data / "standby.signal")
        return postgres.start(name, bound=True)


def pooler_programs() -> Programs:
    """Return where `pgbouncer` is, and what it needs to start."""
    with _with_cache():
        return pooler.pooler()


@contextmanager
def stopped(server: postgres.Server) -> Iterator[None]:
    """Stop the server (SIGSTOP): it accepts connections, and never answers."""
    pid = server.pid()
    assert pid is not None
    with frozen(pid):
        yield


@cache
def shared() -> postgres.Server:
    """Return the server that all tests of this run may use, and none may stop."""
    return start(NAME)


def end_shared() -> None:
    """Stop the shared server, if a test has started it."""
    if shared.cache_info().currsize:
        stop(shared())
        shared.cache_clear()


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    """Connect directly, not as a store."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def new_database(server: postgres.Server) -> str:
    """Make an empty database; return its name."""
    name = f"test_{next(_numbers)}"
    with connected(server.socket_url()) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return name


@cache
def _database_of(folder: Path) -> str:
    """Return the database that is made for a folder the first time."""
    assert folder.is_absolute()
    return new_database(shared())


def store_on(
    folder: Path,
    *,
    clock: Callable[[], ClockReading] = read_clock,
    database_time: Callable[[], float] | None = None,
) -> PostgresStore:
    """Return a store on the one database of all tests, as an engine of the folder's own."""
    digest = sha256(str(folder).encode()).hexdigest()[:16]
    own = EngineIdentity(f"engine-{digest}", "host", "host.example", local=False)
    return PostgresStore(
        shared().socket_url(), engine=lambda: own, clock=clock, database_time=database_time
    )


def store_for(folder: Path, engine: EngineIdentity) -> PostgresStore:
    """Return a store on the folder's own database."""
    url = shared().socket_url(_database_of(folder))
    return PostgresStore(url, engine=lambda: engine)
