"""Which ports are in use, checked while real sockets hold them."""

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from composeports.host.ports import taken_ports

pytestmark = pytest.mark.integration

V4, V6 = socket.AF_INET, socket.AF_INET6
STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
KINDS = {STREAM: "tcp", DATAGRAM: "udp"}


def _has_ipv6() -> bool:
    try:
        with closing(socket.socket(V6, STREAM)) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")


@contextmanager
def holding(
    family: socket.AddressFamily,
    kind: socket.SocketKind,
    address: str,
    *,
    listens: bool = True,
    dual: bool = False,
) -> Iterator[int]:
    """Bind a port that the kernel chose, and yield its number."""
    with closing(socket.socket(family, kind)) as held:
        if family == V6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not dual))
        held.bind((address, 0))
        if kind == STREAM and listens:
            held.listen()
        yield held.getsockname()[1]


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.1 is the only one there")

EVERYWHERE = [
    pytest.param(V4, "0.0.0.0", False, id="all of IPv4"),
    pytest.param(V4, "127.0.0.1", False, id="loopback of IPv4"),
    pytest.param(V4, "127.0.0.53", False, id="another loopback address", marks=needs_linux),
    pytest.param(V6, "::", False, id="all of IPv6 alone", marks=needs_ipv6),
    pytest.param(V6, "::1", False, id="loopback of IPv6", marks=needs_ipv6),
    pytest.param(V6, "::", True, id="both at once", marks=needs_ipv6),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("family", "address", "dual"), EVERYWHERE)
def test_a_port_that_is_used_on_any_address_is_taken(
    family: socket.AddressFamily, address: str, dual: bool, kind: socket.SocketKind
) -> None:
    with holding(family, kind, address, dual=dual) as port:
        asked = (port, KINDS[kind])
        assert taken_ports([asked]) == {asked}


@pytest.mark.parametrize("kind", KINDS)
def test_a_port_is_free_again_once_nobody_holds_it(kind: socket.SocketKind) -> None:
    with holding(V4, kind, "127.0.0.1") as port:
        pass
    assert taken_ports([(port, KINDS[kind])]) == frozenset()


def test_a_port_that_is_taken_for_one_protocol_is_free_for_the_other() -> None:
    with holding(V4, DATAGRAM, "0.0.0.0") as port:
        assert taken_ports([(port, "tcp"), (port, "udp")]) == {(port, "udp")}


def test_a_port_that_is_bound_and_not_listened_on_is_taken() -> None:
    with holding(V4, STREAM, "0.0.0.0", listens=False) as port:
        assert taken_ports([(port, "tcp")]) == {(port, "tcp")}


def test_of_many_ports_only_the_taken_ones_are_told() -> None:
    with ExitStack() as stack:
        used = {(stack.enter_context(holding(V4, STREAM, "0.0.0.0")), "tcp") for _ in range(3)}
        with holding(V4, STREAM, "0.0.0.0") as free:
            pass
        assert taken_ports([*used, (free, "tcp")]) == used


def test_a_connection_that_is_closing_is_not_in_the_way() -> None:
    """The side that closes first is left in TIME_WAIT."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()
        assert client.recv(1) == b""
        client.close()
    assert _cannot_bind_strictly(port), "the connection is not in TIME_WAIT"
    assert taken_ports([(port, "tcp")]) == frozenset()


def _cannot_bind_strictly(port: int) -> bool:
    with closing(socket.socket(V4, STREAM)) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def test_asking_leaves_nothing_behind() -> None:
    with holding(V4, STREAM, "127.0.0.1") as port:
        pass
    assert taken_ports([(port, "tcp")]) == taken_ports([(port, "tcp")]) == frozenset()


def test_a_protocol_that_cannot_be_tried_counts_as_free() -> None:
    with holding(V4, STREAM, "0.0.0.0") as port:
        assert taken_ports([(port, "sctp")]) == frozenset()


def test_without_ipv6_the_rest_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., socket.socket] = socket.socket

    def no_ipv6(family: int, kind: int) -> socket.socket:
        if family == V6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, kind)

    with holding(V4, STREAM, "127.0.0.1") as port, monkeypatch.context() as patch:
        patch.setattr("composeports.host.ports.socket.socket", no_ipv6)
        assert taken_ports([(port, "tcp")]) == {(port, "tcp")}
        assert taken_ports([(port, "udp")]) == frozenset()


def test_a_port_that_we_may_not_bind_counts_as_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Forbidden(socket.socket):
        def bind(self, _address: object) -> None:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("composeports.host.ports.socket.socket", Forbidden)
    assert taken_ports([(80, "tcp"), (53, "udp")]) == frozenset()


def test_no_ports_are_no_question() -> None:
    assert taken_ports([]) == frozenset()
