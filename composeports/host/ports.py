"""Probe which ports of this machine are free: bind each for a moment, never listen."""

import errno
import socket
from collections.abc import Iterable
from contextlib import suppress

Port = tuple[int, str]

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
# On Linux a bind to a wildcard address fails if there is any listener. Elsewhere, with
# SO_REUSEADDR, it succeeds beside a listener on a loopback address.
ADDRESSES = (
    (socket.AF_INET, "0.0.0.0"),  # noqa: S104 - bound for a moment, never listened on
    (socket.AF_INET6, "::"),
    (socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET6, "::1"),
)


def taken_ports(wanted: Iterable[Port]) -> frozenset[Port]:
    """Return the (port, protocol) pairs that some process uses, on any address.

    A port that cannot be probed counts as free: one that needs more rights, IPv6 on a machine
    without it, or a protocol like sctp. The engine still reports it if the port is in use.
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
            # As the engine does: a connection that is closing (TIME_WAIT) does not block the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            with suppress(OSError):
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
