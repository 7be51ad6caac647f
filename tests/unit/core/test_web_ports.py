"""Which published ports a browser can open."""

import pytest

from composeports.core.web_ports import (
    addresses_in_words,
    is_web_address,
    web_services,
    with_own_host,
)

URLS = {"web:80/tcp": "http://localhost:10005", "db:5432/tcp": "localhost:10004"}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://localhost:10005", True),
        ("https://localhost:10005", True),
        ("localhost:10004", False),
        ("file:///etc/passwd", False),
        ("http://localhost:1/ --flag", False),
        ("http://localhost:1/\x1b[31m", False),
    ],
)
def test_a_browser_opens_urls_alone(address: str, expected: bool) -> None:
    assert is_web_address(address) is expected


def test_only_services_with_http_are_found_each_once() -> None:
    urls = {**URLS, "web:443/tcp": "https://localhost:10006", "api:80/tcp": "http://localhost:1"}
    assert web_services(urls) == ("api", "web")


def test_the_addresses_are_named_by_service_and_port() -> None:
    assert addresses_in_words(URLS) == (
        "web:80/tcp is http://localhost:10005, db:5432/tcp is localhost:10004"
    )


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("http://localhost:10005", "http://ac-1.localhost:10005"),
        ("https://localhost", "https://ac-1.localhost"),
        ("http://127.0.0.1:10005", "http://127.0.0.1:10005"),
        ("http://build:10005", "http://build:10005"),
        ("http://localhosts:10005", "http://localhosts:10005"),
        ("localhost:10004", "localhost:10004"),
    ],
)
def test_a_session_has_a_host_name_of_its_own(address: str, own: str) -> None:
    assert with_own_host(address, "ac-1") == own
