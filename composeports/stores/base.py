"""The contract that every store keeps: where leases live, and how one is changed atomically."""

from collections.abc import Callable
from typing import Protocol

from composeports.core.engine_identity import EngineLeases
from composeports.core.lease import Lease
from composeports.core.ledger import StoreSnapshot, StoreUpdate

Decide = Callable[[StoreSnapshot], StoreUpdate]


class Store(Protocol):
    """Leases by session id, held ones and remembered ones, all of them of one engine.

    What other engines have in the same place is theirs: the same session, port or project there
    is another one. Engines of the machine that the store is on count as one, where the store is
    that machine's alone, since their ports are the same ones.

    Others may have written to the place. A record that is not sound is refused: `get`, `ledger` and
    `update` of its session fail with StoreError, which names it; in lists it is left out; and in
    the ledgers of others its ports are held, as `refused`, by what nobody can reclaim.

    Two held leases never share a host port (of a block or pinned), a subnet or a project name;
    an `update` that would break this fails with StoreError and writes nothing. Every method may
    raise StoreError (unusable), and `update` StoreBusyError (somebody holds the write lock for
    too long).
    """

    def get(self, session_id: str) -> Lease | None:
        """Return the session's lease, held or remembered."""
        ...

    def held(self) -> list[Lease]:
        """Return every held lease, lowest block first; expired ones too."""
        ...

    def known(self) -> list[Lease]:
        """Return every lease, held or remembered, by session id."""
        ...

    def ledger(self, session_id: str) -> StoreSnapshot:
        """Return what an `update` of this session would be shown now; for a look ahead."""
        ...

    def update(
        self, session_id: str, decide: Decide, *, patience: float | None = None
    ) -> StoreUpdate:
        """Run `decide` on what is known and write what it says, as one atomic step.

        Others who write are waited for up to `patience` seconds; None is the store's own patience.

        No other `update` of any process comes in between. `decide` must be quick and pure,
        since it runs under the write lock; what it raises passes through, with nothing written.
        """
        ...

    def fleet(self) -> list[EngineLeases]:
        """Return what is held on every engine that the store knows, this one's first."""
        ...

    def identity(self) -> str:
        """Return the random id that tells this store from all others; empty before it is made."""
        ...

    def close(self) -> None:
        """Let go of files and connections; the store is not used afterwards."""
        ...
