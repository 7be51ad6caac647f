"""The contract of every store: where leases are kept, and how one is changed atomically."""

from collections.abc import Callable
from typing import Protocol

from composeports.core.engine_identity import EngineLeases
from composeports.core.lease import Lease
from composeports.core.snapshot import StoreSnapshot, StoreUpdate

Decide = Callable[[StoreSnapshot], StoreUpdate]


def ignore_message(_text: str) -> None:
    """Ignore a message, where no user reads it."""


class Store(Protocol):
    """The leases of one engine, by session id: held leases and remembered (released) ones.

    One file or database may contain the leases of several engines. They are separate: the same
    session, port or project of another engine is a different one. In a store that only one machine
    uses, all engines of that machine count as one engine, because they share the machine's ports.

    Other programs may have written to the file or database. An invalid record is refused: `get`,
    `snapshot` and `update` of its session raise StoreError, which names the session. Lists omit the
    record. Snapshots for other sessions contain it as `refused`, so that it keeps its ports and no
    session can reclaim them.

    Two held leases never share a host port (of a block or pinned), a subnet or a project name. An
    `update` that would break this raises StoreError and writes nothing. Every method may raise
    StoreError if the store is unusable; `update` may raise StoreBusyError if another process holds
    the write lock for too long.
    """

    def get(self, session_id: str) -> Lease | None:
        """Return the session's lease, held or remembered; None if there is none."""
        ...

    def held(self) -> list[Lease]:
        """Return every held lease, including expired ones, lowest block first."""
        ...

    def known(self) -> list[Lease]:
        """Return every lease, held or remembered, sorted by session id."""
        ...

    def snapshot(self, session_id: str) -> StoreSnapshot:
        """Return the snapshot that an `update` of this session would pass to `decide` now.

        Used to preview a decision.
        """
        ...

    def update(
        self, session_id: str, decide: Decide, *, timeout_seconds: float | None = None
    ) -> StoreUpdate:
        """Pass a snapshot to `decide` and write what it returns, as one atomic step.

        The store waits up to `timeout_seconds` for other writers; None means the store's
        own limit.

        No other `update` of any process runs in between. `decide` must be quick, because it runs
        under the write lock: it computes, and at most looks whether session locks are held. Its
        exceptions pass through, and then nothing is written.
        """
        ...

    def fleet(self) -> list[EngineLeases]:
        """Return every engine that the store knows with its held leases, this engine first."""
        ...

    def identity(self) -> str:
        """Return the store's unique random id; empty if the store does not exist yet."""
        ...

    def close(self) -> None:
        """Close files and connections; the store must not be used afterwards."""
        ...
