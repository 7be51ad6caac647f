"""Read from Linux's routing tables to which subnets this machine has routes. Linux only."""

import socket
import sys
from collections.abc import Iterator

IPV4_TABLE = "/proc/net/route"
IPV6_TABLE = "/proc/net/ipv6_route"
# The flags are defined in the kernel's include/uapi/linux/route.h and ipv6_route.h.
UP = 0x0001
# The route of an IPv6 address of the machine itself; its subnet has another route.
LOCAL = 0x80000000
# A VPN may replace the default route by two routes with this prefix length, each to one half of all
# addresses.
HALF = 1
IPV4_COLUMNS = 8
IPV6_COLUMNS = 10


def routed_subnets() -> tuple[str, ...]:
    """Return the subnets that have a route; empty if the tables cannot be read."""
    subnets = parse_ipv4_routes(_read(IPV4_TABLE)) + parse_ipv6_routes(_read(IPV6_TABLE))
    return tuple(dict.fromkeys(subnets))


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def parse_ipv4_routes(table: str, byteorder: str = sys.byteorder) -> tuple[str, ...]:
    """Return the subnets in `/proc/net/route`, whose numbers are in the machine's byte order."""
    return tuple(_ipv4_routes(table, byteorder))


def _ipv4_routes(table: str, byteorder: str) -> Iterator[str]:
    for line in table.splitlines()[1:]:
        columns = line.split()
        if len(columns) < IPV4_COLUMNS or not int(columns[3], 16) & UP:
            continue
        network, mask = bytes.fromhex(columns[1]), bytes.fromhex(columns[7])
        if byteorder == "little":
            network, mask = network[::-1], mask[::-1]
        prefix = int.from_bytes(mask).bit_count()
        if prefix > HALF and not _is_link_local_or_multicast(network):
            yield f"{socket.inet_ntop(socket.AF_INET, network)}/{prefix}"


def parse_ipv6_routes(table: str) -> tuple[str, ...]:
    """Return the subnets in `/proc/net/ipv6_route`."""
    return tuple(_ipv6_routes(table))


def _ipv6_routes(table: str) -> Iterator[str]:
    for line in table.splitlines():
        columns = line.split()
        if len(columns) < IPV6_COLUMNS:
            continue
        network, prefix, flags = bytes.fromhex(columns[0]), columns[1], int(columns[8], 16)
        if (
            flags & UP
            and not flags & LOCAL
            and int(prefix, 16) > HALF
            and not _is_link_local_or_multicast(network)
        ):
            yield f"{socket.inet_ntop(socket.AF_INET6, network)}/{int(prefix, 16)}"


def _is_link_local_or_multicast(network: bytes) -> bool:
    """Return True for link-local and multicast ranges, which every machine has for itself."""
    import ipaddress  # noqa: PLC0415 - most commands read no routes

    address = ipaddress.ip_address(network)
    return address.is_link_local or address.is_multicast
