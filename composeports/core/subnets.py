"""Which subnets a session needs and which ones it gets, each host part as in the file; pure.

IPv4 comes from the pool of the settings. IPv6 comes from a range of our own in the space for local
use (RFC 4193), chosen by chance like any other, unless the pool of the settings is an IPv6 one.
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
# Subnets of the file up to this size are taken over as they are.
LARGEST_AS_IT_IS = {IPV4: 20, 6: 64}
# Larger ones are narrowed to this size, or to the next one that holds all fixed addresses.
NARROWED = {IPV4: 24, 6: 64}
# Where the file leaves the subnet to the engine: 61 containers.
SPILLED = 26
# For containers of `run`, and for services that are scaled up a little.
RESERVE = 10
# The addresses of the network and for broadcasts, and the gateway.
NOT_FOR_CONTAINERS = 3
# Their containers get addresses of the host's own network, which we may not choose.
OF_THE_HOST = frozenset({"macvlan", "ipvlan"})


class SubnetNeed(NamedTuple):
    """One subnet that a network has to have; `key` is `"backend#0"` for its first one.

    `old` is what the file says, empty where it leaves the choice to the engine. `prefix` is the
    length that the new one has to have.
    """

    key: str
    network: str
    old: str
    prefix: int
    version: int


def needs_of(project: Project, *, spill: bool = False) -> tuple[SubnetNeed, ...]:
    """Return a need for every subnet that the file fixes, in its order.

    With `spill`, for when the pools of the engine are used up, also one for each network that
    would get all it has from there.
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
    """Return the file's own length, or a greater one that still holds what the file fixes."""
    if old.prefix >= LARGEST_AS_IT_IS[old.version]:
        return old.prefix
    ends = [1, *_ends(project, network, pool, old)]
    if old.version == IPV4:
        ends.append(_crowd(project, network))
    longest = BITS[old.version] - (max(ends) - 1).bit_length()
    return max(old.prefix, min(longest, NARROWED[old.version]))


def _ends(project: Project, network: Network, pool: Json, old: Subnet) -> Iterator[int]:
    """Yield how many addresses there have to be for each fixed one to keep its host part."""
    for part in valid_subnets([_text(pool, "ip_range")]):
        if old.holds(part) and part != old:
            yield part.last - old.first + 1
    beyond = 2 if old.version == IPV4 else 1  # the last IPv4 address is for broadcasts
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
    """Return how many addresses all containers of the network take, with some to spare."""
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
    """Return a subnet for each need, by its key, and what is still remembered for other keys.

    A remembered subnet stays where its length fits and it is not taken; else it is the lowest
    free one of the pool. `taken` ones are never given; those in `avoid`, and those remembered
    for other keys, only when no other is left. NoSubnetsAvailableError when none is.
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
    """Return what of the memory still holds; where two of it overlap, the one in `first`."""
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
    """Tell whether the length is right: the file's own, or enough where we chose it."""
    if subnet.version != need.version:
        return False
    as_in_file = bool(need.old) and parse_subnet(need.old).prefix == need.prefix
    return subnet.prefix == need.prefix or (not as_in_file and subnet.prefix < need.prefix)


def _first_free(
    need: SubnetNeed, pool: Subnet, firm: Iterable[Subnet], soft: Iterable[tuple[Subnet, ...]]
) -> Subnet:
    """Return the lowest free subnet; one set in `soft` after the other is avoided as well."""
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
    """Return `address` of the old subnet in the new one, at the same host part.

    With a prefix length behind it (`172.30.5.0/24`, as in `ip_range`) it keeps that; one that
    covers the whole old subnet gets the length of the new one. ValueError for an address that
    is not of the old subnet, or has no place in the new one.
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
