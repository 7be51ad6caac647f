"""A store as one command sees it: each lease is read once until `reread`."""

from composeports.core.lease import Lease
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.stores.base import Decide, Store


class ReadOnceStore:
    """Remembers the leases that one command has read from a store or written to it."""

    def __init__(self, store: Store) -> None:
        """Remember nothing yet."""
        self._store = store
        self._leases: dict[str, Lease | None] = {}

    def get(self, session_id: str) -> Lease | None:
        """Return the session's lease, as it was when the command first read it or changed it."""
        if session_id not in self._leases:
            self._leases[session_id] = self._store.get(session_id)
        return self._leases[session_id]

    def known(self) -> list[Lease]:
        """Return every lease of the store, as it is now."""
        return self._store.known()

    def identity(self) -> str:
        """Return the store's unique random id; empty if the store does not exist yet."""
        return self._store.identity()

    def snapshot(self, session_id: str) -> StoreSnapshot:
        """Return the snapshot that an `update` of this session would pass to `decide` now."""
        snapshot = self._store.snapshot(session_id)
        self._leases[session_id] = snapshot.own
        return snapshot

    def update(
        self, session_id: str, decide: Decide, *, timeout_seconds: float | None = None
    ) -> StoreUpdate:
        """Change the session's lease, as `Store.update` does, and remember the new one."""
        self._leases.pop(session_id, None)
        outcome = self._store.update(session_id, decide, timeout_seconds=timeout_seconds)
        if outcome.forget:
            self._leases[session_id] = None
        elif outcome.lease is not None:
            self._leases[session_id] = outcome.lease
        return outcome

    def reread(self) -> None:
        """Read every lease again from now on, because other commands may have changed it."""
        self._leases.clear()
