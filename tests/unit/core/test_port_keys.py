"""Keys of published ports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.port_keys import PortKey, parse_port_key, port_key, port_order

SERVICES = st.from_regex(r"[A-Za-z0-9._-]+", fullmatch=True)


@pytest.mark.parametrize(
    ("key", "parts", "base", "port"),
    [
        ("web:80/tcp", PortKey("web", "80", "tcp"), "web:80/tcp", "80/tcp"),
        ("dns:53/udp#2", PortKey("dns", "53", "udp", "2"), "dns:53/udp", "53/udp#2"),
    ],
)
def test_a_key_has_parts(key: str, parts: PortKey, base: str, port: str) -> None:
    assert parse_port_key(key) == parts
    assert (parts.base, parts.port) == (base, port)


@given(SERVICES, st.integers(1, 65535), st.sampled_from(["tcp", "udp", "sctp"]))
def test_what_is_put_together_is_taken_apart_again(service: str, target: int, kind: str) -> None:
    assert parse_port_key(port_key(service, target, kind)) == PortKey(service, str(target), kind)


def test_ports_are_sorted_as_numbers() -> None:
    keys = ["web:10000/tcp", "web:80/tcp#2", "db:5432/tcp", "web:443/tcp", "web:80/tcp", "web:-"]
    assert sorted(keys, key=port_order) == [
        "db:5432/tcp",
        "web:-",
        "web:80/tcp",
        "web:80/tcp#2",
        "web:443/tcp",
        "web:10000/tcp",
    ]
