"""Addresses in files that containers read: which are told, and which are not."""

import pytest

from composeports.core.plan.host_facts import HostFacts
from composeports.core.settings import Settings
from tests.support.planning import Planned, plan_of

WEB = {
    "ports": [{"target": 80, "published": "8080", "protocol": "tcp"}],
    "volumes": [{"type": "bind", "source": "/repo/conf", "target": "/etc/conf"}],
    "configs": [{"source": "site"}],
}
DB = {"ports": [{"target": 5432, "published": "5432", "protocol": "tcp"}]}
CONFIG = {
    "services": {"web": WEB, "db": DB},
    "configs": {"site": {"file": "/repo/site.yaml"}, "unused": {"file": "/repo/unused.yaml"}},
    "secrets": {"token": {"file": "/repo/token"}},
}


def planned(path: str, text: str, *shared: str, **pins: int) -> Planned:
    facts = HostFacts(file_texts={path: text})
    settings = Settings(shared=shared, keep_urls=("http://localhost:5432",))
    return plan_of(CONFIG, host_facts=facts, settings=settings, pins=pins)


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("proxy_pass http://host.docker.internal:5432;", "http://host.docker.internal:5432"),
        ("server 172.17.0.1:5432;", "172.17.0.1:5432"),
        ("url: postgres://u:s3cret@host.docker.internal/x", "postgres://host.docker.internal:5432"),
        ("root_url = http://localhost:8080/", "http://localhost:8080"),
        ("fetch('http://localhost:8080')", "http://localhost:8080"),
        ("proxy_pass http://localhost:80;", ""),
        ("proxy_pass http://db:5432;", ""),
        ("# http://localhost:8080", ""),
        ("  // http://localhost:8080", ""),
        ("url: http://localhost:5432", ""),
        ("url: http://localhost:9999", ""),
        ("listen 8080;", ""),
        ("server 172.30.0.5:5432;", ""),
    ],
)
def test_an_address_that_leads_to_another_stack_is_told(line: str, address: str) -> None:
    made = planned("/repo/conf/web.conf", f"first\n{line}\n")
    assert len(made.warnings) == bool(address)
    for warning in made.warnings:
        assert warning.startswith(f"conf/web.conf:2 (read by web) has {address}, which is ")
        assert "s3cret" not in warning
        assert warning.endswith(
            'shared = ["file:conf/web.conf"] in the settings says that this is meant'
        )


def test_a_port_on_which_the_service_listens_counts_as_the_value_of_a_key_alone() -> None:
    same = {"ports": [{"target": 3000, "published": "3000", "protocol": "tcp"}]}
    config = {"services": {"web": {**WEB, **same}}}
    for line, count in (("curl http://localhost:3000/up", 0), ("url: http://localhost:3000", 1)):
        facts = HostFacts(file_texts={"/repo/conf/x.conf": line})
        assert len(plan_of(config, host_facts=facts).warnings) == count


@pytest.mark.parametrize(
    ("path", "users"),
    [
        ("/repo/site.yaml", "web"),
        ("/repo/token", "web, db"),
        ("/repo/unused.yaml", ""),
        ("/repo/elsewhere", ""),
    ],
)
def test_it_names_who_reads_the_file(path: str, users: str) -> None:
    found = planned(path, "http://host.docker.internal:5432\n" * 3).warnings
    assert [
        f"(read by {users})" in each and "; 2 more such addresses in it" in each for each in found
    ] == [True] * bool(users)


def test_the_settings_accept_a_file() -> None:
    text = "http://host.docker.internal:5432\nhttp://host.docker.internal:5432\n"
    [warning] = planned("/repo/site.yaml", text).warnings
    assert "; 1 more such address in it" in warning
    made = planned("/repo/site.yaml", text, "file:site.yaml")
    assert made.warnings == []
    assert ("file", "site.yaml") in made.acknowledged


def test_ports_that_stay_are_not_told() -> None:
    text = "http://host.docker.internal:5432\n"
    assert planned("/repo/site.yaml", text, **{"db:5432/tcp": 5432}).warnings == []


def test_an_address_in_a_subnet_that_moves_is_told() -> None:
    subnet = {"ipam": {"config": [{"subnet": "172.28.0.0/24"}]}}
    config = {
        "services": {"web": {**WEB, "networks": {"back": {"ipv4_address": "172.28.0.5"}}}},
        "networks": {"back": subnet},
    }
    facts = HostFacts(file_texts={"/repo/conf/x.conf": "server 172.28.0.5; # 1.2.3.4\n"})
    made = plan_of(config, host_facts=facts, subnets={"back#0": "10.213.7.0/24"})
    assert any("has 172.28.0.5, which is 10.213.7.5" in each for each in made.warnings)
