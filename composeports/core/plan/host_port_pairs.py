"""A host and a port that belong together: in two variables, or in two places of one value."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping

from composeports.core.compose_project import is_port
from composeports.core.engine_address import is_this_machine
from composeports.core.plan.local_urls import PUBLIC, is_internal, is_listening

HOST_WORDS = ("HOST", "HOSTNAME", "ADDRESS", "ADDR", "SERVER", "DOMAIN", "IP")
# With these, the host belongs to the port only if it is not localhost: `APP_URL=http://localhost`
# beside an APP_PORT may mean port 80. The empty word is for `DB` and `DB_PORT`.
OTHER_WORDS = ("HOST_NAME", "HOST_IP", "HOSTADDR", "URL", "URI", "ENDPOINT", "BASE_URL", "")
# The port of a host without one, by words in the name of the variable.
DEFAULT_PORTS = (
    *((r"PG|POSTGRES|DB|DATABASE", 5432), (r"MYSQL|MARIADB|DB|DATABASE", 3306)),
    *((r"MSSQL|SQLSERVER|DB|DATABASE", 1433), (r"MONGO|DB|DATABASE", 27017), (r"REDIS", 6379)),
    *((r"RABBIT|AMQP", 5672), (r"ELASTIC", 9200), (r"MEMCACHE", 11211), (r"MAIL|SMTP", 1025)),
)
_PORT = re.compile(r"^(?P<stem>.*?)(?P<protocol>TCP_|UDP_)?PORT(?P<rest>(_NUMBER)?.*)$")
# The next three patterns are compiled at their first use: few values name the engine's host.
# `host=db`, `"db.host": "db"`, `Server=db`: the host in a value with several settings.
_HOST_KEY = (
    r"""(?i)(?<![\w.-])(?P<stem>[\w.-]*?)(?:hostname|hostaddr|host|server|address|addr)["']?\s*[=:]"""
    r"""\s*["']?(?P<host>\[[\da-f:]+\]|[\w.-]+)"""
)
_PORT_KEY = (
    r"""(?<![\w.-])(?P<stem>[\w.-]*?)(?:(?<![A-Za-z])[Pp][Oo][Rr][Tt]|(?<=[a-z])Port)"""
    r"""["']?\s*[=:]\s*["']?(?P<port>\d{1,5})(?![\w.])"""
)
# `Server=db,1433` of Microsoft SQL Server.
_BY_COMMA = r"(?<![\w.-])(?P<host>[A-Za-z][\w-]*(?:\.[\w-]+)+|[\d.]+),(?P<port>\d{1,5})(?![\w.])"
# Names of variables for browsers, in addition to names with PUBLIC or EXTERNAL.
OF_CLIENTS = re.compile(r"CLIENT|BROWSER|HMR|WDS")


def ports_of_hosts(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (port variable, host) for each port variable whose host is in another variable."""
    names = {name.upper(): name for name in values}
    for name, text in values.items():
        match = _PORT.match(name.upper())
        if match is None or not is_port(text):
            continue
        stem, ends = match["stem"], (match["rest"], match["rest"].removeprefix("_NUMBER"))
        partners = (f"{stem}{word}{end}" for end in ends for word in HOST_WORDS)
        partner = next((candidate for candidate in partners if candidate in names), "")
        if partner:
            yield name, values[names[partner]]
            continue
        partners = (_joined(stem, word, end) for end in ends for word in OTHER_WORDS)
        host = next((bare_host(values[names[each]]) for each in partners if each in names), "")
        if host and not is_this_machine(host):
            yield name, host


def _joined(stem: str, word: str, end: str) -> str:
    """Return the name of a host variable; without a word, the stem without its separator."""
    return f"{stem}{word}{end}" if word else f"{stem.rstrip('_.')}{end}"


def lone_hosts(
    values: Mapping[str, str], hosts: Collection[str], numbers: Collection[int]
) -> Iterator[tuple[str, int]]:
    """Yield (variable, port) of each variable with one of the hosts alone.

    The port is one of `numbers`: that of a port variable without a host, or the one that the
    variable's name stands for. A debugger's host has no such port.
    """
    names = [name for name, text in values.items() if bare_host(text).lower() in hosts]
    names = [name for name in names if "DEBUG" not in name.upper()]
    if not names:
        return
    pairs = dict(ports_of_hosts(values))
    if any(host.lower() in hosts for host in pairs.values()):
        return
    ports = [
        int(text)
        for name, text in values.items()
        if name not in pairs and _PORT.match(name.upper()) and is_port(text)
    ]
    for name in names:
        own = [port for word, port in DEFAULT_PORTS if re.search(word, name.upper())]
        port = next((port for port in (*own, *ports) if port in numbers), None)
        if port is not None:
            yield name, port


def bare_host(text: str) -> str:
    """Return the host of a value that is a host, or a URL without a port; else an empty string."""
    match = re.fullmatch(r"(?:[A-Za-z][A-Za-z0-9+.-]{0,20}://)?([\w.-]{1,255})/?", text.strip())
    return match[1] if match else ""


def ports_in_settings(text: str, hosts: Collection[str]) -> Iterator[re.Match[str]]:
    """Yield a match with the group `port` for each port that belongs to one of the hosts.

    The text has host and port as settings (`host=db port=5432`, `Server=db,1433`, JSON). With
    several hosts, a port belongs to the host with the same stem, as in `db.host` and `db.port`.
    """
    lower_text = text.lower()
    if not any(host in lower_text for host in hosts):
        return
    yield from (match for match in re.finditer(_BY_COMMA, text) if match["host"].lower() in hosts)
    host_keys = list(re.finditer(_HOST_KEY, text))
    for match in re.finditer(_PORT_KEY, text):
        partners = [key for key in host_keys if key["stem"].lower() == match["stem"].lower()]
        partners = partners or host_keys
        if len(partners) == 1 and partners[0]["host"].lower() in hosts:
            yield match


def with_new_ports(
    text: str, hosts: Collection[str], number_of: Callable[[int], int | None]
) -> str:
    """Return the text with the new number of every port that `ports_in_settings` finds."""
    for match in sorted(ports_in_settings(text, hosts), key=_position, reverse=True):
        number = number_of(int(match["port"]))
        if number is not None:
            text = f"{text[: match.start('port')]}{number}{text[match.end('port') :]}"
    return text


def _position(match: re.Match[str]) -> int:
    return match.start("port")


def leads_to_the_host(
    name: str, host: str, port: int, listens_on: Collection[int], of_engine: Collection[str]
) -> bool:
    """Return True if a port variable's host leads from the container to a published port.

    `listens_on` are the container's own ports: localhost with one of them most likely means the
    container itself. `of_engine` are the names by which the container reaches the engine's machine.
    """
    upper_name = name.upper()
    if host.lower() in of_engine:
        return True
    if not is_this_machine(host.strip("[]")) or is_internal(name) or is_listening(name):
        return False
    is_for_clients = (
        PUBLIC.search(upper_name) is not None or OF_CLIENTS.search(upper_name) is not None
    )
    has_stem = not upper_name.startswith("PORT")
    return has_stem and (is_for_clients or port not in listens_on)
