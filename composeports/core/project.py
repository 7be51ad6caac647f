"""The project: what a Compose file publishes, read from the JSON of `docker compose config`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from composeports.core.block import HIGHEST_PORT

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """One entry of a service's `ports`, as Compose resolved it.

    `published` is empty where the file leaves the host port to the engine, and may be a range
    such as `8000-8010` that the engine chooses one port from.
    """

    service: str
    target: int
    protocol: str = "tcp"
    published: str = ""
    host_ip: str = ""
    mode: str = ""
    name: str = ""
    app_protocol: str = ""

    @property
    def number(self) -> int | None:
        """The fixed host port, None for a range or none."""
        return int(self.published) if self.published.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the file, also of a profile that is switched off."""

    name: str
    ports: tuple[PublishedPort, ...] = ()
    profiles: tuple[str, ...] = ()
    network_mode: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """All services of the file, in Compose's order."""

    services: tuple[Service, ...] = ()

    @property
    def ports(self) -> tuple[PublishedPort, ...]:
        """Every entry of every service that wants a host port of its own choice."""
        return tuple(port for service in self.services for port in service.ports if port.published)


def read_project(config: Json) -> Project:
    """Return the project that `docker compose config --format json` describes."""
    services = config.get("services")
    if not isinstance(services, Mapping):
        return Project()
    return Project(tuple(_service(str(name), spec) for name, spec in services.items()))


def _service(name: str, spec: object) -> Service:
    fields = spec if isinstance(spec, Mapping) else {}
    profiles = fields.get("profiles")
    return Service(
        name=name,
        ports=tuple(_ports(name, fields.get("ports"))),
        profiles=tuple(map(str, profiles)) if isinstance(profiles, list) else (),
        network_mode=str(fields.get("network_mode") or ""),
    )


def _ports(service: str, entries: object) -> Iterator[PublishedPort]:
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping):
            yield PublishedPort(
                service=service,
                target=int(entry.get("target") or 0),
                protocol=str(entry.get("protocol") or "tcp"),
                published=_host_port(entry.get("published")),
                host_ip=str(entry.get("host_ip") or ""),
                mode=str(entry.get("mode") or ""),
                name=str(entry.get("name") or ""),
                app_protocol=str(entry.get("app_protocol") or ""),
            )


def _host_port(value: object) -> str:
    """Return a fixed port or range as text; 0 and nothing both leave the choice to the engine."""
    text = "" if value is None else str(value)
    return "" if text == "0" else text


def is_port(text: str) -> bool:
    """Tell whether `text` is one port number."""
    return text.isascii() and text.isdecimal() and 1 <= int(text) <= HIGHEST_PORT
