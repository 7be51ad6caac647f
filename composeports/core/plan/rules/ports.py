"""Published ports and the variables that move them."""

from collections.abc import Iterator, Mapping

from composeports.core.compose_project import Service
from composeports.core.plan.change import Change, RuleResult
from composeports.core.plan.override import Override
from composeports.core.plan.port_candidates import FIXED_PORT_VARIABLES
from composeports.core.plan.port_layout import PortEntry
from composeports.core.plan.rules.containers import shell_name
from composeports.core.plan.rules.context import AssignedPort, PlanContext
from composeports.core.plan.variable_effects import moved_target
from composeports.core.protected_names import is_protected, is_settable

# The first change of every plan, even if the file does not mention the variable.
PROJECT_NAME = "COMPOSE_PROJECT_NAME"


def published_ports(context: PlanContext) -> RuleResult:
    """Give every published port a host port of the block; address, protocol, mode and name stay."""
    numbers = {
        (assigned_port.entry.port.service, assigned_port.entry.position): str(assigned_port.number)
        for assigned_port in context.assigned
    }
    services = {
        service.name: {"ports": Override(_port_list(service, numbers, context))}
        for service in context.project.services
        if any(
            numbers.get((service.name, index), port.published) != port.published
            or context.effects.variable_of(service.name, index, "target") in context.kept_variables
            for index, port in enumerate(service.ports)
        )
    }
    changes = tuple(
        Change(
            kind="port",
            where=assigned_port.entry.key,
            before=assigned_port.entry.port.published,
            after=str(assigned_port.number),
            why=_why(assigned_port, context),
            service=assigned_port.entry.port.service,
        )
        for assigned_port in context.assigned
        if assigned_port.entry.port.published != str(assigned_port.number)
    )
    return RuleResult(changes, {"services": services} if services else {})


def _port_list(
    service: Service, numbers: Mapping[tuple[str, int], str], context: PlanContext
) -> list[dict[str, object]]:
    """Return the service's whole `ports` list in long form.

    An entry without a host port stays without one.
    """
    entries: list[dict[str, object]] = []
    required = {name: context.fixed[name] for name in context.required}
    for index, port in enumerate(service.ports):
        entry: dict[str, object] = {
            "name": port.name,
            "mode": port.mode,
            "host_ip": port.host_ip,
            "target": moved_target(port, index, context.effects, required),
            "published": numbers.get((service.name, index), port.published),
            "protocol": port.protocol,
            "app_protocol": port.app_protocol,
        }
        entries.append({field: value for field, value in entry.items() if value})
    return entries


def _why(moved: AssignedPort, context: PlanContext) -> str:
    entry = moved.entry
    if entry.key in context.lease.pins:
        return "pinned to this number"
    protected_name = _obeyed(entry, context)
    if protected_name:
        return f"{protected_name} is a name that programs obey, so only the host port is changed"
    if not entry.variable:
        return f"host port {entry.port.published} is written in the Compose file"
    is_fixed = (
        entry.variable in FIXED_PORT_VARIABLES and entry.variable not in context.kept_variables
    )
    if is_fixed or context.effects.only_publishes(entry.variable):
        return f"{entry.variable} sets it"
    return f"{entry.variable} also moves other things, so only the host port is changed"


def _obeyed(entry: PortEntry, context: PlanContext) -> str:
    """Return the protected variable that gives the number; empty if there is none.

    Such a variable never gets a marker, so it is recognized by its value.
    """
    if entry.variable:
        return entry.variable if is_protected(entry.variable) else ""
    number = entry.port.published
    names = (name for name, value in context.values.items() if value == number)
    return next((name for name in sorted(names) if number and is_protected(name)), "")


def variables(context: PlanContext) -> RuleResult:
    """Set the six fixed variables, and the file's variables that move only published ports."""
    after = {**context.fixed, **own_variables(context)}
    before = {**context.values, **_published_before(context)}
    excluded_names = {PROJECT_NAME, *context.kept_variables}
    return RuleResult(
        tuple(
            Change("variable", name, before[name], value, _why_set(name, context))
            for name, value in after.items()
            if name in context.values and name not in excluded_names and before[name] != value
        )
    )


def _published_before(context: PlanContext) -> dict[str, str]:
    """Return the host ports in the file that come from variables, by variable.

    Compose reports only one default of a variable, which may have others elsewhere in the file.
    """
    return {
        assigned_port.entry.variable: assigned_port.entry.port.published
        for assigned_port in context.assigned
        if assigned_port.entry.variable and assigned_port.entry.port.published
    }


def _why_set(name: str, context: PlanContext) -> str:
    """Return the reason why a variable is set.

    A fixed variable that the file demands is set, whatever else it moves.
    """
    other_uses = context.effects.other_places(name)
    if not other_uses:
        return "the Compose file reads it"
    return f"the Compose file demands it; it also sets {', '.join(other_uses)}"


def own_variables(context: PlanContext) -> dict[str, str]:
    """Return the new values of variables that move only published ports and URLs to them."""
    new_values: dict[str, str] = {}
    for name, number in _moved_by_variables(context):
        if context.effects.only_publishes(name) and is_settable(name):
            new_values.setdefault(name, str(number))
    return dict(sorted(new_values.items()))


def _moved_by_variables(context: PlanContext) -> Iterator[tuple[str, int]]:
    for assigned_port in context.assigned:
        name = assigned_port.entry.variable
        if name and name not in FIXED_PORT_VARIABLES:
            yield name, assigned_port.number


def variable_of(entry: PortEntry) -> str:
    """Return `PORT_<SERVICE>_<TARGET>`, the variable of a published port for programs on the host.

    Protocols other than TCP are appended, such as `_UDP`.
    """
    port = entry.port
    suffix = "" if port.protocol == "tcp" else f"_{port.protocol.upper()}"
    return f"PORT_{shell_name(port.service)}_{port.target}{suffix}"
