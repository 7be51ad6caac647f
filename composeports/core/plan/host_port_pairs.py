"""A host and a port in two variables with a common stem, such as DB_HOST and DB_PORT."""

import re
from collections.abc import Collection, Iterator, Mapping

from composeports.core.compose_project import is_port
from composeports.core.engine_address import is_this_machine
from composeports.core.plan.local_urls import PUBLIC, is_internal, is_listening

HOST_WORDS = ("HOST", "HOSTNAME", "ADDRESS", "ADDR", "SERVER", "DOMAIN", "IP")
_PORT = re.compile(r"^(?P<stem>.*?)(?P<protocol>TCP_|UDP_)?PORT(?P<rest>(_NUMBER)?.*)$")
# Names of variables for browsers, in addition to names with PUBLIC or EXTERNAL.
OF_CLIENTS = re.compile(r"CLIENT|BROWSER|HMR|WDS")


def ports_of_hosts(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (port variable, host) for each port variable whose host is in another variable."""
    names = {name.upper(): name for name in values}
    for name, text in values.items():
        match = _PORT.match(name.upper())
        if match is None or not is_port(text):
            continue
        ends = (match["rest"], match["rest"].removeprefix("_NUMBER"))
        partners = (f"{match['stem']}{word}{end}" for end in ends for word in HOST_WORDS)
        partner = next((candidate for candidate in partners if candidate in names), "")
        if partner:
            yield name, values[names[partner]]


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
