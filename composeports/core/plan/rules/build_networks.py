"""The networks that builds join: `build.network` with the name of a network or a container."""

from collections.abc import Iterator

from composeports.core.plan.change import Change, RuleResult, SharedResource, join
from composeports.core.plan.rules import containers
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.external_resources import joined_by_mode
from composeports.core.plan.rules.networks import session_names
from composeports.core.plan.rules.wording import listed, way_out
from composeports.core.plan.shared_settings import IN_SETTINGS, is_named, why_network


def build_networks(context: PlanContext) -> RuleResult:
    """Lead builds to the session's networks, and warn about networks of other projects."""
    builds: dict[str, list[str]] = {}
    references: dict[str, list[str]] = {}
    for service in context.project.services:
        if service.build is None:
            continue
        network, container = service.build.joined_network, service.build.joined_container
        if context.project.is_fixed(network):
            builds.setdefault(network, []).append(service.name)
        if context.project.is_fixed(container):
            references.setdefault(container, []).append(service.name)
    return join(
        (
            *(_network(name, services, context) for name, services in builds.items()),
            *(_container(name, services, context) for name, services in references.items()),
        )
    )


def _network(name: str, services: list[str], context: PlanContext) -> RuleResult:
    new_names = session_names(context)
    if name in new_names:
        return _network_replaced(
            services, name, new_names[name], "it names a network that has a new name"
        )
    key = next((key for key, network_name in _external(context) if network_name == name), "")
    why = why_network(context.settings, key, name)
    sibling = context.host_facts.sibling("network", name)
    if sibling is not None and not why:
        reason = f"the stack in {sibling.directory} has it, by its session in this worktree"
        return _network_replaced(services, name, sibling.own_name, reason)
    if why:
        is_listed = bool(key) or name in joined_by_mode(context)
        return RuleResult(shared=() if is_listed else (SharedResource("network", name, why),))
    warning = (
        f"network {name} is of another project, and every session builds in it "
        f"({_builds(services)}); {way_out(f'network:{name}')}"
    )
    return RuleResult(warnings=(warning,))


def _network_replaced(services: list[str], before: str, after: str, why: str) -> RuleResult:
    return _replaced(
        Change("network", "build.network", before, after, why, service) for service in services
    )


def _external(context: PlanContext) -> Iterator[tuple[str, str]]:
    """Yield (key, name) of the external networks."""
    for network in context.project.networks:
        if network.external:
            yield network.key, network.name


def _container(name: str, services: list[str], context: PlanContext) -> RuleResult:
    new_names = containers.new_names(context)
    if name in new_names:
        before, after = (f"{containers.BY_CONTAINER}{text}" for text in (name, new_names[name]))
        why = "it names a container"
        return _replaced(
            Change("container_name", "build.network", before, after, why, service)
            for service in services
        )
    if is_named(context.settings, "container", name):
        return RuleResult(shared=(SharedResource("container", name, IN_SETTINGS),))
    warning = (
        f"container {name} is of another project, and every session builds in its network "
        f"({_builds(services)}); {way_out(f'container:{name}')}"
    )
    return RuleResult(warnings=(warning,))


def _replaced(changes: Iterator[Change]) -> RuleResult:
    """Return the result with those changes of `build.network` that have a new value."""
    new_values = tuple(change for change in changes if change.before != change.after)
    nodes = {change.service: {"build": {"network": change.after}} for change in new_values}
    return RuleResult(new_values, {"services": nodes} if nodes else {})


def _builds(services: list[str]) -> str:
    return listed(f"the build of {service}" for service in services)
