"""What every rule of the plan looks at, worked out once: nothing here decides."""

from collections.abc import Mapping
from typing import NamedTuple

from composeports.core.engine_address import LOCALHOST
from composeports.core.lease import Lease
from composeports.core.plan.compose_project import Project, Service
from composeports.core.plan.host_facts import NOTHING_AROUND, HostFacts
from composeports.core.plan.port_layout import PortEntry
from composeports.core.plan.variable_effects import (
    FIXED_PORT_VARIABLES,
    NO_MOVES,
    URL_VARIABLE,
    VariableEffects,
)
from composeports.core.settings import Settings


class AssignedPort(NamedTuple):
    """A published port with the host port that it gets."""

    entry: PortEntry
    number: int


class PlanContext(NamedTuple):
    """What was observed, what the lease gives out, and what the repository wants.

    `values` are the variables that the files mention, with the values they have now; `fixed` are
    the six variables. `resolved` is the document that Compose gave. `required` are those of the
    six that the file asks for and nobody gave; the document has stand-ins for them.
    """

    project: Project
    lease: Lease
    settings: Settings
    fixed: Mapping[str, str]
    values: Mapping[str, str]
    moves: VariableEffects = NO_MOVES
    moved: tuple[AssignedPort, ...] = ()
    resolved: Mapping[str, object] = {}
    required: frozenset[str] = frozenset()
    around: HostFacts = NOTHING_AROUND

    @property
    def kept(self) -> tuple[str, ...]:
        """Those of the six variables that keep the user's value inside the stack.

        They move more than published ports and URLs to them, or lead to another machine.
        """
        return tuple(
            name
            for name in (*FIXED_PORT_VARIABLES, URL_VARIABLE)
            if name not in self.required and self.moves.other_places(name)
        )

    @property
    def host(self) -> str:
        """Where published ports are reached: empty on this machine, else the engine's host."""
        return "" if self.lease.host == LOCALHOST else self.lease.host

    @property
    def tag(self) -> str:
        """What makes a name the session's own: `ac-` and the hash."""
        return self.lease.project

    def numbers_for(self, service: Service) -> dict[int, int]:
        """Return the new number of every moved host port, as `service` most likely means it.

        Its own port comes first, then one of a service that runs together with it.
        """
        profiles = {each.name: set(each.profiles) for each in self.project.services}
        wanted = set(service.profiles)

        def distance(port: AssignedPort) -> tuple[bool, bool]:
            owner = port.entry.port.service
            together = not profiles[owner] or bool(profiles[owner] & wanted)
            return owner != service.name, not together

        found: dict[int, int] = {}
        for each in sorted(self.moved, key=distance):
            if each.entry.port.number is not None:
                found.setdefault(each.entry.port.number, each.number)
        return found
