"""Addresses of the engine's machine that lead to a container of another project."""

from collections.abc import Iterator, Mapping

from composeports.core.compose_project import Service
from composeports.core.plan.change import RuleResult, SharedResource
from composeports.core.plan.host_port_pairs import (
    lone_hosts,
    ports_in_settings,
    ports_of_hosts,
    with_new_ports,
)
from composeports.core.plan.local_urls import (
    Reach,
    addresses,
    is_listening,
    is_number_in,
    port_in,
    renumbered,
)
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.environment import engine_hosts, is_kept, numbers_of, reach_of
from composeports.core.plan.rules.wording import quoted, way_out
from composeports.core.plan.shared_settings import IN_SETTINGS, is_named


def ports_of_others(context: PlanContext) -> RuleResult:
    """Warn about variables that lead to a port that another project publishes now."""
    other_ports = {entry.port: entry for entry in context.host_facts.published}
    own_ports = {port.number for service in context.project.services for port in service.ports}
    shared: dict[str, SharedResource] = {}
    warnings: list[str] = []
    for service in context.project.services if other_ports else ():
        for name, port in _host_ports(service, context):
            if port in own_ports or port not in other_ports:
                continue
            if is_named(context.settings, "port", str(port)):
                shared[str(port)] = SharedResource("port", str(port), IN_SETTINGS)
            else:
                owner = other_ports[port]
                warnings.append(
                    f"environment.{name} of service {service.name} leads to port {port} of the "
                    f"host, which {owner.container} of project {owner.project} publishes: other "
                    f"sessions reach it, too; {way_out(f'port:{port}')}"
                )
    return RuleResult(shared=tuple(shared.values()), warnings=tuple(dict.fromkeys(warnings)))


def unknown_forms(context: PlanContext) -> RuleResult:
    """Warn about texts with a name of the host and a moved port that the plan leaves there."""
    warnings: list[str] = []
    for service in context.project.services:
        numbers = numbers_of(service, context)
        if any(old != new for old, new in numbers.items()):
            warnings += _in_values(service, numbers, context)
            warnings += _in_commands(service, numbers, context)
    warnings += _in_handed_values(context)
    return RuleResult(warnings=tuple(dict.fromkeys(warnings)))


def _in_handed_values(context: PlanContext) -> Iterator[str]:
    """Yield a warning for each config or secret whose variable has an address of the host."""
    pairs = ((port.entry.port.number, port.number) for port in context.assigned)
    numbers = {old: new for old, new in pairs if old is not None}
    for where, text in context.host_facts.handed_values.items():
        name = context.project.handed_variables[where]
        port = _port_beside_host(text, numbers, Reach())
        if port is not None and not is_kept("", name, text, context.settings.keep_urls):
            yield (
                f"{where} is the text of {name}, with a name of the host and the port {port}, "
                f"which is {numbers[port]} in this session: it may lead to another session; give "
                f"the address by a variable of `environment`, or {_keep(name)}"
            )


def _in_values(service: Service, numbers: Mapping[int, int], context: PlanContext) -> Iterator[str]:
    reach = reach_of(context, service)
    for name, text in service.environment.items():
        if is_kept(service.name, name, text, context.settings.keep_urls) or is_listening(name):
            continue
        after = with_new_ports(
            renumbered(name, text, numbers.get, reach), reach.engine_hosts, numbers.get
        )
        port = _port_beside_host(after, numbers, reach)
        if port is not None:
            yield (
                f"environment.{name} of service {service.name} has a name of the host and the port "
                f"{port}, which is {numbers[port]} in this session, in a form that is not known: "
                f"it may lead to another session; write them as HOST:PORT, or {_keep(name)}"
            )
    values = {
        name: text
        for name, text in service.environment.items()
        if not is_kept(service.name, name, text, context.settings.keep_urls)
    }
    others = [old for old, new in numbers.items() if old != new and old not in reach.listens_on]
    for name, port in lone_hosts(values, reach.engine_hosts, others):
        yield (
            f"environment.{name} of service {service.name} is a name of the host, and its port is "
            f"most likely {port}, which is {numbers[port]} in this session: it may lead to another "
            f"session; write them as HOST:PORT, or {_keep(name)}"
        )


def _in_commands(
    service: Service, numbers: Mapping[int, int], context: PlanContext
) -> Iterator[str]:
    """Yield a warning for each command that asks the host for a port that has moved.

    Numbers on which the service itself listens do not count.
    """
    reach = reach_of(context, service)
    others = {old: new for old, new in numbers.items() if old not in reach.listens_on}
    fields = (
        ("command", service.command, context.settings.command_urls),
        ("entrypoint", service.entrypoint, context.settings.command_urls),
        ("healthcheck", service.health_test, False),
    )
    for field, words, is_moved in fields:
        text = " ".join(words)
        after = renumbered("", text, numbers.get, reach) if is_moved else text
        port = _port_beside_host(after, others, reach)
        if port is None or is_kept(service.name, field, text, context.settings.keep_urls):
            continue
        setting = "" if field == "healthcheck" else ", set `command = true` in [urls]"
        accepted = _keep(f"{service.name}.{field}")
        yield (
            f"the {field} of service {service.name} has a name of the host and the port {port}, "
            f"which is {numbers[port]} in this session: it may lead to another session; give the "
            f"address by a variable of `environment`{setting}, or {accepted}"
        )


def _port_beside_host(text: str, numbers: Mapping[int, int], reach: Reach) -> int | None:
    """Return a moved port in a text that has a name of the host; None if there is none."""
    if not addresses(reach.engine_hosts, "").search(text):
        return None
    return next(
        (old for old, new in numbers.items() if old != new and is_number_in(old, text)), None
    )


def _keep(name: str) -> str:
    return f"[urls] keep = [{quoted(name)}] in the settings says that this is meant"


def _host_ports(service: Service, context: PlanContext) -> Iterator[tuple[str, int]]:
    """Yield (variable, port) of each value that leads from the container to its engine's host."""
    names = engine_hosts(context, service)
    pattern = addresses(names, "")
    values = {
        name: text
        for name, text in service.environment.items()
        if not is_kept(service.name, name, text, context.settings.keep_urls)
    }
    for name, text in values.items():
        for match in pattern.finditer(text):
            port = port_in(match)
            if port:
                yield name, port
        for match in ports_in_settings(text, names):
            yield name, int(match["port"])
    for name, host in ports_of_hosts(values):
        if host.lower() in names:
            yield name, int(values[name])
