"""Parses containers from the engine's own JSON list and from the output of `docker ps`."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from composeports.core.labels import (
    DIRECTORY_LABEL,
    FILES_LABEL,
    PROJECT_LABEL,
    SERVICE_LABEL,
    SESSION_LABEL,
    STORE_LABEL,
    UNMARKED,
    Mark,
)

# Prefix that Compose gives to the name of a new container until the container that it replaces is
# removed. This pattern and the next one are compiled at their first use: the engine's socket gives
# ports as numbers, and few containers are left behind.
_REPLACING = r"[0-9a-f]{12}_"
RESTARTING = "restarting"
RUNNING = frozenset({"running", RESTARTING, "paused"})
MARK_LABELS = (STORE_LABEL, SESSION_LABEL)
COLUMNS = ("{{.ID}}", "{{.State}}", f'{{{{.Label "{PROJECT_LABEL}"}}}}')
FORMAT = "\t".join((*COLUMNS, f'{{{{.Label "{SERVICE_LABEL}"}}}}', "{{.Ports}}", "{{.Names}}"))
FORMAT += "".join(
    f'\t{{{{.Label "{label}"}}}}' for label in (DIRECTORY_LABEL, FILES_LABEL, *MARK_LABELS)
)
FORMAT += "\t{{.Networks}}\t{{.Status}}"
# As `docker ps` prints it: 0.0.0.0:8000-8002->80-82/tcp, :::53->53/udp, [::]:53->53/udp, 99/tcp
_PORTS = r"(?P<first>\d+)(?:-(?P<last>\d+))?->(?P<target>\d+)(?:-\d+)?/(?P<proto>\w+)"


class Container(NamedTuple):
    """One container of the engine; `ports` are (host port, target port, protocol).

    A container that does not run has no ports: newer versions of Podman list those that it will
    publish, and Docker does not.

    `directory` and `files` (separated by commas) are the working directory and the files that
    Compose was started with. `networks` are the names of the container's networks. `network_ids`
    are their ids; only the engine's socket reports them. `status` is the engine's text about state,
    exit code and health, such as `Up 2 seconds (healthy)`.
    """

    id: str
    state: str
    project: str
    service: str
    ports: tuple[tuple[int, int, str], ...] = ()
    name: str = ""
    directory: str = ""
    files: str = ""
    mark: Mark = UNMARKED
    networks: tuple[str, ...] = ()
    network_ids: tuple[str, ...] = ()
    status: str = ""

    @property
    def is_running(self) -> bool:
        """True if the container holds its ports now."""
        return self.state in RUNNING

    @property
    def is_of_run(self) -> bool:
        """True if `docker compose run` created it, by the name that Compose gives it."""
        return self.name.startswith(f"{self.project}-{self.service}-run-")

    @property
    def replaces(self) -> str:
        """The name of the container that this one was created to replace; empty for others.

        If that container still exists, a killed command has left this one behind.
        """
        match = re.match(_REPLACING, self.name)
        return self.name[match.end() :] if match else ""


def container_of(entry: dict[str, Any]) -> Container:
    """Return the container of one entry in the engine's own list."""
    labels = entry.get("Labels") or {}
    ports = entry.get("Ports") or []
    published_ports = {
        (port["PublicPort"], port["PrivatePort"], port["Type"])
        for port in ports
        if port.get("PublicPort")
    }
    if entry["State"] not in RUNNING:
        published_ports = set()
    names = ",".join(name.removeprefix("/") for name in entry.get("Names") or [])
    networks: dict[str, dict[str, Any]] = (entry.get("NetworkSettings") or {}).get("Networks") or {}
    return Container(
        entry["Id"],
        entry["State"],
        labels.get(PROJECT_LABEL, ""),
        labels.get(SERVICE_LABEL, ""),
        tuple(sorted(published_ports)),
        _own_name(names),
        labels.get(DIRECTORY_LABEL, ""),
        labels.get(FILES_LABEL, ""),
        Mark(*(labels.get(label, "") for label in MARK_LABELS)),
        tuple(networks),
        tuple(network["NetworkID"] for network in networks.values() if network.get("NetworkID")),
        entry.get("Status") or "",
    )


def parse_containers(text: str) -> Iterator[Container]:
    """Yield the containers in the output of `docker ps --format FORMAT`."""
    for line in text.splitlines():
        columns = (*line.split("\t"), *[""] * 11)[:12]
        identity, state, project, service, ports, names, directory, files, *rest = columns
        *mark, networks, status = rest
        published_ports = tuple(sorted(set(_parse_ports(ports)))) if state in RUNNING else ()
        origin = (_own_name(names), directory, files, Mark(*mark))
        network_names = tuple(name for name in networks.split(",") if name)
        head = (identity, state, project, service, published_ports)
        yield Container(*head, *origin, network_names, status=status)


def _own_name(names: str) -> str:
    """Return the container's own name, not the name of a link (`other/alias`)."""
    return next((name for name in names.split(",") if "/" not in name), names)


def _parse_ports(text: str) -> Iterator[tuple[int, int, str]]:
    for match in re.finditer(_PORTS, text):
        first, target = int(match["first"]), int(match["target"])
        last = int(match["last"] or first)
        for step in range(last - first + 1):
            yield first + step, target + step, match["proto"]


def host_names_of(text: str) -> dict[str, dict[str, frozenset[str]]]:
    """Return host names by container id and network name.

    `text` is the output of `docker container inspect`. The result is empty if it is not JSON.
    """
    import json  # noqa: PLC0415 - rarely needed

    try:
        entries: list[dict[str, Any]] = json.loads(text or "[]")
    except ValueError:
        return {}
    host_names = {}
    for entry in entries:
        container_names = {
            entry["Name"].removeprefix("/"),
            (entry.get("Config") or {}).get("Hostname", ""),
        }
        networks = (entry.get("NetworkSettings") or {}).get("Networks") or {}
        host_names[entry["Id"]] = {
            name: frozenset(
                {
                    *container_names,
                    *(endpoint.get("Aliases") or ()),
                    *(endpoint.get("DNSNames") or ()),
                }
                - {""}
            )
            for name, endpoint in networks.items()
        }
    return host_names
