"""Addresses in texts that lead from the host to a published port: find them, change the port."""

import re
from collections.abc import Callable, Collection
from functools import cache
from typing import NamedTuple

from composeports.core.engine_address import in_url, is_this_machine, split_address

WEB = frozenset({"http", "https", "ws", "wss"})
IMPLIED = {"http": 80, "ws": 80, "https": 443, "wss": 443}
IMPLIED |= {"postgres": 5432, "postgresql": 5432, "mysql": 3306, "mariadb": 3306}
IMPLIED |= {"sqlserver": 1433, "mongodb": 27017, "redis": 6379, "amqp": 5672}
ANY_ADDRESS = frozenset({"0.0.0.0", "[::]"})  # noqa: S104 - read, not bound
# Hosts by which a container reaches its engine's machine: the names of Docker Desktop (old ones
# too), Podman, Lima, OrbStack and Rancher Desktop, and the bridge that Docker creates on Linux.
ENGINE_HOSTS = frozenset(
    {"host.docker.internal", "gateway.docker.internal", "host.containers.internal"}
    | {"host.lima.internal", "host.orb.internal", "host.rancher-desktop.internal"}
    | {
        f"docker.for.{system}.{name}"
        for system in ("mac", "win")
        for name in ("localhost", "host.internal")
    }
    | {"172.17.0.1"}
)
# In a container on the host's network, these are names of the host, too.
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
LISTENS = re.compile(r"LISTEN|BIND|^(ASPNETCORE|DOTNET)_URLS$")
# Variables whose value is given to clients of the container and not used inside it.
ADVERTISED = re.compile(r"ADVERTIS|ANNOUNC")
PUBLIC = re.compile(r"PUBLIC|EXTERNAL|ADVERTIS|ANNOUNC")
INTERNAL = re.compile(r"INTERNAL")
# Variables with an address at which the container calls itself, if it listens on that port.
OF_ITSELF = re.compile(r"HEALTH|PROBE|LOOPBACK")
# Variables with host names for a browser: even an address without a scheme means the host.
NAMED_FOR_HOSTS = re.compile(r"HOST|DOMAIN|ORIGIN|ALLOWED|CORS|SERVER_NAME|PUBLIC|EXTERNAL")
# Variables with the address where a program listens, if it listens on that port.
OWN_HOST = re.compile(r"^((HTTP_|SERVER_|APP_)?HOST(NAME)?)$")
# Names of this machine, with the names below localhost and the public ones that lead to 127.0.0.1.
_LOCAL = (
    r"(?:[A-Za-z0-9_*-]{1,63}\.){0,8}(?:localhost|localtest\.me|lvh\.me|localhost\.localstack\.cloud)"
    r"|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]"
)


@cache
def addresses(names: frozenset[str], local: str = _LOCAL) -> re.Pattern[str]:
    """Return a pattern for URLs and `host:port` of this machine and of the engine's machine.

    `names` are the host names of the engine's machine. `local` is a pattern for the names of this
    machine; empty for none.
    """
    hosts = "|".join((*map(re.escape, sorted(names)), *filter(None, [local])))
    return re.compile(
        r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+._-]{0,40})://(?P<user>[^\s/@,\"']*@)?)?"
        rf"(?<![A-Za-z0-9_.-])(?P<host>{hosts})"
        r"(?::(?P<port>\d{1,5})(?!\d)|(?![A-Za-z0-9_.:-]))",
        re.IGNORECASE,
    )


class Reach(NamedTuple):
    """How one service reaches published ports.

    `listens_on` are its own container ports: `0.0.0.0` with one of them is the address where the
    service itself listens. `host` is set if published ports are not reached by localhost: it
    replaces localhost. The names in `engine_hosts` are kept. `inside` are names below localhost
    that lead to a container, such as the alias `api.localhost`.
    """

    listens_on: Collection[int] = ()
    host: str = ""
    engine_hosts: frozenset[str] = ENGINE_HOSTS
    inside: frozenset[str] = frozenset()


NumberOf = Callable[[int], int | None]


def renumbered(name: str, text: str, number_of: NumberOf, reach: Reach = Reach()) -> str:  # noqa: B008 - a constant
    """Return the value of variable `name` with the number of each host-facing port replaced.

    `number_of` returns the new number of a port, or None if the port does not change.
    """
    return _replaced(text, lambda match: _port_of(name, match, reach), number_of, reach)


def renumbered_for_engine(text: str, number_of: NumberOf) -> str:
    """Return an address that the engine connects to, with a moved port of its machine replaced."""
    return _replaced(text, port_in, number_of, Reach())


def _replaced(
    text: str, port_of: Callable[[re.Match[str]], int | None], number_of: NumberOf, reach: Reach
) -> str:
    def replace(match: re.Match[str]) -> str:
        port = port_of(match)
        number = None if port is None else number_of(port)
        if number is None:
            return match[0]
        keeps_host = not reach.host or match["host"].lower() in reach.engine_hosts
        host = match["host"] if keeps_host else in_url(reach.host)
        prefix = match[0][: match.start("host") - match.start()]
        return f"{prefix}{host}:{number}" if match["port"] or number != port else prefix + host

    return addresses(reach.engine_hosts).sub(replace, text)


def leads_only_there(name: str, text: str, mark: int) -> bool:
    """Return True if `mark` is in the text only as the port of host-facing URLs."""
    new_text = renumbered(name, text, lambda port: 0 if port == mark else None)
    return str(mark) not in new_text


def leads_elsewhere(url: str) -> bool:
    """Return True if a URL leads to a machine or container other than localhost.

    Return False for an empty URL.
    """
    text = url.strip().partition("://")[2] or url.strip()
    host = split_address(f"tcp://{text}").host
    return bool(text) and host not in {"0.0.0.0", "::"} and not is_this_machine(host)  # noqa: S104


def is_local(text: str) -> bool:
    """Return True if the text has an address of this machine or of the engine's machine."""
    return addresses(ENGINE_HOSTS).search(text) is not None


def is_number_in(number: int, text: str) -> bool:
    """Return True if the text has the number as a word of its own."""
    return re.search(rf"(?<![A-Za-z0-9_.]){number}(?![A-Za-z0-9_]|\.\d)", text) is not None


def has_engine_host(text: str) -> bool:
    """Return True if the text has a name of the engine's machine."""
    return addresses(ENGINE_HOSTS, "").search(text) is not None


def is_internal(name: str) -> bool:
    """Return True if the variable's name says that its value is used inside the container."""
    upper_name = name.upper()
    return INTERNAL.search(upper_name) is not None and PUBLIC.search(upper_name) is None


def is_listening(name: str) -> bool:
    """Return True if the variable's name says that its value is where a program listens."""
    upper_name = name.upper()
    return LISTENS.search(upper_name) is not None and ADVERTISED.search(upper_name) is None


def port_in(match: re.Match[str]) -> int | None:
    """Return the port of an address; None if it has no port and its scheme implies none."""
    return int(match["port"]) if match["port"] else IMPLIED.get((match["scheme"] or "").lower())


def _port_of(name: str, match: re.Match[str], reach: Reach) -> int | None:
    """Return the port that a match leads to; None if it does not lead to the host."""
    scheme, host = (match["scheme"] or "").lower(), match["host"].lower()
    port = port_in(match)
    if port is None or host in reach.inside or is_listening(name):
        return None
    if host in reach.engine_hosts:
        return port
    return port if _is_of_the_host(name.upper(), scheme, host, port in reach.listens_on) else None


def _is_of_the_host(name: str, scheme: str, host: str, is_own: bool) -> bool:  # noqa: FBT001
    """Return True if a localhost address is meant for clients of the container."""
    is_advertised = ADVERTISED.search(name) is not None
    if host in ANY_ADDRESS and (is_own or is_advertised):
        return False
    if is_internal(name) or (is_own and OF_ITSELF.search(name)):
        return False
    if scheme or is_advertised:
        return scheme in WEB or is_advertised
    return NAMED_FOR_HOSTS.search(name) is not None and not (is_own and OWN_HOST.search(name))
