"""Compare addresses in networks whose subnets may have moved: each keeps its host part.

Pure: documents in, answers out.
"""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from corpuskit.reading import Json, items, mapping, mappings, text

STATIC = ("ipv4_address", "ipv6_address")


def keep_place(old: object, new: object, key: str, before: Json, after: Json) -> bool:
    """Return True if an address lies as far into the network's new subnet as into its old one."""
    pairs = zip(subnets(before, key), subnets(after, key), strict=False)
    return any(
        _place(text(old), one) == _place(text(new), other) is not None for one, other in pairs
    )


def subnets(result: Json, key: str) -> list[str]:
    """Return the subnets of a network, in the file's order."""
    network = mapping(mapping(result.get("networks")).get(key))
    pools = mappings(mapping(network.get("ipam")).get("config"))
    return [text(pool.get("subnet")) for pool in pools]


def _place(address: str, subnet: str) -> int | None:
    """Return the offset of an address in the subnet; None if it is outside."""
    try:
        inner, outer = ip_address(address.partition("/")[0]), ip_network(subnet, strict=False)
    except ValueError:
        return None
    return int(inner) - int(outer.network_address) if inner in outer else None


def same_size(old: object, new: object) -> bool:
    """Return True if two subnets have one version and one prefix length."""
    try:
        before, after = (ip_network(text(old)), ip_network(text(new)))
    except ValueError:
        return False
    return (before.version, before.prefixlen) == (after.version, after.prefixlen)


def misplaced(result: Json) -> Iterator[str]:
    """Yield the fixed addresses that lie in none of their network's subnets."""
    for key, network in items(result.get("networks")):
        found = subnets(result, key)
        for pool in mappings(mapping(network.get("ipam")).get("config")):
            gateway = text(pool.get("gateway"))
            if gateway and _is_outside(gateway, found):
                yield f"the gateway {gateway} of {key} is not in {found}"
    for name, service in items(result.get("services")):
        for key, spec in items(service.get("networks")):
            for field in STATIC:
                address, found = text(spec.get(field)), subnets(result, key)
                if address and found and _is_outside(address, found):
                    yield f"{name} has {address} in {key}, which is {found}"


def _is_outside(address: str, found: list[str]) -> bool:
    return all(_place(address, subnet) is None for subnet in found)
