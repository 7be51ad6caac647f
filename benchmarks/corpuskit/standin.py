"""Write the override with which a stack runs without its images: every service is a responder.

Pure: a merged result in, a document out. It keeps everything that sessions may share: ports, names,
networks, addresses, volumes, labels. It removes what needs the real image or the real host.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from ipaddress import ip_address

from corpuskit.published import Port, ports_of
from corpuskit.reading import Json, items, mapping, mappings, text

# Busybox answers over TCP; over UDP it takes Python, for which few services ask.
SMALL, PYTHON = "composeports-dev/tiny:1", "composeports-dev/base:1"
SERVE = """\
mkdir -p /tmp/page && echo "$0" >/tmp/page/index.html
for port; do busybox httpd -p "$port" -h /tmp/page; done
exec busybox sleep 2147483
"""
KEPT = {
    *("annotations", "container_name", "dns", "dns_search", "domainname", "environment", "expose"),
    *("extra_hosts", "hostname", "init", "labels", "mac_address", "network_mode", "networks"),
    *("ports", "profiles", "stdin_open", "stop_grace_period", "stop_signal", "tty"),
}
LOCAL = {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not bound


@dataclass(frozen=True, slots=True)
class Expected:
    """A host port that has to answer, and with what words."""

    host: str
    number: int
    protocol: str
    words: str


@dataclass(frozen=True, slots=True)
class StandIn:
    """One session's stack without its images."""

    document: str
    expected: tuple[Expected, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)


def stand_in(merged: Json, spoken: Collection[str] = ("tcp", "udp")) -> StandIn:
    """Return what to give to Compose as one more file, and what then has to answer.

    `spoken` are the protocols that the images on the engine can answer in.
    """
    services = dict(items(merged.get("services")))
    left_out = dict(_left_out(services, spoken))
    project = text(merged.get("name"))
    lines = ["services:"]
    expected: list[Expected] = []
    for name, service in services.items():
        if name in left_out:
            lines.append(f"  {json.dumps(name)}: !reset null")
            continue
        words = f"{project} {name}"
        lines.append(f"  {json.dumps(name)}:")
        lines += [f"    {line}" for line in _fields(service, words, _usable_volumes(merged))]
        expected += _expected(ports_of(service), words)
    return StandIn("\n".join((*lines, "")), tuple(expected), left_out)


def _left_out(services: Mapping[str, Json], spoken: Collection[str]) -> Iterator[tuple[str, str]]:
    containers: dict[str, str] = {}
    for name, service in services.items():
        container = text(service.get("container_name")) or name
        mode = text(service.get("network_mode"))
        owner = services.get(mode.removeprefix("service:"), service)
        if "host" in {mode, text(owner.get("network_mode"))}:
            yield name, "on the host's network"
        elif mode.startswith("container:"):
            yield name, "in the network of a container"
        elif not all(_is_local(port.host_ip) for port in ports_of(service)):
            yield name, "publishes on an address that this host does not have"
        elif not all(port.protocol in spoken for port in ports_of(service)):
            yield name, "publishes a protocol that no image here speaks"
        elif containers.setdefault(container, name) != name:
            # Apart by profile: Compose itself cannot run both.
            yield name, f"has the container name of {containers[container]}"


def _is_local(host_ip: str) -> bool:
    return host_ip in LOCAL or ip_address(host_ip).is_loopback


def _usable_volumes(merged: Json) -> set[str]:
    """Return the volumes that any engine can make without the real host."""
    return {
        key
        for key, spec in items(merged.get("volumes"))
        if text(spec.get("driver")) in {"", "local"} and not spec.get("driver_opts")
    }


def _fields(service: Json, words: str, volumes: set[str]) -> Iterator[str]:
    image, program = _program(ports_of(service), words)
    yield f"image: {image}"
    yield "pull_policy: never"
    yield 'restart: "no"'
    yield f"entrypoint: !override {json.dumps(program).replace('$', '$$')}"
    mounts = [_mount(each) for each in mappings(service.get("volumes"))]
    usable = [each for each in mounts if each["type"] == "volume" and each["source"] in volumes]
    if usable:
        yield f"volumes: !override {json.dumps(usable)}"
    given = {"image", "pull_policy", "restart", "entrypoint", *(["volumes"] if usable else [])}
    for name in service:
        if name not in KEPT | given and not name.startswith("x-"):
            yield f"{name}: !reset null"


def _program(ports: Sequence[Port], words: str) -> tuple[str, list[str]]:
    """Return the image and the command that send the words to each client of the ports."""
    if any(port.protocol == "udp" for port in ports):
        script = resources.files("corpuskit").joinpath("responder.py").read_text()
        listening = sorted({f"{port.protocol}:{port.target}" for port in ports})
        return PYTHON, ["python3", "-I", "-c", script, words, *listening]
    numbers = sorted({str(port.target) for port in ports})
    return SMALL, ["/bin/busybox", "sh", "-c", SERVE, words, *numbers]


def _mount(entry: Json) -> dict[str, object]:
    kept = {name: entry[name] for name in ("type", "source", "target") if name in entry}
    return {"type": "", "source": "", **kept}


def _expected(ports: Sequence[Port], words: str) -> Iterator[Expected]:
    for port in ports:
        if port.published.isdecimal():
            host = "127.0.0.1" if port.host_ip in LOCAL else port.host_ip
            yield Expected(host, int(port.published), port.protocol, words)


def externals(merged: Json) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of what the stack wants to find on the engine."""
    for kind in ("network", "volume"):
        for key, spec in items(merged.get(f"{kind}s")):
            if spec.get("external"):
                yield kind, text(mapping(spec).get("name")) or key
