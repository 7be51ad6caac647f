"""Which of a stack's published ports a browser can open."""

from collections.abc import Mapping

from composeports.core.engine_address import LOCALHOST
from composeports.core.port_keys import parse_port_key

WEB_SCHEMES = ("http://", "https://")


def is_web_address(address: str) -> bool:
    """Return True if the address is a URL that a browser opens, without spaces or controls."""
    return address.startswith(WEB_SCHEMES) and address.isprintable() and " " not in address


def with_own_host(address: str, project: str) -> str:
    """Return a URL of localhost with the project's own host name, `http://ac-....localhost:10004`.

    Browsers send a cookie to all ports of a host, so sessions need different host names. Browsers
    and curl know that names below localhost lead to this machine. Other addresses do not change.
    """
    scheme, separator, rest = address.partition("://")
    is_local = f"{scheme}{separator}" in WEB_SCHEMES and rest.partition(":")[0] == LOCALHOST
    return f"{scheme}{separator}{project}.{rest}" if is_local else address


def web_services(urls: Mapping[str, str]) -> tuple[str, ...]:
    """Return the services that publish a port with HTTP, sorted; keys are as `"web:80/tcp"`."""
    return tuple(
        sorted({parse_port_key(key).service for key, url in urls.items() if is_web_address(url)})
    )


def addresses_in_words(urls: Mapping[str, str]) -> str:
    """Return the addresses as one text, such as `db:5432/tcp is localhost:10004`."""
    return ", ".join(f"{key} is {url}" for key, url in urls.items())
