"""Fixed subnets and addresses, moved to the subnets that the session leased."""

import re
from collections.abc import Callable, Iterator, Mapping

from composeports.core.compose_project import Attachment, Network, Service
from composeports.core.plan.change import Change, Node, RuleResult, merge
from composeports.core.plan.override import Override
from composeports.core.plan.rules.context import PlanContext
from composeports.core.subnets import move_address

Mover = Callable[[str], str]
_IPV4 = r"(?<![\w.:-])\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?![\w.-]*[\w-])"
_IPV6 = r"(?<![\w.:-])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:/\d{1,3})?(?![\w:.-])"
# Compiled at its first use, because few files fix a subnet.
_ADDRESS = f"{_IPV4}|{_IPV6}"
OCTET = 8


def subnets(context: PlanContext) -> RuleResult:
    """Move every network with a leased subnet to it: pools, gateways and static addresses."""
    changes: list[Change] = []
    nodes: list[Node] = []
    for network in context.project.networks:
        leased_subnets = _leased(network, context)
        if leased_subnets:
            nodes.append(
                {"networks": {network.key: {"ipam": Override(_ipam(network, leased_subnets))}}}
            )
            changes.extend(_subnet_changes(network, leased_subnets))
    for service in context.project.services:
        for attachment in service.networks:
            new_addresses = dict(_static(attachment, context))
            if new_addresses:
                networks = {attachment.network: new_addresses}
                nodes.append({"services": {service.name: {"networks": networks}}})
                changes.extend(_static_changes(service, attachment, new_addresses))
    return RuleResult(tuple(changes), merge(nodes))


def _leased(network: Network, context: PlanContext) -> dict[int, str]:
    """Return the leased subnet of each pool of the network, by the index of the pool."""
    if network.external:
        return {}
    count = max(1, len(network.pools))
    keys = {index: f"{network.key}#{index}" for index in range(count)}
    leased_subnets = context.lease.subnets
    fixed_subnets = network.subnets or ("",)
    return {
        index: leased_subnets[key]
        for index, key in keys.items()
        if key in leased_subnets and (fixed_subnets[index] or len(fixed_subnets) == 1)
    }


def _ipam(network: Network, leased: Mapping[int, str]) -> dict[str, object]:
    pools = [dict(pool) for pool in network.pools] or [{}]
    for index, new_subnet in leased.items():
        old_subnet = str(pools[index].get("subnet") or "")
        if old_subnet:
            pools[index] = {
                name: _pool_value(value, old_subnet, new_subnet)
                for name, value in pools[index].items()
            }
        pools[index]["subnet"] = new_subnet
    return {**network.ipam, "config": pools}


def _pool_value(value: object, old: str, new: str) -> object:
    if isinstance(value, Mapping):
        return {name: _pool_value(item, old, new) for name, item in value.items()}
    return move_address(str(value), old, new)


def _subnet_changes(network: Network, leased: Mapping[int, str]) -> Iterator[Change]:
    for index, new_subnet in leased.items():
        old_subnet = network.subnets[index] if network.subnets else ""
        why = (
            "two networks of an engine cannot have one subnet"
            if old_subnet
            else "the engine's own address pools are used up"
        )
        yield Change("subnet", f"networks.{network.key}.subnet", old_subnet, new_subnet, why)


def _moves(context: PlanContext) -> list[tuple[Network, str, str]]:
    """Return (network, old subnet, leased subnet) for every fixed subnet with a leased one."""
    return [
        (network, network.subnets[index], new_subnet)
        for network in context.project.networks
        for index, new_subnet in _leased(network, context).items()
        if network.subnets and network.subnets[index]
    ]


def _static(attachment: Attachment, context: PlanContext) -> Iterator[tuple[str, str]]:
    fields = {"ipv4_address": attachment.ipv4, "ipv6_address": attachment.ipv6}
    for field, address in fields.items():
        for network, old, new in _moves(context):
            if address and network.key == attachment.network and _inside(address, old):
                yield field, move_address(address, old, new)


def _static_changes(
    service: Service, attachment: Attachment, moved: Mapping[str, str]
) -> Iterator[Change]:
    fields = {"ipv4_address": attachment.ipv4, "ipv6_address": attachment.ipv6}
    for field, after in moved.items():
        where = f"networks.{attachment.network}.{field}"
        why = "the same place in the network's new subnet"
        yield Change("address", where, fields[field], after, why, service.name)


def _inside(address: str, subnet: str) -> bool:
    """Return True if an address, or `address/prefix`, is in the subnet; False for other text."""
    import ipaddress  # noqa: PLC0415 - few files fix a subnet

    try:
        inner_network = ipaddress.ip_network(address, strict=False)
        outer_network = ipaddress.ip_network(subnet, strict=False)
    except ValueError:
        return False
    is_inside = (
        inner_network.version == outer_network.version
        and inner_network.prefixlen >= outer_network.prefixlen
    )
    return is_inside and inner_network.network_address in outer_network


def address_mover(context: PlanContext) -> Mover:
    """Return a function that moves the addresses in a text to the leased subnets."""
    moves = [(old, new) for _, old, new in _moves(context)]
    prefixes = dict(pair for old, new in moves for pair in _octets(old, new))

    def replaced(match: re.Match[str]) -> str:
        for old, new in moves:
            if _inside(match[0], old):
                try:
                    return move_address(match[0], old, new)
                except ValueError:  # the new subnet may be smaller than the old one
                    return match[0]
        return match[0]

    def moved(text: str) -> str:
        return prefixes.get(text) or re.sub(_ADDRESS, replaced, text)

    return moved if moves else lambda text: text


def _octets(old: str, new: str) -> Iterator[tuple[str, str]]:
    """Yield the old and new first octets of a subnet: (`172.22.1`, `10.213.4`) for a /24.

    Scripts form their own addresses with such octets. Yield nothing for IPv6, for subnets of
    different lengths, and if the length is not a multiple of 8.
    """
    before, _, length = old.partition("/")
    after, _, new_length = new.partition("/")
    if ":" in old or length != new_length or not length.isdecimal() or int(length) % OCTET:
        return
    count = int(length) // OCTET
    yield tuple(".".join(text.split(".")[:count]) for text in (before, after))  # type: ignore[misc]


def repeated_addresses(context: PlanContext) -> RuleResult:
    """Move the addresses in `dns` and `extra_hosts` to the leased subnets."""
    move = address_mover(context)
    changes: list[Change] = []
    nodes: list[Node] = []
    for service in context.project.services:
        for field, before in (("dns", service.dns), ("extra_hosts", service.extra_hosts)):
            after = [_moved_entry(text, move) for text in before]
            if after != list(before):
                nodes.append({"services": {service.name: {field: Override(after)}}})
                changes.extend(
                    Change(
                        "address",
                        field,
                        old,
                        new,
                        "it follows the subnet",
                        service.name,
                    )
                    for old, new in zip(before, after, strict=True)
                    if old != new
                )
    return RuleResult(tuple(changes), merge(nodes))


def _moved_entry(text: str, move: Mover) -> str:
    """Return an entry of `dns`, or `host=address` of `extra_hosts`, with the address moved."""
    host, separator, address = text.partition("=")
    return f"{host}{separator}{move(address)}" if separator else move(text)
