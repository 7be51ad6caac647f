"""Corrects the host ports of containers in the answers of Podman's Docker-compatible API.

That API shows only the first port of a range (8000 for 8000-8002). It shows a host address only if
the port has one, so that `docker ps` takes a port on all addresses for an unpublished port. It also
shows the ports of stopped containers, which hold none.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from composeports.docker.containers import RUNNING

# Podman's own list of containers; every Podman since 4.0 supports this version of the API.
OWN_LIST = "/v4.0.0/libpod/containers/json?all=true"
OWN_INFO = "/v4.0.0/libpod/info"
# The name of the engine among the components of `docker version`.
COMPONENT = "Podman Engine"
INSPECT = (
    "{{$id := .Id}}{{range $target, $bindings := .HostConfig.PortBindings}}"
    "{{range $bindings}}{{$id}} {{.HostPort}} {{$target}}\n{{end}}{{end}}"
)
_BARE = re.compile(r"(?:\t|, )\d+(?:-\d+)?/\w+")
Ports = tuple[tuple[int, int, str], ...]


def with_all_ports(
    entries: Sequence[dict[str, Any]], own: Iterable[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """Return the Docker-compatible entries with the ports of Podman's own entries, if known.

    Containers that do not run get no ports. A container that is in only one of the lists was
    created or removed between the two queries.
    """
    ports_by_id = {entry.get("Id"): entry.get("Ports") or () for entry in own or ()}
    return [
        {**entry, "Ports": _entries(entry, ports_by_id) if entry.get("State") in RUNNING else []}
        for entry in entries
    ]


def _entries(entry: Mapping[str, Any], known: Mapping[Any, Any]) -> Any:  # noqa: ANN401 - JSON
    if entry.get("Id") not in known:
        return entry.get("Ports")
    return list(map(_entry, spread(known[entry["Id"]])))


def _entry(port: tuple[int, int, str]) -> dict[str, Any]:
    host, target, protocol = port
    return {"PublicPort": host, "PrivatePort": target, "Type": protocol}


def spread(mappings: Iterable[Mapping[str, Any]]) -> Ports:
    """Return each (host port, target port, protocol) of Podman's own port mappings."""
    return tuple(
        (mapping["host_port"] + step, mapping["container_port"] + step, protocol)
        for mapping in mappings
        if mapping.get("host_port")
        for step in range(mapping.get("range") or 1)
        for protocol in (mapping.get("protocol") or "tcp").split(",")
    )


def shows_bare(text: str) -> bool:
    """Return True if the output of `docker ps` has a port without a host port, such as 80/tcp."""
    return bool(_BARE.search(text))


def inspected(text: str) -> dict[str, Ports]:
    """Return the ports by container id from the output of the INSPECT template."""
    ports_by_id: dict[str, Ports] = {}
    for line in text.splitlines():
        identity, host, target = (*line.split(), "", "", "")[:3]
        if host.isdecimal():
            number, _, protocol = target.partition("/")
            port = (int(host), int(number), protocol or "tcp")
            ports_by_id[identity] = tuple(sorted({*ports_by_id.get(identity, ()), port}))
    return ports_by_id
