"""Leases in this process's memory, gone with it; for tests and short-lived programs. No I/O."""

import threading
from dataclasses import replace

from composeports.core.claims import Hold, Ledger, Outcome
from composeports.core.lease import Lease
from composeports.stores.base import Decide
from composeports.stores.conflicts import refuse_conflicts


class MemoryStore:
    """A store for the threads of one process."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}
        self._lock = threading.Lock()

    def get(self, session_id: str) -> Lease | None:
        """Return the session's lease, held or remembered."""
        with self._lock:
            return self._leases.get(session_id)

    def held(self) -> list[Lease]:
        """Return every held lease, lowest block first; expired ones too."""
        with self._lock:
            leases = [lease for lease in self._leases.values() if lease.held]
        return sorted(leases, key=lambda lease: lease.block)

    def known(self) -> list[Lease]:
        """Return every lease, held or remembered, by session id."""
        with self._lock:
            return sorted(self._leases.values(), key=lambda lease: lease.session_id)

    def ledger(self, session_id: str) -> Ledger:
        """Return what an `update` of this session would be shown now."""
        with self._lock:
            return self._ledger(session_id)

    def update(self, session_id: str, decide: Decide) -> Outcome:
        """Run `decide` and write what it says; `decide` must not call the store."""
        with self._lock:
            ledger = self._ledger(session_id)
            outcome = decide(ledger)
            refuse_conflicts(session_id, ledger, outcome)
            self._write(session_id, outcome)
            return outcome

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._leases.clear()

    def _ledger(self, session_id: str) -> Ledger:
        others = (lease for name, lease in self._leases.items() if name != session_id)
        return Ledger(self._leases.get(session_id), tuple(map(Hold.of, others)))

    def _write(self, session_id: str, outcome: Outcome) -> None:
        for name in outcome.reclaimed:
            if name in self._leases:
                self._leases[name] = self._leases[name].released()
        for name, expires_at in outcome.extended:
            if name in self._leases:
                self._leases[name] = replace(self._leases[name], expires_at=expires_at)
        if outcome.forget:
            self._leases.pop(session_id, None)
        elif outcome.lease is not None:
            self._leases[session_id] = outcome.lease
