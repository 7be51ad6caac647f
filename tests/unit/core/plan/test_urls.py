"""The URL for a client of a published port."""

import pytest

from composeports.core.compose_project import PublishedPort
from composeports.core.plan.urls import HTTPS, NOT_HTTP, client_url


def port(
    target: int = 80, protocol: str = "tcp", host_ip: str = "", app_protocol: str = ""
) -> PublishedPort:
    return PublishedPort("web", target, protocol, "1", host_ip, app_protocol=app_protocol)


@pytest.mark.parametrize(
    ("published", "url"),
    [
        pytest.param(port(80), "http://localhost:10004", id="HTTP"),
        pytest.param(port(3000), "http://localhost:10004", id="any other port"),
        pytest.param(port(443), "https://localhost:10004", id="HTTPS"),
        pytest.param(port(5432), "localhost:10004", id="PostgreSQL"),
        pytest.param(port(80, "udp"), "localhost:10004", id="UDP"),
        pytest.param(port(5432, app_protocol="http"), "http://localhost:10004", id="said so"),
        pytest.param(port(80, app_protocol="HTTPS"), "https://localhost:10004", id="said loudly"),
        pytest.param(port(80, app_protocol="ws"), "ws://localhost:10004", id="a web socket"),
        pytest.param(port(80, app_protocol="wss"), "wss://localhost:10004", id="a secure one"),
        pytest.param(port(80, app_protocol="postgres"), "localhost:10004", id="something else"),
        pytest.param(port(host_ip="0.0.0.0"), "http://localhost:10004", id="every address"),
        pytest.param(port(host_ip="::"), "http://localhost:10004", id="every IPv6 address"),
        pytest.param(port(host_ip="127.0.0.1"), "http://localhost:10004", id="loopback"),
        pytest.param(port(host_ip="::1"), "http://localhost:10004", id="IPv6 loopback"),
        pytest.param(port(host_ip="10.1.2.3"), "http://10.1.2.3:10004", id="one address"),
        pytest.param(port(host_ip="fd00::1"), "http://[fd00::1]:10004", id="one IPv6 address"),
        pytest.param(port(5432, host_ip="fd00::1"), "[fd00::1]:10004", id="the same without HTTP"),
    ],
)
def test_a_client_wants(published: PublishedPort, url: str) -> None:
    assert client_url(published, 10004) == url


@pytest.mark.parametrize(
    ("host", "url"),
    [("build-host", "http://build-host:10004"), ("fd00::2", "http://[fd00::2]:10004")],
)
def test_the_host_is_the_engine_s(host: str, url: str) -> None:
    assert client_url(port(), 10004, host) == url


def test_an_address_of_its_own_is_stronger_than_the_engine_s_host() -> None:
    assert client_url(port(host_ip="10.1.2.3"), 10004, "build-host") == "http://10.1.2.3:10004"


def test_no_port_is_both_secure_and_no_web_at_all() -> None:
    assert not HTTPS & NOT_HTTP
