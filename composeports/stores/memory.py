"""A store in this process's memory, for tests and short-lived programs; it does no I/O."""

import os
import threading
from collections.abc import Callable

from composeports.core.clock import ClockReading, is_current, jump
from composeports.core.engine_identity import THIS_MACHINE, EngineLeases
from composeports.core.lease import Lease
from composeports.core.snapshot import CooldownBlock, LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.host.clock import read_clock
from composeports.stores.base import Decide
from composeports.stores.conflicts import refuse_conflicts


class MemoryStore:
    """A store for the threads of one process; its leases are lost when the process ends."""

    def __init__(self, *, clock: Callable[[], ClockReading] = read_clock) -> None:
        self._leases: dict[str, Lease] = {}
        self._cooldowns: tuple[CooldownBlock, ...] = ()
        self._clock = clock
        self._id = os.urandom(16).hex()
        self._time: ClockReading | None = None
        self._lock = threading.Lock()

    def get(self, session_id: str) -> Lease | None:
        """Return the session's lease, held or remembered; None if there is none."""
        with self._lock:
            self._note_time()
            return self._leases.get(session_id)

    def held(self) -> list[Lease]:
        """Return every held lease, including expired ones, lowest block first."""
        with self._lock:
            self._note_time()
            leases = [lease for lease in self._leases.values() if lease.held]
        return sorted(leases, key=lambda lease: lease.block)

    def known(self) -> list[Lease]:
        """Return every lease, held or remembered, sorted by session id."""
        with self._lock:
            self._note_time()
            return sorted(self._leases.values(), key=lambda lease: lease.session_id)

    def snapshot(self, session_id: str) -> StoreSnapshot:
        """Return the snapshot that an `update` of this session would pass to `decide` now."""
        with self._lock:
            self._note_time()
            return self._snapshot(session_id)

    def fleet(self) -> list[EngineLeases]:
        """Return the held leases, all of one engine."""
        return [EngineLeases(THIS_MACHINE, tuple(self.held()))]

    def identity(self) -> str:
        """Return the store's own id, which is new for each instance."""
        return self._id

    def update(
        self, session_id: str, decide: Decide, *, timeout_seconds: float | None = None
    ) -> StoreUpdate:
        """Run `decide` and write what it returns; `decide` must not call the store."""
        del timeout_seconds  # not needed: every update is short
        with self._lock:
            self._note_time()
            snapshot = self._snapshot(session_id)
            outcome = decide(snapshot)
            refuse_conflicts(session_id, snapshot, outcome)
            self._write(session_id, outcome)
            return outcome

    def close(self) -> None:
        """Delete all leases and all blocks in cool-down."""
        with self._lock:
            self._leases.clear()
            self._cooldowns = ()

    def _note_time(self) -> None:
        """Move the end times of held leases and cool-downs with a wall clock that was set."""
        now = self._clock()
        if is_current(self._time, now):
            return
        shift = jump(self._time, now)
        self._time = now
        for name, lease in self._leases.items() if shift else ():
            if lease.held:
                self._leases[name] = lease._replace(expires_at=lease.expires_at + shift)
        self._cooldowns = tuple(
            cooldown._replace(until=cooldown.until + shift) for cooldown in self._cooldowns
        )

    def _snapshot(self, session_id: str) -> StoreSnapshot:
        other_leases = (lease for name, lease in self._leases.items() if name != session_id)
        holds = tuple(map(LeaseSummary.of, other_leases))
        return StoreSnapshot(self._leases.get(session_id), holds, self._cooldowns, self._id)

    def _write(self, session_id: str, outcome: StoreUpdate) -> None:
        for name in outcome.reclaimed:
            if name in self._leases:
                self._leases[name] = self._leases[name].released()
        for name, expires_at in outcome.extended:
            if name in self._leases:
                self._leases[name] = self._leases[name]._replace(expires_at=expires_at)
        if outcome.cooldowns is not None:
            self._cooldowns = outcome.cooldowns
        if outcome.forget:
            self._leases.pop(session_id, None)
        elif outcome.lease is not None:
            self._leases[session_id] = outcome.lease._replace(store=self._id)
