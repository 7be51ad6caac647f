"""Which engine it is: what tells its leases from those of another one."""

from dataclasses import dataclass
from typing import NamedTuple

from composeports.core.lease import Lease

LOCALHOST = "localhost"


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """An engine: its own `id`, what its machine calls itself, and where its ports are reached.

    `host` is the name or address under which this machine reaches the published ports; `local`
    tells that they are ports of this machine. `id` is empty where nobody asked for it.
    """

    id: str = ""
    name: str = ""
    host: str = LOCALHOST
    local: bool = True

    @property
    def space(self) -> str:
        """Whose ports a machine's own store counts as one: empty for all engines of the machine."""
        return "" if self.local else self.id


THIS_MACHINE = EngineIdentity()


class EngineLeases(NamedTuple):
    """An engine that a store knows, and the leases that are held on it, lowest block first."""

    engine: EngineIdentity
    leases: tuple[Lease, ...] = ()
