"""What Podman answers as Docker, set right: the host ports of its containers.

As Docker, it shows the first port of a run of them only (8000-8002 is 8000), and its address only
where there is one, so that `docker ps` takes a port of all addresses for one that is not published.
It shows those of stopped containers, too, which hold none.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from composeports.docker.containers import RUNNING

# The list of containers in Podman's own form; every Podman since 4.0 knows this version of it.
OWN_LIST = "/v4.0.0/libpod/containers/json?all=true"
OWN_INFO = "/v4.0.0/libpod/info"
# What `docker version` has among the engine's components.
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
    """Return Docker's entries with the ports that Podman's own entries have, where there are any.

    Those that do not run get none. A container that only one of the lists has
    came or went between the two questions.
    """
    known = {each.get("Id"): each.get("Ports") or () for each in own or ()}
    return [
        {**each, "Ports": _entries(each, known) if each.get("State") in RUNNING else []}
        for each in entries
    ]


def _entries(entry: Mapping[str, Any], known: Mapping[Any, Any]) -> Any:  # noqa: ANN401 - JSON
    if entry.get("Id") not in known:
        return entry.get("Ports")
    return list(map(_entry, spread(known[entry["Id"]])))


def _entry(port: tuple[int, int, str]) -> dict[str, Any]:
    host, target, protocol = port
    return {"PublicPort": host, "PrivatePort": target, "Type": protocol}


def spread(mappings: Iterable[Mapping[str, Any]]) -> Ports:
    """Return every (host port, target port, protocol) of mappings in Podman's own form."""
    return tuple(
        (each["host_port"] + step, each["container_port"] + step, protocol)
        for each in mappings
        if each.get("host_port")
        for step in range(each.get("range") or 1)
        for protocol in (each.get("protocol") or "tcp").split(",")
    )


def shows_bare(text: str) -> bool:
    """Tell whether the ports of `docker ps` have one without a host port, so 80/tcp."""
    return bool(_BARE.search(text))


def inspected(text: str) -> dict[str, Ports]:
    """Return the ports by container that INSPECT shows."""
    found: dict[str, Ports] = {}
    for line in text.splitlines():
        identity, host, target = (*line.split(), "", "", "")[:3]
        if host.isdecimal():
            number, _, protocol = target.partition("/")
            port = (int(host), int(number), protocol or "tcp")
            found[identity] = tuple(sorted({*found.get(identity, ()), port}))
    return found
