"""Decide which subnets a session needs and gets; host parts stay as in the Compose file.

IPv4 subnets come from the pool in the settings. IPv6 subnets come from `IPV6_POOL`, a fixed range
for local use, which was chosen at random as in RFC 4193; no setting changes it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from composeports.core.compose_project import Json, Network, Project
from composeports.core.subnet import (
    BITS,
    IPV4,
    Subnet,
    parse_address,
    parse_subnet,
    show_address,
    valid_subnets,
)
from composeports.errors import NoSubnetsAvailableError

IPV6_POOL = "fd0d:c5e7::/32"
# Prefix lengths. A subnet of the Compose file up to this size keeps its length.
LARGEST_AS_IT_IS = {IPV4: 20, 6: 64}
# A larger subnet is narrowed to this size, or to the next larger one that holds all fixed
# addresses.
NARROWED = {IPV4: 24, 6: 64}
# The length if the file leaves the subnet to the engine: room for 61 containers.
SPILLED = 26
# Additional addresses for containers of `docker compose run`, and for services that are scaled up a
# little.
RESERVE = 10
# The network address, the broadcast address and the gateway.
NOT_FOR_CONTAINERS = 3
# Drivers whose containers get addresses of the host's own network. Composeports may not choose
# these addresses.
OF_THE_HOST = frozenset({"macvlan", "ipvlan"})


class SubnetNeed(NamedTuple):
    """A subnet that a network needs; `key` is `"backend#0"` for the first one of backend.

    `old` is the subnet in the Compose file, empty if the file leaves the choice to the engine.
    `prefix` is the prefix length that the new subnet must have.
    """

    key: str
    network: str
    old: str
    prefix: int
    version: int


def needs_of(project: Project, *, spill: bool = False) -> tuple[SubnetNeed, ...]:
    """Return a need for each subnet that the file fixes, in the order of the file.

    With `spill`, also return one for each network that would get all its subnets from the engine's
    pools. This is for an engine whose pools are used up.
    """
    return tuple(
        need
        for network in project.networks
        if not network.external and network.driver not in OF_THE_HOST
        for need in (*_fixed(project, network), *(_spilled(project, network) if spill else ()))
    )


def _fixed(project: Project, network: Network) -> Iterator[SubnetNeed]:
    for index, pool in enumerate(network.pools):
        for subnet in valid_subnets([_text(pool, "subnet")]):
            prefix = _prefix(project, network, pool, subnet)
            yield SubnetNeed(
                f"{network.key}#{index}", network.key, str(subnet), prefix, subnet.version
            )


def _prefix(project: Project, network: Network, pool: Json, old: Subnet) -> int:
    """Return the prefix length in the file, or a longer one that holds all fixed addresses."""
    if old.prefix >= LARGEST_AS_IT_IS[old.version]:
        return old.prefix
    sizes = [1, *_ends(project, network, pool, old)]
    if old.version == IPV4:
        sizes.append(_crowd(project, network))
    longest_prefix = BITS[old.version] - (max(sizes) - 1).bit_length()
    return max(old.prefix, min(longest_prefix, NARROWED[old.version]))


def _ends(project: Project, network: Network, pool: Json, old: Subnet) -> Iterator[int]:
    """Yield, for each fixed address, the subnet size that its host part needs."""
    for ip_range in valid_subnets([_text(pool, "ip_range")]):
        if old.holds(ip_range) and ip_range != old:
            yield ip_range.last - old.first + 1
    margin = 2 if old.version == IPV4 else 1  # the last IPv4 address is the broadcast address
    for address in valid_subnets(_fixed_addresses(project, network, pool)):
        if old.holds(address):
            yield address.first - old.first + margin


def _fixed_addresses(project: Project, network: Network, pool: Json) -> Iterator[str]:
    yield _text(pool, "gateway")
    aux_addresses = pool.get("aux_addresses")
    yield from map(str, aux_addresses.values() if isinstance(aux_addresses, Mapping) else ())
    for service in project.services:
        for attachment in service.networks:
            if attachment.network == network.key:
                yield from (attachment.ipv4, attachment.ipv6)


def _spilled(project: Project, network: Network) -> Iterator[SubnetNeed]:
    ipam_driver = _text(network.ipam, "driver")
    if network.driver not in {"", "bridge"} or ipam_driver not in {"", "default"}:
        return
    if any(network.subnets) or len(network.pools) > 1:
        return
    longest_prefix = BITS[IPV4] - (_crowd(project, network) - 1).bit_length()
    prefix = min(SPILLED, longest_prefix)
    yield SubnetNeed(f"{network.key}#0", network.key, "", prefix, IPV4)


def _crowd(project: Project, network: Network) -> int:
    """Return the number of addresses that all containers of the network need, plus a reserve."""
    containers = sum(
        max(service.replicas, 1)
        for service in project.services
        if any(attachment.network == network.key for attachment in service.networks)
    )
    return containers + NOT_FOR_CONTAINERS + RESERVE


def _text(entry: Json, name: str) -> str:
    return str(entry.get(name) or "")


def assign_subnets(
    needs: Iterable[SubnetNeed],
    memory: Mapping[str, str],
    taken: Iterable[str],
    pool: str,
    avoid: Iterable[str] = (),
) -> dict[str, str]:
    """Return a subnet for each need, by key, and the remembered subnets of other keys.

    A remembered subnet is kept if its length fits and it is not taken. Otherwise the need gets the
    lowest free subnet of the pool. A subnet in `taken` is never used. Subnets in `avoid`, and those
    remembered for other keys, are used only if no other subnet is free. `pool` is an IPv4 subnet.
    Raise NoSubnetsAvailableError if no subnet is left.
    """
    all_needs = tuple(needs)
    pools = _pools(pool)
    blocked_subnets = list(valid_subnets(taken))
    avoided_subnets = tuple(valid_subnets(avoid))
    remembered_subnets = _remembered(
        [need.key for need in all_needs], memory, pools, blocked_subnets
    )
    assignments = {
        need.key: remembered_subnets[need.key]
        for need in all_needs
        if need.key in remembered_subnets and _fits(remembered_subnets[need.key], need)
    }
    blocked_subnets += assignments.values()
    spare_subnets = {
        key: remembered_subnets[key]
        for key in remembered_subnets.keys() - {need.key for need in all_needs}
    }
    for need in all_needs:
        if need.key not in assignments:
            obstacle_sets = (
                (*avoided_subnets, *spare_subnets.values()),
                tuple(spare_subnets.values()),
                (),
            )
            subnet = _first_free(need, pools[need.version], blocked_subnets, obstacle_sets)
            assignments[need.key] = subnet
            blocked_subnets.append(subnet)
    kept_subnets = {
        key: spare_subnets[key]
        for key in memory
        if key in spare_subnets and not any(map(spare_subnets[key].overlaps, assignments.values()))
    }
    return {
        key: str(subnet)
        for key, subnet in {**_in_order(assignments, all_needs), **kept_subnets}.items()
    }


def _in_order(chosen: Mapping[str, Subnet], needs: Iterable[SubnetNeed]) -> dict[str, Subnet]:
    return {need.key: chosen[need.key] for need in needs}


def _pools(pool: str) -> dict[int, Subnet]:
    """Return the pool of each IP version; `pool` is the IPv4 one, from the settings."""
    return {IPV4: parse_subnet(pool), 6: parse_subnet(IPV6_POOL)}


def _remembered(
    first: Iterable[str],
    memory: Mapping[str, str],
    pools: Mapping[int, Subnet],
    firm: Iterable[Subnet],
) -> dict[str, Subnet]:
    """Return the remembered subnets that are still usable.

    If two of them overlap, the subnet with a key in `first` is kept.
    """
    blocked_subnets = list(firm)
    usable_subnets: dict[str, Subnet] = {}
    for key in dict.fromkeys((*first, *memory)):
        for subnet in valid_subnets([memory[key]] if key in memory else []):
            is_in_pool = pools[subnet.version].holds(subnet)
            if is_in_pool and not any(map(subnet.overlaps, blocked_subnets)):
                usable_subnets[key] = subnet
                blocked_subnets.append(subnet)
    return usable_subnets


def _fits(subnet: Subnet, need: SubnetNeed) -> bool:
    """Return True if the subnet has the required length.

    A length from the file must be equal. If composeports chose the length, a larger subnet fits
    too.
    """
    if subnet.version != need.version:
        return False
    is_from_file = bool(need.old) and parse_subnet(need.old).prefix == need.prefix
    return subnet.prefix == need.prefix or (not is_from_file and subnet.prefix < need.prefix)


def _first_free(
    need: SubnetNeed, pool: Subnet, firm: Iterable[Subnet], soft: Iterable[tuple[Subnet, ...]]
) -> Subnet:
    """Return the lowest free subnet.

    The sets in `soft` are tried in order: the subnet must not overlap `firm` or the current set.
    Raise NoSubnetsAvailableError if no set leaves a free subnet.
    """
    blocked_subnets = tuple(firm)
    for avoided_subnets in soft:
        subnet = _lowest_free(pool, need.prefix, (*blocked_subnets, *avoided_subnets))
        if subnet is not None:
            return subnet
    if pool.version == IPV4:
        way_out = (
            "give a pool with more room, which no route of this machine overlaps: [subnets] pool "
            "in composeports.toml"
        )
    else:
        way_out = "give the network a smaller subnet in the Compose file"
    raise NoSubnetsAvailableError(
        f"no subnet of length /{need.prefix} is free in {pool} for the network {need.network}",
        hint=f"stop unused stacks (`composeports status` shows them), or {way_out}",
        pool=str(pool),
        network=need.network,
        prefix=need.prefix,
    )


def _lowest_free(pool: Subnet, prefix: int, obstacles: Iterable[Subnet]) -> Subnet | None:
    if prefix < pool.prefix:
        return None
    subnet = Subnet(pool.version, pool.first, prefix)
    for obstacle in sorted(
        other_subnet for other_subnet in obstacles if other_subnet.version == pool.version
    ):
        if subnet.overlaps(obstacle):
            steps = (obstacle.last - subnet.first) // subnet.size + 1
            subnet = Subnet(pool.version, subnet.first + steps * subnet.size, prefix)
    return subnet if subnet.last <= pool.last else None


def move_address(address: str, old_subnet: str, new_subnet: str) -> str:
    """Return an address of the old subnet at the same host part of the new subnet.

    An address with a prefix length (`172.30.5.0/24`, as in `ip_range`) keeps that length; if it
    covers the whole old subnet, it gets the length of the new one. Raise ValueError for an address
    that is not in the old subnet, or has no place in the new one.
    """
    source, target = parse_subnet(old_subnet), parse_subnet(new_subnet)
    version, number = parse_address(address)
    host_part = number - source.first
    prefix = parse_subnet(address).prefix
    new_prefix = target.prefix if prefix <= source.prefix else prefix
    is_outside = (
        version != source.version or version != target.version or not 0 <= host_part < source.size
    )
    if is_outside or host_part >= target.size or new_prefix < target.prefix:
        raise ValueError(f"{address} has no place in {new_subnet} as it has in {old_subnet}")
    new_address = show_address(version, target.first + host_part)
    return f"{new_address}/{new_prefix}" if "/" in address else new_address
