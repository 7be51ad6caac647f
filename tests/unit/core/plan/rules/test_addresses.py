"""Fixed subnets and the addresses in them."""

import pytest

from tests.support.planning import plan_of

V4 = {"subnet": "172.30.0.0/16", "gateway": "172.30.0.1", "ip_range": "172.30.0.128/25"}
V6 = {"subnet": "fd00:1::/64"}
CONFIG = {
    "services": {
        "dns": {"networks": {"back": {"ipv4_address": "172.30.0.2", "ipv6_address": "fd00:1::2"}}},
        "web": {"networks": {"back": None, "other": {"ipv4_address": "192.168.9.4"}}},
    },
    "networks": {
        "back": {"ipam": {"driver": "default", "config": [V4, V6]}},
        "other": {"ipam": {"config": [{"subnet": "192.168.9.0/24"}]}},
    },
}
LEASED = {"back#0": "10.213.4.0/24", "back#1": "fd0d:c5e7:1::/64"}


def test_a_network_moves_to_the_leased_subnets_with_all_its_addresses() -> None:
    made = plan_of(CONFIG, subnets=LEASED)
    assert made.override("networks", "back", "ipam") == {
        "driver": "default",
        "config": [
            {"subnet": "10.213.4.0/24", "gateway": "10.213.4.1", "ip_range": "10.213.4.128/25"},
            {"subnet": "fd0d:c5e7:1::/64"},
        ],
    }
    assert made.override("services") == {
        "dns": {
            "networks": {"back": {"ipv4_address": "10.213.4.2", "ipv6_address": "fd0d:c5e7:1::2"}}
        }
    }
    assert ("", "networks.back.subnet", "172.30.0.0/16", "10.213.4.0/24") in made.changes("subnet")
    assert made.changes("address") == [
        ("dns", "networks.back.ipv4_address", "172.30.0.2", "10.213.4.2"),
        ("dns", "networks.back.ipv6_address", "fd00:1::2", "fd0d:c5e7:1::2"),
    ]


def test_auxiliary_addresses_follow() -> None:
    pool = {"subnet": "172.30.0.0/24", "aux_addresses": {"host": "172.30.0.9"}}
    config = {"services": {}, "networks": {"n": {"ipam": {"config": [pool]}}}}
    made = plan_of(config, subnets={"n#0": "10.213.0.0/24"})
    assert made.override("networks", "n", "ipam", "config") == [
        {"subnet": "10.213.0.0/24", "aux_addresses": {"host": "10.213.0.9"}}
    ]


@pytest.mark.parametrize("ipam", [{}, {"driver": "default"}, {"config": [{}]}])
def test_a_network_without_a_subnet_takes_a_leased_one(ipam: dict[str, object]) -> None:
    config = {"services": {}, "networks": {"default": {"ipam": ipam}}}
    made = plan_of(config, subnets={"default#0": "10.213.0.64/26"})
    got = made.override("networks", "default", "ipam")
    assert got == {**ipam, "config": [{"subnet": "10.213.0.64/26"}]}


def test_without_a_leased_subnet_nothing_moves() -> None:
    assert plan_of(CONFIG).plan.override == {}
    external = {"services": {}, "networks": {"n": {"external": True}}}
    assert plan_of(external, subnets={"n#0": "10.213.0.0/24"}).plan.override == {}


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("172.30.0.2", "10.213.4.2"),
        ("172.30.0.0/16", "10.213.4.0/24"),
        ("172.30.0.128/25", "10.213.4.128/25"),
        ("redis://172.30.0.2:6379,172.30.0.3", "redis://10.213.4.2:6379,10.213.4.3"),
        ("172.30.5.9", None),  # beyond what the narrower subnet holds
        ("172.31.0.2", None),
        ("1172.30.0.2", None),
        ("172.30.0.2.example.com", None),
        ("172.30.0.22.4", None),
        ("v172.30.0.2", None),
        ("999.30.0.2", None),
        ("fd00:1::2", "fd0d:c5e7:1::2"),
        ("http://[fd00:1::2]:80", "http://[fd0d:c5e7:1::2]:80"),
        ("fd00:2::2", None),
        ("12:34:56", None),
        ("", None),
    ],
)
def test_an_address_that_a_value_repeats(text: str, after: str | None) -> None:
    services = {"web": {"environment": {"PEER": text}}}
    made = plan_of({**CONFIG, "services": services}, subnets=LEASED)
    assert made.override("services", "web", "environment") == ({"PEER": after} if after else None)


def test_the_first_octets_of_a_subnet_follow_where_the_length_stays() -> None:
    config = {
        "services": {"web": {"environment": {"IPV4_NETWORK": "172.22.1", "V": "172.22.1.x"}}},
        "networks": {"n": {"ipam": {"config": [{"subnet": "172.22.1.0/24"}]}}},
    }
    made = plan_of(config, subnets={"n#0": "10.213.7.0/24"})
    assert made.override("services", "web", "environment") == {"IPV4_NETWORK": "10.213.7"}
    narrower = plan_of(config, subnets={"n#0": "10.213.7.0/25"})
    assert narrower.override("services", "web") is None


def test_dns_and_extra_hosts_follow() -> None:
    web = {
        "dns": ["172.30.0.2", "1.1.1.1"],
        "extra_hosts": ["db=172.30.0.3", "host.docker.internal=host-gateway", "v6=fd00:1::3"],
    }
    made = plan_of({**CONFIG, "services": {"web": web}}, subnets=LEASED)
    assert made.override("services", "web", "dns") == ["10.213.4.2", "1.1.1.1"]
    assert made.override("services", "web", "extra_hosts") == [
        "db=10.213.4.3",
        "host.docker.internal=host-gateway",
        "v6=fd0d:c5e7:1::3",
    ]
    assert [change[1] for change in made.changes("address")] == [
        "dns",
        "extra_hosts",
        "extra_hosts",
    ]
