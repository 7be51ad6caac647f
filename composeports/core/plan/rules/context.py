"""The input of every rule of the plan, computed once; no decision is made here."""

from collections.abc import Mapping
from typing import NamedTuple

from composeports.core.compose_project import Project, Service
from composeports.core.engine_address import LOCALHOST
from composeports.core.lease import Lease
from composeports.core.plan.host_facts import NO_HOST_FACTS, HostFacts
from composeports.core.plan.port_candidates import (
    FIXED_VARIABLES,
)
from composeports.core.plan.port_layout import PortEntry
from composeports.core.plan.variable_effects import NO_EFFECTS, VariableEffects
from composeports.core.settings import Settings


class AssignedPort(NamedTuple):
    """A published port and the host port that it gets."""

    entry: PortEntry
    number: int


class PlanContext(NamedTuple):
    """The facts about the project, what the lease gives out, and the settings.

    `values` maps the variables that the files mention to their current values. `fixed` are the six
    fixed variables. `resolved` is the document from Compose. `required` are the fixed variables
    that the file demands but that have no value; the document has stand-ins for them.
    """

    project: Project
    lease: Lease
    settings: Settings
    fixed: Mapping[str, str]
    values: Mapping[str, str]
    effects: VariableEffects = NO_EFFECTS
    assigned: tuple[AssignedPort, ...] = ()
    resolved: Mapping[str, object] = {}
    required: frozenset[str] = frozenset()
    host_facts: HostFacts = NO_HOST_FACTS

    @property
    def kept_variables(self) -> tuple[str, ...]:
        """Return the fixed variables that keep the user's value inside the stack.

        They move more than published ports and URLs to them, or lead to another machine.
        """
        return tuple(
            name
            for name in FIXED_VARIABLES
            if name not in self.required and self.effects.other_places(name)
        )

    @property
    def host(self) -> str:
        """Return the engine's host if published ports are reached there; empty for this machine."""
        return "" if self.lease.host == LOCALHOST else self.lease.host

    @property
    def project_name(self) -> str:
        """Return the project name, `ac-` and the hash, which makes a name unique to the session."""
        return self.lease.project

    def new_ports_of(self, service: Service) -> dict[int, int]:
        """Return the new number of every fixed host port, as `service` most likely means it.

        If services have the same old number, the port of `service` itself comes first, then the
        port of a service that runs together with it.
        """
        profiles = {other.name: set(other.profiles) for other in self.project.services}
        service_profiles = set(service.profiles)

        def distance(port: AssignedPort) -> tuple[bool, bool]:
            owner = port.entry.port.service
            runs_together = not profiles[owner] or bool(profiles[owner] & service_profiles)
            return owner != service.name, not runs_together

        new_ports: dict[int, int] = {}
        for port in sorted(self.assigned, key=distance):
            if port.entry.port.number is not None:
                new_ports.setdefault(port.entry.port.number, port.number)
        return new_ports
