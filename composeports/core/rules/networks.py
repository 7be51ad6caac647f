"""Networks with names of their own: on the engine, on the host's bridge, and in labels."""

from collections.abc import Iterator

from composeports.core.change import Change, Node, Part, Shared, merge
from composeports.core.project import Network
from composeports.core.rules.context import Context

BRIDGE = "com.docker.network.bridge.name"
LONGEST_BRIDGE = 15  # IFNAMSIZ of Linux, less its final zero
HASH = 8
ON_THE_HOST = frozenset({"macvlan", "ipvlan"})
TRAEFIK = "traefik.docker.network"


def named_networks(context: Context) -> Part:
    """Give a network with an explicit name the session's prefix; external ones stay shared."""
    changes: list[Change] = []
    nodes: list[Node] = []
    shared: list[Shared] = []
    warnings: list[str] = []
    for network in context.project.networks:
        if network.external:
            shared.append(Shared("network", network.name, "the Compose file says it is external"))
            continue
        if network.driver in ON_THE_HOST and network.pools:
            warnings.append(
                f"network {network.key} is a {network.driver} on the host's own network: its "
                "addresses cannot be moved, so only one session can have it"
            )
        fields, found = _fields(network, context)
        if fields:
            nodes.append({"networks": {network.key: fields}})
        changes.extend(found)
        if not context.settings.isolate_networks and context.project.is_fixed(network.name):
            shared.append(Shared("network", network.name, "[isolate] networks = false"))
    return Part(tuple(changes), merge(nodes), tuple(shared), tuple(warnings))


def _fields(network: Network, context: Context) -> tuple[dict[str, object], list[Change]]:
    fields: dict[str, object] = {}
    changes: list[Change] = []
    after = new_name(network, context)
    if after != network.name:
        fields["name"] = after
        why = "a network of this name exists once on an engine, and sessions would meet in it"
        changes.append(Change("network", f"networks.{network.key}.name", network.name, after, why))
    bridge = network.driver_opts.get(BRIDGE, "")
    if bridge and context.settings.isolate_networks:
        # All of its name can be taken by the hash, which alone makes it unique.
        own = f"{bridge[: LONGEST_BRIDGE - HASH - 1]}-{context.tag[-HASH:]}"
        fields["driver_opts"] = {BRIDGE: own}
        why = "a network interface of this name exists once on a host"
        changes.append(Change("network", f"networks.{network.key}.bridge", bridge, own, why))
    return fields, changes


def new_name(network: Network, context: Context) -> str:
    """Return the name that the engine will know the network by."""
    isolated = context.settings.isolate_networks and not network.external
    if isolated and context.project.is_fixed(network.name):
        return context.own_name(network.name)
    return network.name


def network_labels(context: Context) -> Part:
    """Let Traefik's label name the session's network, where it names one that has a new name."""
    renamed = {
        network.name: new_name(network, context)
        for network in context.project.networks
        if new_name(network, context) != network.name
    }
    found = list(_labels(context, renamed))
    nodes = [
        {"services": {change.service: {"labels": {TRAEFIK: change.after}}}} for change in found
    ]
    return Part(tuple(found), merge(nodes))


def _labels(context: Context, renamed: dict[str, str]) -> Iterator[Change]:
    for service in context.project.services:
        before = service.labels.get(TRAEFIK, "")
        if before in renamed:
            where = f"labels.{TRAEFIK}"
            why = "it names a network that has a new name"
            yield Change("label", where, before, renamed[before], why, service.name)
