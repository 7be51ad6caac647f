"""Which ports of this machine can be bound right now; binds for a moment and never listens."""

import errno
import socket
from collections.abc import Iterable
from contextlib import suppress

Port = tuple[int, str]

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
# The wildcards see every listener on Linux; elsewhere SO_REUSEADDR lets them pass one on loopback.
ADDRESSES = (
    (socket.AF_INET, "0.0.0.0"),  # noqa: S104 - bound for a moment, never listened on
    (socket.AF_INET6, "::"),
    (socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET6, "::1"),
)


def taken_ports(wanted: Iterable[Port]) -> frozenset[Port]:
    """Return those of the (port, protocol) pairs that some process uses, on any address.

    Where we may not look (a port that needs rights, no IPv6, a protocol like sctp) a port counts
    as free, and the engine has the last word.
    """
    return frozenset((port, kind) for port, kind in wanted if kind in KINDS and _taken(port, kind))


def _taken(port: int, kind: str) -> bool:
    return any(_refused(family, address, port, kind) for family, address in ADDRESSES)


def _refused(family: socket.AddressFamily, address: str, port: int, kind: str) -> bool:
    try:
        probe = socket.socket(family, KINDS[kind])
    except OSError:
        return False
    with probe:
        if kind == "tcp":
            # As the engine does: connections that are closing (TIME_WAIT) are not in the way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            with suppress(OSError):
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
