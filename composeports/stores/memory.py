"""Leases in this process's memory, gone with it; for tests and short-lived programs. No I/O."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace

from composeports.core.clock import ClockReading, is_current, jump
from composeports.core.engine_identity import THIS_MACHINE, EngineLeases
from composeports.core.lease import Lease
from composeports.core.ledger import CooldownBlock, LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.host.clock import read_clock
from composeports.stores.base import Decide
from composeports.stores.conflicts import refuse_conflicts


class MemoryStore:
    """A store for the threads of one process."""

    def __init__(self, *, clock: Callable[[], ClockReading] = read_clock) -> None:
        self._leases: dict[str, Lease] = {}
        self._set_aside: tuple[CooldownBlock, ...] = ()
        self._clock = clock
        self._id = os.urandom(16).hex()
        self._time: ClockReading | None = None
        self._lock = threading.Lock()

    def get(self, session_id: str) -> Lease | None:
        """Return the session's lease, held or remembered."""
        with self._lock:
            self._note_time()
            return self._leases.get(session_id)

    def held(self) -> list[Lease]:
        """Return every held lease, lowest block first; expired ones too."""
        with self._lock:
            self._note_time()
            leases = [lease for lease in self._leases.values() if lease.held]
        return sorted(leases, key=lambda lease: lease.block)

    def known(self) -> list[Lease]:
        """Return every lease, held or remembered, by session id."""
        with self._lock:
            self._note_time()
            return sorted(self._leases.values(), key=lambda lease: lease.session_id)

    def ledger(self, session_id: str) -> StoreSnapshot:
        """Return what an `update` of this session would be shown now."""
        with self._lock:
            self._note_time()
            return self._ledger(session_id)

    def fleet(self) -> list[EngineLeases]:
        """Return what is held, which is of one engine."""
        return [EngineLeases(THIS_MACHINE, tuple(self.held()))]

    def identity(self) -> str:
        """Return the store's own id, which is this process's."""
        return self._id

    def update(
        self, session_id: str, decide: Decide, *, patience: float | None = None
    ) -> StoreUpdate:
        """Run `decide` and write what it says; `decide` must not call the store."""
        del patience  # nobody writes for long
        with self._lock:
            self._note_time()
            ledger = self._ledger(session_id)
            outcome = decide(ledger)
            refuse_conflicts(session_id, ledger, outcome)
            self._write(session_id, outcome)
            return outcome

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._leases.clear()
            self._set_aside = ()

    def _note_time(self) -> None:
        """Move the ends of all leases along with a wall clock that jumped."""
        now = self._clock()
        if is_current(self._time, now):
            return
        moved = jump(self._time, now)
        self._time = now
        for name, lease in self._leases.items() if moved else ():
            if lease.held:
                self._leases[name] = replace(lease, expires_at=lease.expires_at + moved)
        self._set_aside = tuple(each._replace(until=each.until + moved) for each in self._set_aside)

    def _ledger(self, session_id: str) -> StoreSnapshot:
        others = (lease for name, lease in self._leases.items() if name != session_id)
        holds = tuple(map(LeaseSummary.of, others))
        return StoreSnapshot(self._leases.get(session_id), holds, self._set_aside, self._id)

    def _write(self, session_id: str, outcome: StoreUpdate) -> None:
        for name in outcome.reclaimed:
            if name in self._leases:
                self._leases[name] = self._leases[name].released()
        for name, expires_at in outcome.extended:
            if name in self._leases:
                self._leases[name] = replace(self._leases[name], expires_at=expires_at)
        if outcome.set_aside is not None:
            self._set_aside = outcome.set_aside
        if outcome.forget:
            self._leases.pop(session_id, None)
        elif outcome.lease is not None:
            self._leases[session_id] = replace(outcome.lease, store=self._id)
