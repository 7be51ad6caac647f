"""Move leases to another store; each is written there before it is deleted from the old store."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from composeports.core.engine_identity import THIS_MACHINE, EngineIdentity
from composeports.core.lease import Lease
from composeports.docker.engine import Engine
from composeports.errors import ConfigError
from composeports.host.machine import machine_name
from composeports.host.session_lock_file import LockOwner, hold
from composeports.paths import session_lock
from composeports.stores.base import Store
from composeports.stores.open import open_store
from composeports.stores.url import is_shared, same_store, without_password
from composeports.usecases.session import local_address
from composeports.usecases.store_admin.policy import (
    LocalEngine,
    MigratedLease,
    NotMigratedError,
    Route,
    arrive,
    as_it_is,
    leave,
    to_own,
    to_shared,
)

COMMAND = "store migrate"


@dataclass(frozen=True, slots=True)
class MigrationOutcome:
    """The result for one lease; `stays` says why it was not moved."""

    lease: Lease
    engine: EngineIdentity
    session_id: str
    stays: str = ""


@dataclass(frozen=True, slots=True)
class _EngineStores:
    """An engine whose identity is already known, for a store that asks its engine for it."""

    known: EngineIdentity
    environ: Mapping[str, str]

    @property
    def is_local(self) -> bool:
        return self.known.local

    def identity(self) -> EngineIdentity:
        return self.known


@dataclass(frozen=True)
class Migration:
    """A move of all leases from the store at one URL to the store at another URL."""

    source: str
    target: str
    environ: Mapping[str, str]
    local_engine: LocalEngine
    waiting: Callable[[str], None]
    dry_run: bool = False

    def run(self) -> Iterator[MigrationOutcome]:
        """Move the leases of all engines, one after the other, and yield the result of each."""
        with self._open(self.source, self.local_engine.engine) as store:
            engines = [engine_leases.engine for engine_leases in store.fleet()]
        for engine in engines:
            with self._open(self.source, engine) as store:
                for lease in store.known():
                    yield self._move(store, engine, lease)

    def _move(self, source: Store, engine: EngineIdentity, lease: Lease) -> MigrationOutcome:
        try:
            space = engine.id if is_shared(self.source) else engine.space
            arrival = self._route(space, lease, self.local_engine)
            with self._hold_session_lock(lease):
                self._settle(source, lease, arrival, engine)
        except NotMigratedError as error:
            return MigrationOutcome(lease, engine, lease.session_id, str(error))
        return MigrationOutcome(lease, self._engine_of(arrival, engine), arrival.lease.session_id)

    @property
    def _route(self) -> Route:
        if is_shared(self.source) == is_shared(self.target):
            return as_it_is
        return to_shared if is_shared(self.target) else to_own

    def _engine_of(self, arrival: MigratedLease, engine: EngineIdentity) -> EngineIdentity:
        return (
            self.local_engine.engine
            if arrival.space in {"", self.local_engine.engine.id}
            else engine
        )

    def _settle(
        self, source: Store, lease: Lease, arrival: MigratedLease, engine: EngineIdentity
    ) -> None:
        name = arrival.lease.session_id
        with self._open(self.target, self._engine_of(arrival, engine)) as target:
            if self.dry_run:
                arrive(target.snapshot(name), arrival.lease)
                return
            target.update(name, partial(arrive, lease=arrival.lease))
        source.update(lease.session_id, partial(leave, lease=lease))

    @contextmanager
    def _hold_session_lock(self, lease: Lease) -> Iterator[None]:
        """Hold the session lock.

        Raises NotMigratedError if another process of this machine holds it.
        """
        path = session_lock(self.environ, lease.project)
        with hold(path, COMMAND, 0, _no_matter) as lock:
            if lock is None:
                message = "another command works on it; run this again"
                raise NotMigratedError(message)
            yield

    @contextmanager
    def _open(self, url: str, engine: EngineIdentity) -> Iterator[Store]:
        store = open_store(url, _EngineStores(engine, self.environ), waiting=self.waiting)
        try:
            yield store
        finally:
            store.close()


def _no_matter(_holder: LockOwner) -> None:
    """Ignore the lock owner."""


def migration(
    source: str,
    target: str,
    environ: Mapping[str, str],
    *,
    dry_run: bool,
    waiting: Callable[[str], None],
) -> Migration:
    """Return the move of all leases.

    Raises ConfigError if no lease can be moved between these stores.
    """
    for url in (source, target):
        if url == "memory:":
            message = "a store in memory is its process's own: nothing moves there or from there"
            raise ConfigError(message, hint="name stores by sqlite:///... or postgresql://...")
    if same_store(source, target):
        message = f"both stores are {without_password(source)}"
        raise ConfigError(message, hint="--from names the old store, --to the new one")
    engine = Engine(environ)
    if is_shared(source) == is_shared(target):  # the leases of each engine stay with that engine
        local_engine = LocalEngine("", THIS_MACHINE, "")
        return Migration(source, target, environ, local_engine, waiting, dry_run)
    local_engine = LocalEngine(machine_name(environ), engine.identity(), local_address(engine))
    return Migration(source, target, environ, local_engine, waiting, dry_run)
