"""Which engine it is: what tells its leases from those of another one.

Machines that were cloned from one image have engines with one id. Their traits tell them apart; a
lease has those of the engine that it was taken on.
"""

from typing import NamedTuple

from composeports.core.engine_traits import (
    NO_TRAITS,
    OTHER,
    SAME,
    EngineTraits,
    compare,
    compare_machines,
)
from composeports.core.lease import Lease
from composeports.core.ledger import LeaseSummary

LOCALHOST = "localhost"


class EngineIdentity(NamedTuple):
    """An engine: its own `id`, what its machine calls itself, and where its ports are reached.

    `host` is the name or address under which this machine reaches the published ports; `local`
    tells that they are ports of this machine. `id` is empty where it was not asked for; `traits`
    tell the engine from others with the same one.
    """

    id: str = ""
    name: str = ""
    host: str = LOCALHOST
    local: bool = True
    traits: EngineTraits = NO_TRAITS

    @property
    def space(self) -> str:
        """Whose ports a machine's own store counts as one: empty for all engines of the machine."""
        return "" if self.local else self.id


THIS_MACHINE = EngineIdentity()


class Viewpoint(NamedTuple):
    """Who looks at leases: the engine that is asked (its id and traits), and the machine's name."""

    engine: str = ""
    traits: EngineTraits = NO_TRAITS
    machine: str = ""

    def has_other_id(self, of: Lease | LeaseSummary) -> bool:
        """Tell whether a lease is of an engine with another id, as far as is known."""
        return bool(of.engine and self.engine and of.engine != self.engine)

    def sameness(self, of: Lease | LeaseSummary) -> str:
        """Return whether a lease's stack is on the engine that is asked: SAME, OTHER or UNSURE.

        Without ids or traits all engines count as one. A lease of an earlier version has no traits.
        """
        if self.has_other_id(of):
            return OTHER
        if not (of.engine and self.engine) or self.traits == NO_TRAITS:
            return SAME
        if of.traits == NO_TRAITS:
            return compare_machines(of.on_machine, self.machine, self.traits)
        return compare(of.traits, self.traits, of.allocated_at)

    def is_same(self, of: Lease | LeaseSummary) -> bool:
        """Tell whether what the engine says of a lease's stack counts."""
        return self.sameness(of) == SAME


NOWHERE = Viewpoint()


class EngineLeases(NamedTuple):
    """An engine that a store knows, and the leases that are held on it, lowest block first."""

    engine: EngineIdentity
    leases: tuple[Lease, ...] = ()
