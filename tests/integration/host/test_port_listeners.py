"""The process that listens on a port, if it can be seen."""

import os
import socket

import psutil
import pytest

from composeports.host.port_listeners import NOBODY_SEEN, PROXY, PortListener, process_on

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("kind", "protocol"), [(socket.SOCK_STREAM, "tcp"), (socket.SOCK_DGRAM, "udp")]
)
@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_process_that_has_a_port_is_named(
    family: socket.AddressFamily, address: str, kind: socket.SocketKind, protocol: str
) -> None:
    with socket.socket(family, kind) as taken:
        taken.bind((address, 0))
        if protocol == "tcp":
            taken.listen()
        number = taken.getsockname()[1]
        found = process_on((number, protocol))
        other = process_on((number, "udp" if protocol == "tcp" else "tcp"))
    assert found == PortListener(os.getpid(), psutil.Process().name(), parent=os.getppid())
    assert str(found) == f"{psutil.Process().name()} (process {os.getpid()})"
    assert other == NOBODY_SEEN
    assert process_on((number, protocol)) == NOBODY_SEEN


def test_a_connection_from_a_port_does_not_have_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        with client:
            assert process_on((client.getsockname()[1], "tcp")) == NOBODY_SEEN


def test_a_protocol_that_nobody_can_look_at_is_nobodys() -> None:
    assert process_on((1, "sctp")) == NOBODY_SEEN


def test_who_is_not_seen_is_something_else() -> None:
    assert str(NOBODY_SEEN) == "something else"


def test_the_proxy_of_a_container_is_told_as_such() -> None:
    proxy = PortListener(7, PROXY, parent=5)
    assert str(proxy) == "a container (docker-proxy, process 7)"
    assert str(proxy.seen_from(5)) == "a container of this engine (docker-proxy, process 7)"
    assert str(proxy.seen_from(6)) == "a container of another engine (docker-proxy, process 7)"


@pytest.mark.parametrize("engine", [0, 1])
def test_without_the_engines_process_nobody_knows_whose_a_proxy_is(engine: int) -> None:
    """The kernel does not show the process, or systemd listens for the engine."""
    assert PortListener(7, PROXY, parent=5).seen_from(engine).engine == ""
    assert PortListener(7, PROXY, parent=1).seen_from(5).engine == ""


@pytest.mark.parametrize(
    ("holder", "may_be"),
    [
        (NOBODY_SEEN, True),
        (PortListener(7, "dockerd"), True),
        (PortListener(7, PROXY), True),
        (PortListener(7, PROXY, engine="another"), False),
        (PortListener(7, "nginx"), False),
        (PortListener(machine="build.example"), False),
    ],
)
def test_what_may_have_a_port_for_the_engine(holder: PortListener, *, may_be: bool) -> None:
    assert holder.may_be_of_the_engine is may_be
