"""The identity of an engine: distinguishes its leases from the leases of other engines.

Machines that were cloned from one image have engines with the same id. Their traits distinguish
them. A lease stores the traits of the engine that it was taken on.
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
from composeports.core.snapshot import LeaseSummary

LOCALHOST = "localhost"


class EngineIdentity(NamedTuple):
    """An engine: its id, the name of its machine, and where its published ports are reached.

    `id` is empty if it was not queried. `name` is the name that the engine's machine gives itself.
    `host` is the name or address under which this machine reaches the published ports. `local` is
    True if they are ports of this machine. `traits` distinguish the engine from others with the
    same id.
    """

    id: str = ""
    name: str = ""
    host: str = LOCALHOST
    local: bool = True
    traits: EngineTraits = NO_TRAITS

    @property
    def space(self) -> str:
        """Return the scope of the engine's ports in a machine's own store.

        Leases in different scopes may have the same port numbers. The scope is empty for all
        engines of this machine, and the engine's id for a remote engine.
        """
        return "" if self.local else self.id


THIS_MACHINE = EngineIdentity()


class Viewpoint(NamedTuple):
    """The engine and the machine with which leases are compared.

    `engine` is the id of the engine that is queried, `traits` are its traits, and `machine` is the
    name of this machine.
    """

    engine: str = ""
    traits: EngineTraits = NO_TRAITS
    machine: str = ""

    def has_other_id(self, of: Lease | LeaseSummary) -> bool:
        """Return True if the lease is known to be on an engine with another id."""
        return bool(of.engine and self.engine and of.engine != self.engine)

    def sameness(self, of: Lease | LeaseSummary) -> str:
        """Return whether the lease's stack is on the engine that is queried: SAME, OTHER or UNSURE.

        Without ids or traits, all engines count as one. A lease of an earlier version has no
        traits, so the machine names are compared instead.
        """
        if self.has_other_id(of):
            return OTHER
        if not (of.engine and self.engine) or self.traits == NO_TRAITS:
            return SAME
        if of.traits == NO_TRAITS:
            return compare_machines(of.on_machine, self.machine, self.traits)
        return compare(of.traits, self.traits, of.allocated_at)

    def is_same(self, of: Lease | LeaseSummary) -> bool:
        """Return True if the engine's answers apply to the stack of the lease."""
        return self.sameness(of) == SAME


NOWHERE = Viewpoint()


class EngineLeases(NamedTuple):
    """An engine that a store knows, and the leases held on it, lowest block first."""

    engine: EngineIdentity
    leases: tuple[Lease, ...] = ()
