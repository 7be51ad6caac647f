"""Networks with a fixed name: on the engine, as the host's bridge, and in labels."""

from collections.abc import Iterator

from composeports.core.compose_project import Network, Project
from composeports.core.plan.change import Change, Node, RuleResult, SharedResource, merge
from composeports.core.plan.default_names import networks
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.wording import way_out
from composeports.core.plan.shared_settings import IN_SETTINGS, is_named
from composeports.core.settings import Settings

BRIDGE = "com.docker.network.bridge.name"
LONGEST_BRIDGE = 15  # IFNAMSIZ of Linux, without its final zero byte
HASH = 8
ON_THE_HOST = frozenset({"macvlan", "ipvlan"})
# Drivers of the engine whose networks of different names have nothing in common.
LOCAL_DRIVERS = frozenset({"", "bridge", "default", "host", "nat", "none", "null", "overlay"})
TRAEFIK = "traefik.docker.network"


def named_networks(context: PlanContext) -> RuleResult:
    """Give a network with an explicit name the session's prefix, except external networks."""
    changes: list[Change] = []
    nodes: list[Node] = []
    shared: list[SharedResource] = []
    warnings: list[str] = []
    for network in context.project.networks:
        if network.external:
            continue
        problem = _problem(network, context)
        if problem:
            if is_named(context.settings, "network", network.key, network.name):
                shared.append(SharedResource("network", network.key, IN_SETTINGS))
            else:
                warnings.append(f"{problem}; {way_out(f'network:{network.key}')}")
        fields, network_changes = _fields(network, context)
        if fields:
            nodes.append({"networks": {network.key: fields}})
        changes.extend(network_changes)
        if new_name(network, context) == network.name and context.project.is_fixed(network.name):
            shared.append(SharedResource("network", network.name, "[isolate] networks = false"))
    return RuleResult(tuple(changes), merge(nodes), tuple(shared), tuple(warnings))


def _problem(network: Network, context: PlanContext) -> str:
    """Return what sessions have in common in a network of their own; empty if nothing."""
    if network.driver in ON_THE_HOST:
        return (
            f"network {network.key} is a {network.driver} on the host's own network: its "
            "addresses cannot be moved, so only one session can have it"
            if network.pools
            else ""
        )
    options = ",".join(f"{name}={value}" for name, value in sorted(network.driver_opts.items()))
    if network.driver in LOCAL_DRIVERS or not context.project.is_fixed(options):
        return ""
    return (
        f"network {network.key} is made by the plugin {network.driver} with the same options in "
        f"every session ({options}), which may lead all sessions to one network"
    )


def _fields(network: Network, context: PlanContext) -> tuple[dict[str, object], list[Change]]:
    fields: dict[str, object] = {}
    changes: list[Change] = []
    after = new_name(network, context)
    if network.made_own:
        fields["external"] = False
    if after != network.name:
        fields["name"] = after
        why = "a network of this name exists once on an engine, and sessions would meet in it"
        if network.made_own:
            why = "[isolate] external_networks makes it the session's own"
        changes.append(Change("network", f"networks.{network.key}.name", network.name, after, why))
    bridge = network.driver_opts.get(BRIDGE, "")
    if bridge and context.settings.isolate_networks:
        # The hash alone makes the name unique, so the old name may be cut.
        new_bridge = f"{bridge[: LONGEST_BRIDGE - HASH - 1]}-{context.project_name[-HASH:]}"
        fields["driver_opts"] = {BRIDGE: new_bridge}
        why = "a network interface of this name exists once on a host"
        changes.append(Change("network", f"networks.{network.key}.bridge", bridge, new_bridge, why))
    return fields, changes


def new_name(network: Network, context: PlanContext) -> str:
    """Return the network's name on the engine."""
    return session_network(network, context.project, context.project_name, context.settings)


def session_network(
    network: Network, project: Project, project_name: str, settings: Settings
) -> str:
    """Return a session's name for a network; `project_name` is the session's own."""
    is_isolated = settings.isolate_networks and not network.external
    if (is_isolated or network.made_own) and project.is_fixed(network.name):
        return f"{project_name}_{network.name}"
    return network.name


def session_names(context: PlanContext) -> dict[str, str]:
    """Return the session's name of every network of the stack, by its name with plain Compose."""
    plain_projects = context.host_facts.plain_projects
    return networks(context.project, plain_projects, context.project_name) | {
        network.name: new_name(network, context)
        for network in context.project.networks
        if not network.external
    }


def network_modes(context: PlanContext) -> RuleResult:
    """Lead services that join a network by `network_mode: NAME` to the stack's own network."""
    names = session_names(context)
    why = "it names a network that has a new name"
    changes = tuple(
        Change("network", "network_mode", before, after, why, service.name)
        for service in context.project.services
        for before in [service.network_by_mode]
        if (after := names.get(before, before)) != before
    )
    nodes = {change.service: {"network_mode": change.after} for change in changes}
    return RuleResult(changes, {"services": nodes} if nodes else {})


def network_labels(context: PlanContext) -> RuleResult:
    """Change the network name in Traefik's label if that network has a new name."""
    renamed = {
        network.name: after
        for network in context.project.networks
        for after in [_name_in_labels(network, context)]
        if after != network.name
    }
    plain_projects = context.host_facts.plain_projects
    renamed |= networks(context.project, plain_projects, context.project_name)
    changes = list(_labels(context, renamed))
    nodes = [
        {"services": {change.service: {"labels": {TRAEFIK: change.after}}}} for change in changes
    ]
    return RuleResult(tuple(changes), merge(nodes))


def _name_in_labels(network: Network, context: PlanContext) -> str:
    """Return the network's name on the engine: the session's, or that of a sibling's session."""
    sibling = context.host_facts.sibling("network", network.name) if network.external else None
    return sibling.own_name if sibling is not None else new_name(network, context)


def _labels(context: PlanContext, renamed: dict[str, str]) -> Iterator[Change]:
    for service in context.project.services:
        before = service.labels.get(TRAEFIK, "")
        if before in renamed:
            where = f"labels.{TRAEFIK}"
            why = "it names a network that has a new name"
            yield Change("label", where, before, renamed[before], why, service.name)
