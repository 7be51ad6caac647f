"""Routes as Linux shows them, from texts of real machines."""

import ipaddress
import sys

import pytest

from composeports.host.routes import parse_ipv4_routes, parse_ipv6_routes, routed_subnets

pytestmark = pytest.mark.integration

IPV4 = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
tun0\t00000000\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0
tun0\t00000080\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0
tun0\t0000080A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth0\t0000FEA9\t00000000\t0001\t0\t0\t1000\t0000FFFF\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
br-b871213aef58\t00E0A8C0\t00000000\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0
eth0\t0000640A\t0102A8C0\t0002\t0\t0\t0\t0000FFFF\t0\t0\t0
eth0\t0702A8C0\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
"""
IPV6 = """\
fd000000000000000000000000000000 40 00000000000000000000000000000000 00 \
00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 \
00000000000000000000000000000000 00000100 00000001 00000000 00000001  docker0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0
20000000000000000000000000000000 03 00000000000000000000000000000000 00 \
fd000000000000000000000000000001 00000400 00000002 00000000 00000003     tun0
fd0dc5e7000000000000000000000000 40 00000000000000000000000000000000 00 \
00000000000000000000000000000000 00000100 00000001 00000000 00000001 br-b871213aef58
00000000000000000000000000000001 80 00000000000000000000000000000000 00 \
00000000000000000000000000000000 00000000 00000002 00000000 80200001       lo
fd000000000000000000000000000002 80 00000000000000000000000000000000 00 \
00000000000000000000000000000000 00000000 00000003 00000000 80200001     eth0
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 \
00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
"""


def test_ipv4_routes_are_those_to_subnets_of_somebody() -> None:
    """Neither the default route, nor a VPN's two halves of it, nor link-local, nor one down."""
    found = parse_ipv4_routes(IPV4, "little")
    assert found == ("10.8.0.0/24", "172.17.0.0/16", "192.168.224.0/20", "192.168.2.7/32")


def test_numbers_are_in_the_byte_order_of_the_machine() -> None:
    line = "eth0\t0A080000\t00000000\t0001\t0\t0\t0\tFFFFFF00\t0\t0\t0\n"
    assert parse_ipv4_routes("Iface\n" + line, "big") == ("10.8.0.0/24",)


def test_ipv6_routes_are_those_to_subnets_of_somebody() -> None:
    assert parse_ipv6_routes(IPV6) == ("fd00::/64", "2000::/3", "fd0d:c5e7::/64")


@pytest.mark.parametrize("text", ["", "Iface\tDestination\n", "\n\n", "what\nis this\n"])
def test_a_table_without_routes_has_none(text: str) -> None:
    assert parse_ipv4_routes(text) == ()
    assert parse_ipv6_routes(text) == ()


def test_this_machine_s_routes_are_subnets() -> None:
    found = routed_subnets()
    assert len(set(found)) == len(found)
    assert all(ipaddress.ip_network(text).prefixlen > 1 for text in found)
    if sys.platform != "linux":
        assert found == ()


def test_a_machine_without_the_tables_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("composeports.host.routes.IPV4_TABLE", "/nowhere/route")
    monkeypatch.setattr("composeports.host.routes.IPV6_TABLE", "/nowhere/ipv6_route")
    assert routed_subnets() == ()
