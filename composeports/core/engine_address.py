"""The address of an engine: the machine that it is on, and whether that is this machine.

Imports nothing, because `env` must start fast.
"""

LOCALHOST = "localhost"
TCP = "tcp"
SSH = "ssh"
# Schemes of sockets and pipes, which are files of this machine.
OF_FILES = frozenset({"unix", "npipe", "fd"})


class Address:
    """The parts of an address such as `ssh://me@build:2222`; `host` has no brackets."""

    __slots__ = ("host", "port", "scheme", "user")

    def __init__(self, scheme: str, host: str = "", user: str = "", port: str = "") -> None:
        """Store the parts; a part that is not in the address is empty."""
        self.scheme = scheme
        self.host = host
        self.user = user
        self.port = port


def split_address(text: str) -> Address:
    """Return the parts of a DOCKER_HOST or context address; `build:2375` means TCP."""
    scheme, separator, location = text.strip().partition("://")
    if not separator:
        scheme, location = TCP, text.strip()
    if scheme in OF_FILES:
        return Address(scheme)
    user, _, endpoint = location.partition("/")[0].rpartition("@")
    host, port = _host_and_port(endpoint)
    # Like docker, read an address without a host name as an address of this machine.
    return Address(scheme, host or LOCALHOST, user.partition(":")[0], port)


def _host_and_port(place: str) -> tuple[str, str]:
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        return host, port.removeprefix(":")
    host, _, port = place.partition(":")
    return host, port


def is_this_machine(host: str) -> bool:
    """Return True if a host name or an address (without brackets) is a loopback address."""
    name = host.lower().rstrip(".")
    if name == LOCALHOST or name.endswith("." + LOCALHOST):
        return True
    # `::ffff:127.0.0.1` is the same address for a program that uses only IPv6.
    octets = name.removeprefix("::ffff:").split(".")
    is_ipv4 = len(octets) == 4 and all(part.isdecimal() for part in octets)  # noqa: PLR2004 - IPv4
    return name in {"::1", "0:0:0:0:0:0:0:1"} or (is_ipv4 and octets[0] == "127")


def in_url(host: str) -> str:
    """Return the host as it is written in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def host_problem(host: str) -> str:
    """Return why a text is not a valid host; empty for a valid name or address."""
    if not host.strip():
        return "it is empty"
    if "://" in host or "/" in host:
        return "it is a URL"
    if any(char.isspace() or not char.isprintable() or char in "@?#\\\"'`$%" for char in host):
        return "it has characters that no name has"
    bare_host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if "[" in bare_host or "]" in bare_host:
        return "its brackets do not match"
    if ":" in bare_host and (
        bare_host.count(":") == 1 or not set(bare_host) <= set("0123456789abcdefABCDEF:.")
    ):
        return "it has a port"
    return ""


def without_brackets(host: str) -> str:
    """Return the host without the brackets of an IPv6 address; `in_url` adds them again."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host
