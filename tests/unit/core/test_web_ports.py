"""Which published ports a browser can open."""

import pytest

from composeports.core.web_ports import addresses_in_words, is_web_address, web_services

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
