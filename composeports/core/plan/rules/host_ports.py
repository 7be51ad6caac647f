"""Addresses of the engine's machine that lead to a container of another project."""

from collections.abc import Iterator

from composeports.core.compose_project import Service
from composeports.core.plan.change import RuleResult, SharedResource
from composeports.core.plan.host_port_pairs import (
    ports_in_settings,
    ports_of_hosts,
    with_new_ports,
)
from composeports.core.plan.local_urls import (
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
    """Warn about values with a name of the host and a moved port in an unknown form."""
    warnings: list[str] = []
    for service in context.project.services:
        numbers = numbers_of(service, context)
        moved = {old: new for old, new in numbers.items() if old != new}
        reach = reach_of(context, service)
        for name, text in service.environment.items() if moved else ():
            if not addresses(reach.engine_hosts, "").search(text):
                continue
            after = with_new_ports(
                renumbered(name, text, numbers.get, reach), reach.engine_hosts, numbers.get
            )
            port = next((old for old in moved if is_number_in(old, after)), None)
            keep = context.settings.keep_urls
            if port is None or is_kept(service.name, name, text, keep) or is_listening(name):
                continue
            warnings.append(
                f"environment.{name} of service {service.name} has a name of the host and the port "
                f"{port}, which is {moved[port]} in this session, in a form that is not known: it "
                "may lead to another session; write them as HOST:PORT, or "
                f"[urls] keep = [{quoted(name)}] in the settings says that this is meant"
            )
    return RuleResult(warnings=tuple(dict.fromkeys(warnings)))


def _host_ports(service: Service, context: PlanContext) -> Iterator[tuple[str, int]]:
    """Yield (variable, port) of each value that leads from the container to its engine's host."""
    names = engine_hosts(service)
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
