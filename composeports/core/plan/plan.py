"""The plan: everything that `up` will do to Compose, and why. Pure data from pure data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from composeports.core.compose_project import Project
from composeports.core.engine_address import in_url
from composeports.core.environment import combined, fixed_variables
from composeports.core.lease import Lease
from composeports.core.masking import masked
from composeports.core.plan.change import Change, MissingFile, SharedResource, UnchangedValue, merge
from composeports.core.plan.host_facts import NO_HOST_FACTS, HostFacts
from composeports.core.plan.port_candidates import FIXED_PORT_VARIABLES
from composeports.core.plan.port_layout import PortGroup, assign, entries_of, groups_of
from composeports.core.plan.rules import containers, ports
from composeports.core.plan.rules.context import AssignedPort, PlanContext
from composeports.core.plan.rules.name_references import new_names
from composeports.core.plan.rules.registry import RULES
from composeports.core.plan.rules.unchanged_values import left_values
from composeports.core.plan.urls import client_url
from composeports.core.plan.variable_effects import NO_EFFECTS, VariableEffects
from composeports.core.ports import REST
from composeports.core.protected_names import is_settable, settable
from composeports.core.service_state import ServiceState, standings
from composeports.core.settings import Settings

REST_VARIABLE = FIXED_PORT_VARIABLES[REST]


class ObservedConfig(NamedTuple):
    """What Compose reports about the files before any decision, and facts about the host.

    `values` maps the variables that the files mention to their current values. `resolved` is the
    whole document from Compose. `required` are the fixed variables that the files demand but that
    have no value. `unproved` are the variables for which Compose could not report what they move.
    """

    project: Project = Project()
    effects: VariableEffects = NO_EFFECTS
    values: Mapping[str, str] = {}
    resolved: Mapping[str, object] = {}
    required: frozenset[str] = frozenset()
    unproved: tuple[str, ...] = ()
    host_facts: HostFacts = NO_HOST_FACTS


class PublishedEndpoint(NamedTuple):
    """A published port in the plan: `key` is like `"web:80/tcp"`, `number` is the host port."""

    key: str
    service: str
    number: int
    protocol: str
    url: str


class Plan(NamedTuple):
    """What `up` does: the environment, the override document, and the reasons.

    `variables` come after the six fixed variables in `fixed`, or replace one of them if its port is
    pinned. `shared` are the resources that all sessions share because the file or the settings say
    so. `warnings` name everything that is shared, or fails, although no setting says so; each says
    what the user can do about it. `notes` are useful facts. `left` are the values that look like a
    moved port or an old name but stay as they are. None of these contains passwords, but
    `environment` and `override` do. `standings` maps each service to the name and networks of its
    containers. `session_names` are the names of containers, images, networks and volumes that
    scripts may contain and that differ in the session. `missing` are files and folders that do not
    exist. `copies` are the files that the worktree gets from the main checkout before `up` plans.
    `name` is the session's readable name.
    """

    session_id: str
    project: str
    fixed: tuple[tuple[str, str], ...]
    variables: tuple[tuple[str, str], ...]
    endpoints: tuple[PublishedEndpoint, ...]
    offsets: Mapping[str, int]
    override: Mapping[str, object]
    changes: tuple[Change, ...]
    shared: tuple[SharedResource, ...] = ()
    warnings: tuple[str, ...] = ()
    left: tuple[UnchangedValue, ...] = ()
    notes: tuple[str, ...] = ()
    standings: Mapping[str, ServiceState] = {}
    session_names: Mapping[str, Mapping[str, str]] = {}
    missing: tuple[MissingFile, ...] = ()
    copies: tuple[str, ...] = ()
    name: str = ""

    @property
    def environment(self) -> tuple[tuple[str, str], ...]:
        """Return the variables of the session, in a fixed order.

        First the six fixed variables, then the file's own, then one for each published port and for
        each container, then the variables that the settings derive.
        """
        return combined(self.fixed, self.variables)

    @property
    def ports(self) -> dict[str, int]:
        """Return the host port of every published port, by key."""
        return {endpoint.key: endpoint.number for endpoint in self.endpoints}

    @property
    def urls(self) -> dict[str, str]:
        """Return the URL, or `host:port`, for clients of every published port, by key."""
        return {endpoint.key: endpoint.url for endpoint in self.endpoints}

    def as_dict(self) -> dict[str, object]:
        """Return the JSON document of `plan --json`, which is also part of `up --json`."""
        return {
            "session_id": self.session_id,
            "name": self.name,
            "compose_project_name": self.project,
            "env": dict(self.environment),
            "ports": self.ports,
            "urls": self.urls,
            "changes": [change.as_dict() for change in self.changes],
            "shared": [resource.as_dict() for resource in self.shared],
            "warnings": list(self.warnings),
            "left": [value.as_dict() for value in self.left],
            "notes": list(self.notes),
            "missing": [file.as_dict() for file in self.missing],
            "copies": list(self.copies),
        }


def make_plan(observed: ObservedConfig, lease: Lease, settings: Settings | None = None) -> Plan:
    """Return the plan for the session's stack on its lease.

    Raise BlockTooSmallError if the block has too few ports.
    """
    groups = groups_of(entries_of(observed.project, observed.effects, lease.pins))
    block_groups = [
        group for group in groups if not all(entry.key in lease.pins for entry in group.entries)
    ]
    pinned_offsets = [number - lease.block.start for number in lease.pins.values()]
    offsets = assign(block_groups, lease.offsets, lease.block.size, pinned_offsets)
    assigned_ports = tuple(_assigned(groups, offsets, lease))
    fixed = fixed_variables(lease.block.start, lease.project, lease.host)
    pinned_variables = dict(_pinned(assigned_ports, lease))
    context = PlanContext(
        project=observed.project,
        lease=lease,
        settings=settings or Settings(),
        fixed=dict(fixed) | pinned_variables,
        values=observed.values,
        effects=observed.effects,
        assigned=assigned_ports,
        resolved=observed.resolved,
        required=observed.required,
        host_facts=observed.host_facts,
    )
    parts = [rule(context) for rule in RULES]
    changes = tuple(change for part in parts for change in part.changes)
    derived_variables = _derived(context, {port.entry.key: port.number for port in assigned_ports})
    override = merge(part.override for part in parts)
    name_change = Change("project", "project name", "", lease.project, "every session has its own")
    return Plan(
        session_id=lease.session_id,
        project=lease.project,
        fixed=fixed,
        variables=settable((*pinned_variables.items(), *_variables(context), *derived_variables)),
        endpoints=tuple(_endpoint(port, lease.host) for port in assigned_ports),
        offsets=offsets,
        override=override,
        changes=(name_change, *(change.shown() for change in changes)),
        shared=tuple(resource.shown() for part in parts for resource in part.shared),
        warnings=(
            *(masked(warning) for part in parts for warning in part.warnings),
            *_unproved(observed.unproved),
        ),
        left=tuple(
            value.shown()
            for value in (
                *(value for part in parts for value in part.left),
                *left_values(context, changes),
            )
        ),
        notes=tuple(masked(note) for part in parts for note in part.notes),
        standings=standings(observed.project, override, lease.project),
        session_names=new_names(context).for_scripts(),
        missing=tuple(file for part in parts for file in part.missing),
        copies=observed.host_facts.incoming,
        name=lease.name,
    )


def _unproved(names: Sequence[str]) -> Iterator[str]:
    if names:
        yield (
            f"this Docker Compose cannot report what {', '.join(names)} changes, so only host "
            "ports change; a newer version may report it"
        )


def _assigned(
    groups: Sequence[PortGroup], offsets: Mapping[str, int], lease: Lease
) -> Iterator[AssignedPort]:
    pairs = [
        AssignedPort(entry, lease.pins.get(entry.key) or lease.block.port(offsets[group.key]))
        for group in groups
        for entry in group.entries
    ]
    yield from sorted(pairs, key=lambda pair: (pair.entry.port.service, pair.entry.position))


def _pinned(assigned_ports: Sequence[AssignedPort], lease: Lease) -> Iterator[tuple[str, str]]:
    """Yield each fixed variable whose published port is pinned to another number."""
    for assigned_port in assigned_ports:
        name = assigned_port.entry.variable
        if name in FIXED_PORT_VARIABLES and assigned_port.entry.key in lease.pins:
            yield name, str(assigned_port.number)
            if name == REST_VARIABLE:
                yield "SUPABASE_URL", f"http://{in_url(lease.host)}:{assigned_port.number}"


def _endpoint(assigned_port: AssignedPort, host: str) -> PublishedEndpoint:
    key, number = assigned_port.entry.key, assigned_port.number
    port = assigned_port.entry.port
    return PublishedEndpoint(
        key, port.service, number, port.protocol, client_url(port, number, host)
    )


def _derived(context: PlanContext, ports: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
    """Return the variables that the settings derive from the ports, such as DATABASE_URL."""
    if not context.settings.env:
        return ()
    from composeports.core.templates import expand_env  # noqa: PLC0415 - rarely needed

    return expand_env(context.settings, context.fixed.items(), ports, in_url(context.lease.host))


def _variables(context: PlanContext) -> Iterator[tuple[str, str]]:
    """Yield the file's variables, then one for every published port and every container.

    A variable of a port or container never replaces a variable that the file mentions.
    """
    file_variables = ports.own_variables(context)
    yield from file_variables.items()
    used_names = {*context.fixed, *context.values, *file_variables}
    port_variables = [
        (ports.variable_of(assigned_port.entry), str(assigned_port.number))
        for assigned_port in context.assigned
    ]
    for name, value in (*port_variables, *containers.variables_of(context)):
        if name not in used_names and is_settable(name):
            used_names.add(name)
            yield name, value
