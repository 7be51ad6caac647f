"""The store's leases as one session sees them, and the update that the store writes."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

from composeports.core.engine_traits import NO_TRAITS, EngineTraits
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock


class CooldownBlock(NamedTuple):
    """A block that is the last choice until `until` (seconds since the epoch)."""

    block: PortBlock
    until: float


class LeaseSummary(NamedTuple):
    """The facts of another session's lease that a decision needs, held or remembered.

    `directory` is the folder of its Compose file, on the machine `on_machine`. `engine` is the id
    of the engine that runs its stack, with its `traits`; both are empty if unknown. `refused` is
    True if the record is unsound; such a record is not changed. `name` is the session's readable
    name; empty if unknown. `unused` is True for a lease of the git hook that no command has used.
    """

    session_id: str
    block: PortBlock
    project: str
    expires_at: float
    held: bool
    pins: frozenset[int] = frozenset()
    subnets: tuple[str, ...] = ()
    directory: str = ""
    engine: str = ""
    refused: bool = False
    on_machine: str = ""
    traits: EngineTraits = NO_TRAITS
    allocated_at: float = 0.0
    name: str = ""
    unused: bool = False

    @classmethod
    def of(cls, lease: Lease) -> Self:
        """Return the summary of `lease`."""
        return cls(
            lease.session_id,
            lease.block,
            lease.project,
            lease.expires_at,
            lease.held,
            frozenset(lease.pins.values()),
            tuple(lease.subnets.values()),
            lease.place.directory,
            lease.engine,
            on_machine=lease.on_machine,
            traits=lease.traits,
            allocated_at=lease.allocated_at,
            name=lease.name,
            unused=lease.unused,
        )

    def has(self, port: int) -> bool:
        """Return True if `port` is pinned or in the block."""
        return port in self.pins or port in self.block

    def all_ports(self) -> Iterator[PortBlock]:
        """Yield the block, and each pin as a block of one port."""
        yield self.block
        for port in self.pins:
            yield PortBlock(port, 1)

    def shares_port(self, block: PortBlock, pins: Iterable[int]) -> bool:
        """Return True if a lease with this block and these pins would share a port."""
        return (
            self.block.overlaps(block)
            or any(port in block for port in self.pins)
            or any(map(self.has, pins))
        )


class StoreSnapshot(NamedTuple):
    """The content of a store at one instant, as one session sees it; `store` is the store's id."""

    own: Lease | None = None
    others: tuple[LeaseSummary, ...] = ()
    cooldowns: tuple[CooldownBlock, ...] = ()
    store: str = ""

    @property
    def held_names(self) -> frozenset[str]:
        """Return the readable names of all other sessions that hold a lease."""
        return frozenset(lease.name for lease in self.others if lease.held)

    @property
    def held_subnets(self) -> tuple[str, ...]:
        """Return the subnets of all other sessions that hold a lease."""
        return tuple(subnet for lease in self.others if lease.held for subnet in lease.subnets)

    @property
    def remembered_subnets(self) -> tuple[str, ...]:
        """Return the subnets that other sessions had and will ask for again.

        A store may return only some of them.
        """
        return tuple(subnet for lease in self.others if not lease.held for subnet in lease.subnets)


class StoreUpdate(NamedTuple):
    """The changes that a store writes in one transaction.

    `lease` replaces the session's own record; `forget` deletes that record instead. Sessions in
    `reclaimed` lose their lease, but their records stay. `extended` sets `expires_at` of other
    leases. If `cooldowns` is not None, it replaces the list of all blocks in cool-down.
    """

    lease: Lease | None = None
    forget: bool = False
    reclaimed: tuple[str, ...] = ()
    extended: tuple[tuple[str, float], ...] = ()
    cooldowns: tuple[CooldownBlock, ...] | None = None

    @property
    def granted(self) -> Lease:
        """Return the lease that a claim gave.

        Raise ValueError if the update has no lease; only the update of a claim always has one.
        """
        if self.lease is None:
            message = "this outcome gives no lease"
            raise ValueError(message)
        return self.lease
