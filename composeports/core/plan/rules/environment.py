"""Values of variables in containers and builds that lead to something that the plan moves."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from composeports.core.compose_project import Service
from composeports.core.plan.change import Change, Node, RuleResult, merge
from composeports.core.plan.dockerfile_images import partial_arguments
from composeports.core.plan.host_port_pairs import leads_to_the_host, ports_of_hosts, with_new_ports
from composeports.core.plan.local_urls import (
    ENGINE_HOSTS,
    LOOPBACK_HOSTS,
    Reach,
    renumbered,
)
from composeports.core.plan.rules.addresses import Mover, address_mover
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.name_references import NewNames, new_names, renamed

# `key: value` and `KEY=value`: the key at the start of a line in a config. The pattern is compiled
# at its first use, because few files have configs.
_LINE_KEY = r"""\s*(?:export\s+)?["']?([A-Za-z_][\w.-]*)["']?\s*[:=]"""
# The address in `extra_hosts` that means the engine's machine.
GATEWAY = "host-gateway"
WHY_NAME = {
    "image": "it names an image that is built here",
    "network": "it names a network that has a new name",
    "volume": "it names a volume that has a new name",
    "container_name": "it names a container that has a new name",
}


class _Rewriter(NamedTuple):
    """Everything that the plan moves, as one service sees it."""

    context: PlanContext
    move: Mover
    names: NewNames
    numbers: Mapping[int, int]
    reach: Reach

    def changes(self, service: Service, path: str, values: Mapping[str, str]) -> Iterator[Change]:
        """Yield the changes of a mapping of variables."""
        pairs = dict(self._pairs(values))
        for name, text in values.items():
            if is_kept(service.name, name, text, self.context.settings.keep_urls):
                continue
            after, kind, why = self._after(name, text, pairs, builds=path == "build.args")
            if kind == "image" and path == "build.args" and name in self._partial_names(service):
                continue  # the tag follows in the Dockerfile, which base_images reads
            if after != text:
                yield Change(kind, f"{path}.{name}", text, after, why, service.name)

    def _after(
        self, name: str, text: str, pairs: Mapping[str, str], *, builds: bool
    ) -> tuple[str, str, str]:
        if name in pairs:
            return pairs[name], "url", "with its host it leads to a port that has moved"
        new_text = self.renumbered(name, text)
        after = self.move(new_text)
        if after != text:
            description = f"of {self.context.host}" if self.context.host else "that has moved"
            if new_text != text:
                return after, "url", f"it leads to a port {description}"
            return after, "address", "it follows the subnet"
        after, kind = renamed(name, text, self.names, builds=builds)
        return after, kind, WHY_NAME.get(kind, "")

    def _partial_names(self, service: Service) -> frozenset[str]:
        """Return the build arguments that are only a part of an image's name."""
        return partial_arguments(self.context.host_facts.dockerfiles.get(service.name, ""))

    def renumbered(self, name: str, text: str) -> str:
        """Return a value with the numbers of moved host ports replaced."""
        if not self.numbers:
            return text
        after = renumbered(name, text, self.numbers.get, self.reach)
        return with_new_ports(after, self.reach.engine_hosts, self.numbers.get)

    def _pairs(self, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield (name, new number) of each port variable whose host is in another variable."""
        listens_on, hosts = self.reach.listens_on, self.reach.engine_hosts
        for name, host in ports_of_hosts(values) if self.numbers else ():
            old = int(values[name])
            new = self.numbers.get(old, old)
            if new != old and leads_to_the_host(name, host, old, listens_on, hosts):
                yield name, str(new)


def engine_hosts(context: PlanContext, *services: Service) -> frozenset[str]:
    """Return the names by which services reach the engine's machine.

    They include those of `extra_hosts`, and localhost if all services are on the host's network.
    """
    entries = (
        text.replace(":", "=", 1).partition("=")
        for service in services
        for text in service.extra_hosts
    )
    addresses = {host.lower(): address for host, _, address in entries if host}
    gateways = {host for host, address in addresses.items() if address in {GATEWAY, *ENGINE_HOSTS}}
    loopback = LOOPBACK_HOSTS if all(_is_on_host(service, context) for service in services) else ()
    return (ENGINE_HOSTS - set(addresses)) | gateways | {*loopback}


def values(context: PlanContext) -> RuleResult:
    """Rewrite host-facing URLs, addresses and names in `environment` and build arguments."""
    move, names = address_mover(context), new_names(context)
    changes: list[Change] = []
    nodes: list[Node] = []
    for service in context.project.services:
        numbers, reach = numbers_of(service, context), reach_of(context, service)
        rewriter = _Rewriter(context, move, names, numbers, reach)
        for path, mapping in _mappings(service):
            where = ".".join(path)
            mapping_changes = list(rewriter.changes(service, where, mapping))
            changes.extend(mapping_changes)
            if mapping_changes:
                new_values = {
                    change.where.removeprefix(f"{where}."): change.after
                    for change in mapping_changes
                }
                nodes.append({"services": {service.name: _nested(path, new_values)}})
    return RuleResult(tuple(changes), merge(nodes))


def config_contents(context: PlanContext) -> RuleResult:
    """Rewrite host-facing URLs and addresses in configs whose text is in the Compose file."""
    move, names = address_mover(context), new_names(context)
    changes: list[Change] = []
    nodes: list[Node] = []
    for key, text in context.project.contents.items():
        users = [service for service in context.project.services if key in service.configs]
        if not users or key in context.settings.keep_urls:
            continue
        numbers = numbers_of(users[0], context)
        rewriter = _Rewriter(context, move, names, numbers, reach_of(context, *users))
        lines = text.splitlines(keepends=True)
        after = "".join(move(rewriter.renumbered(key_of_line(line, key), line)) for line in lines)
        if after != text:
            why = "it leads to what has moved"
            changes.append(Change("url", f"configs.{key}.content", text, after, why))
            nodes.append({"configs": {key: {"content": after}}})
    return RuleResult(tuple(changes), merge(nodes))


def key_of_line(line: str, otherwise: str) -> str:
    """Return the key of a line that has one value; `otherwise` if the line has no key."""
    match = re.match(_LINE_KEY, line)
    return match[1] if match else otherwise


def numbers_of(service: Service, context: PlanContext) -> Mapping[int, int]:
    """Return the new number of every port whose number or host changes."""
    new_ports = context.new_ports_of(service)
    return {old: new for old, new in new_ports.items() if old != new or context.host}


def reach_of(context: PlanContext, *services: Service) -> Reach:
    """Return how the services that read the same text reach published ports."""
    listens_on = frozenset(port for service in services for port in listening(service, context))
    names = engine_hosts(context, *services)
    return Reach(listens_on, context.host, names, _names_inside(context, names, *services))


def _names_inside(
    context: PlanContext, of_engine: Collection[str], *services: Service
) -> frozenset[str]:
    """Return the names that lead from the services to containers or fixed addresses."""
    names = {
        name
        for service in context.project.services
        for attachment in service.networks
        for name in (service.hostname, service.container_name, *attachment.aliases)
    }
    names |= {re.split("[:=]", text)[0] for service in services for text in service.extra_hosts}
    return frozenset(name.lower() for name in names) - {"localhost", *of_engine}


def listening(service: Service, context: PlanContext) -> frozenset[int]:
    """Return the container ports of the service and of the services that share its network."""
    network = _network_of(service)
    return frozenset(
        port.target
        for candidate in context.project.services
        if _network_of(candidate) == network
        for port in candidate.ports
    )


def _network_of(service: Service) -> str:
    """Return the service whose network this service uses, usually the service itself."""
    mode, _, service_name = service.network_mode.partition(":")
    return service_name if mode == "service" else service.name


def _is_on_host(service: Service, context: PlanContext) -> bool:
    """Return True if the service is on the host's network, also by another service's network."""
    owner = _network_of(service)
    return any(
        candidate.name == owner and candidate.network_mode == "host"
        for candidate in context.project.services
    )


def _mappings(service: Service) -> Iterator[tuple[tuple[str, ...], Mapping[str, str]]]:
    yield ("environment",), service.environment
    if service.build is not None:
        yield ("build", "args"), service.build.args


def is_kept(service: str, name: str, text: str, keep: Collection[str]) -> bool:
    """Return True if `[urls] keep` lists the variable, the service's variable, or the URL."""
    return any(entry in {name, f"{service}.{name}"} or entry == text for entry in keep)


def _nested(path: tuple[str, ...], value: object) -> dict[str, object]:
    for key in reversed(path):
        value = {key: value}
    return dict(value) if isinstance(value, dict) else {}
