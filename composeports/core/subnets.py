"""Decide which subnets a session needs and gets; host parts stay as in the Compose file.

IPv4 subnets come from the pool in the settings. IPv6 subnets come from a fixed range for local use,
chosen at random as in RFC 4193, unless the pool in the settings is an IPv6 one.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from composeports.core.plan.compose_project import Json, Network, Project
from composeports.core.settings import SUBNET_POOL
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
# Drivers whose containers get addresses of the host's own network, which we may not choose.
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
        for old in valid_subnets([_text(pool, "subnet")]):
            prefix = _prefix(project, network, pool, old)
            yield SubnetNeed(f"{network.key}#{index}", network.key, str(old), prefix, old.version)


def _prefix(project: Project, network: Network, pool: Json, old: Subnet) -> int:
    """Return the prefix length in the file, or a longer one that holds all fixed addresses."""
    if old.prefix >= LARGEST_AS_IT_IS[old.version]:
        return old.prefix
    ends = [1, *_ends(project, network, pool, old)]
    if old.version == IPV4:
        ends.append(_crowd(project, network))
    longest = BITS[old.version] - (max(ends) - 1).bit_length()
    return max(old.prefix, min(longest, NARROWED[old.version]))


def _ends(project: Project, network: Network, pool: Json, old: Subnet) -> Iterator[int]:
    """Yield, for each fixed address, the subnet size that its host part needs."""
    for part in valid_subnets([_text(pool, "ip_range")]):
        if old.holds(part) and part != old:
            yield part.last - old.first + 1
    beyond = 2 if old.version == IPV4 else 1  # the last IPv4 address is the broadcast address
    for one in valid_subnets(_fixed_addresses(project, network, pool)):
        if old.holds(one):
            yield one.first - old.first + beyond


def _fixed_addresses(project: Project, network: Network, pool: Json) -> Iterator[str]:
    yield _text(pool, "gateway")
    named = pool.get("aux_addresses")
    yield from map(str, named.values() if isinstance(named, Mapping) else ())
    for service in project.services:
        for place in service.networks:
            if place.network == network.key:
                yield from (place.ipv4, place.ipv6)


def _spilled(project: Project, network: Network) -> Iterator[SubnetNeed]:
    ipam_driver = _text(network.ipam, "driver")
    if network.driver not in {"", "bridge"} or ipam_driver not in {"", "default"}:
        return
    if any(network.subnets) or len(network.pools) > 1:
        return
    crowded = BITS[IPV4] - (_crowd(project, network) - 1).bit_length()
    prefix = min(SPILLED, crowded)
    yield SubnetNeed(f"{network.key}#0", network.key, "", prefix, IPV4)


def _crowd(project: Project, network: Network) -> int:
    """Return the number of addresses that all containers of the network need, plus a reserve."""
    containers = sum(
        max(service.replicas, 1)
        for service in project.services
        if any(place.network == network.key for place in service.networks)
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
    remembered for other keys, are used only if no other subnet is free. Raise
    NoSubnetsAvailableError if no subnet is left.
    """
    wanted = tuple(needs)
    pools = _pools(pool)
    firm = list(valid_subnets(taken))
    shunned = tuple(valid_subnets(avoid))
    known = _remembered([need.key for need in wanted], memory, pools, firm)
    chosen = {
        need.key: known[need.key]
        for need in wanted
        if need.key in known and _fits(known[need.key], need)
    }
    firm += chosen.values()
    spare = {key: known[key] for key in known.keys() - {need.key for need in wanted}}
    for need in wanted:
        if need.key not in chosen:
            soft = ((*shunned, *spare.values()), tuple(spare.values()), ())
            found = _first_free(need, pools[need.version], firm, soft)
            chosen[need.key] = found
            firm.append(found)
    kept = {
        key: spare[key]
        for key in memory
        if key in spare and not any(map(spare[key].overlaps, chosen.values()))
    }
    return {key: str(found) for key, found in {**_in_order(chosen, wanted), **kept}.items()}


def _in_order(chosen: Mapping[str, Subnet], needs: Iterable[SubnetNeed]) -> dict[str, Subnet]:
    return {need.key: chosen[need.key] for need in needs}


def _pools(pool: str) -> dict[int, Subnet]:
    """Return the pool of each IP version; the settings give one of them."""
    subnets = map(parse_subnet, (SUBNET_POOL, IPV6_POOL, pool))
    return {subnet.version: subnet for subnet in subnets}


def _remembered(
    first: Iterable[str],
    memory: Mapping[str, str],
    pools: Mapping[int, Subnet],
    firm: Iterable[Subnet],
) -> dict[str, Subnet]:
    """Return the remembered subnets that are still usable.

    If two of them overlap, the subnet with a key in `first` is kept.
    """
    blocked = list(firm)
    known: dict[str, Subnet] = {}
    for key in dict.fromkeys((*first, *memory)):
        for subnet in valid_subnets([memory[key]] if key in memory else []):
            inside = pools[subnet.version].holds(subnet)
            if inside and not any(map(subnet.overlaps, blocked)):
                known[key] = subnet
                blocked.append(subnet)
    return known


def _fits(subnet: Subnet, need: SubnetNeed) -> bool:
    """Return True if the subnet has the required length.

    A length from the file must be equal. If composeports chose the length, a larger subnet fits
    too.
    """
    if subnet.version != need.version:
        return False
    as_in_file = bool(need.old) and parse_subnet(need.old).prefix == need.prefix
    return subnet.prefix == need.prefix or (not as_in_file and subnet.prefix < need.prefix)


def _first_free(
    need: SubnetNeed, pool: Subnet, firm: Iterable[Subnet], soft: Iterable[tuple[Subnet, ...]]
) -> Subnet:
    """Return the lowest free subnet.

    The sets in `soft` are tried in order: the subnet must not overlap `firm` or the current set.
    Raise NoSubnetsAvailableError if no set leaves a free subnet.
    """
    held = tuple(firm)
    for shunned in soft:
        found = _lowest_free(pool, need.prefix, (*held, *shunned))
        if found is not None:
            return found
    raise NoSubnetsAvailableError(
        f"no subnet of length /{need.prefix} is free in {pool} for the network {need.network}",
        hint="end stacks that nobody needs (`composeports status` shows them), or give a pool "
        "with more room, which no route of this machine overlaps: [subnets] pool in "
        "composeports.toml",
        pool=str(pool),
        network=need.network,
        prefix=need.prefix,
    )


def _lowest_free(pool: Subnet, prefix: int, obstacles: Iterable[Subnet]) -> Subnet | None:
    if prefix < pool.prefix:
        return None
    found = Subnet(pool.version, pool.first, prefix)
    for obstacle in sorted(each for each in obstacles if each.version == pool.version):
        if found.overlaps(obstacle):
            steps = (obstacle.last - found.first) // found.size + 1
            found = Subnet(pool.version, found.first + steps * found.size, prefix)
    return found if found.last <= pool.last else None


def move_address(address: str, old_subnet: str, new_subnet: str) -> str:
    """Return an address of the old subnet at the same host part of the new subnet.

    An address with a prefix length (`172.30.5.0/24`, as in `ip_range`) keeps that length; if it
    covers the whole old subnet, it gets the length of the new one. Raise ValueError for an address
    that is not in the old subnet, or has no place in the new one.
    """
    old, new = parse_subnet(old_subnet), parse_subnet(new_subnet)
    version, number = parse_address(address)
    part = number - old.first
    prefix = parse_subnet(address).prefix
    shown = new.prefix if prefix <= old.prefix else prefix
    outside = version != old.version or version != new.version or not 0 <= part < old.size
    if outside or part >= new.size or shown < new.prefix:
        raise ValueError(f"{address} has no place in {new_subnet} as it has in {old_subnet}")
    moved = show_address(version, new.first + part)
    return f"{moved}/{shown}" if "/" in address else moved
