"""What a store knows of leases, seen from one session, and what it writes after a decision."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from composeports.core.engine_traits import NO_TRAITS, EngineTraits
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock


class CooldownBlock(NamedTuple):
    """A block that is the last choice until then (seconds since the epoch)."""

    block: PortBlock
    until: float


@dataclass(frozen=True, slots=True)
class LeaseSummary:
    """What a decision needs to know of another session's lease, held or remembered.

    `directory` is where its Compose file is, on the machine `on_machine`; `engine` is the id of the
    engine that its stack is on, with its `traits`; empty where that is not known. `refused`: the
    record is not sound, so that it is left alone.
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

    @classmethod
    def of(cls, lease: Lease) -> Self:
        """Return what others have to know of `lease`."""
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
        )

    def has(self, port: int) -> bool:
        """Tell whether `port` is pinned or in the block."""
        return port in self.pins or port in self.block

    def all_ports(self) -> Iterator[PortBlock]:
        """Yield the block, and each pin as a block of one port."""
        yield self.block
        for port in self.pins:
            yield PortBlock(port, 1)

    def shares_port(self, block: PortBlock, pins: Iterable[int]) -> bool:
        """Tell whether a lease with this block and these pins would share a port."""
        return (
            self.block.overlaps(block)
            or any(port in block for port in self.pins)
            or any(map(self.has, pins))
        )


@dataclass(frozen=True, slots=True)
class StoreSnapshot:
    """What a store knows, seen from one session, in one instant; `store` is the store's id."""

    own: Lease | None = None
    others: tuple[LeaseSummary, ...] = ()
    set_aside: tuple[CooldownBlock, ...] = ()
    store: str = field(default="", compare=False)

    @property
    def held_subnets(self) -> tuple[str, ...]:
        """The subnets of all other sessions that hold a lease."""
        return tuple(text for hold in self.others if hold.held for text in hold.subnets)

    @property
    def remembered_subnets(self) -> tuple[str, ...]:
        """The subnets that others would like to get back; a store may know only a part."""
        return tuple(text for hold in self.others if not hold.held for text in hold.subnets)


class StoreUpdate(NamedTuple):
    """What a store writes in one transaction.

    `lease` replaces the session's own record (`forget` deletes it instead); the sessions in
    `reclaimed` keep their memory and lose their hold; `extended` moves other leases' `expires_at`.
    `set_aside`, where it is not None, is all that is set aside from now on.
    """

    lease: Lease | None = None
    forget: bool = False
    reclaimed: tuple[str, ...] = ()
    extended: tuple[tuple[str, float], ...] = ()
    set_aside: tuple[CooldownBlock, ...] | None = None

    @property
    def granted(self) -> Lease:
        """The lease that a claim gave, which no other outcome has to have."""
        if self.lease is None:
            message = "this outcome gives no lease"
            raise ValueError(message)
        return self.lease
