"""The project: what a Compose file says, read from the JSON of `docker compose config`."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from composeports.core.ports import HIGHEST_PORT

Json = Mapping[str, object]
Texts = tuple[str, ...]
# What `network_mode` may be beside the name of a network.
MODES = frozenset({"", "host", "none", "bridge", "default", "nat"})
BY_REFERENCE = ("service:", "container:")


class PublishedPort(NamedTuple):
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


class Attachment(NamedTuple):
    """A service's place in a network; an address is empty where the engine chooses it."""

    network: str
    aliases: Texts = ()
    ipv4: str = ""
    ipv6: str = ""


class Build(NamedTuple):
    """How a service's image is built, as far as the plan looks at it."""

    context: str = ""
    args: Mapping[str, str] = {}
    tags: Texts = ()
    cache_from: Texts = ()
    cache_to: Texts = ()
    contexts: Mapping[str, str] = {}

    @property
    def folders(self) -> Texts:
        """The absolute paths that the build reads."""
        return tuple(each for each in (self.context, *self.contexts.values()) if each[:1] == "/")

    @property
    def cache_folders(self) -> Texts:
        """The folders that the build writes its cache to, as the file has them."""
        caches = [
            dict(each.partition("=")[::2] for each in text.split(",")) for text in self.cache_to
        ]
        return tuple(
            each["dest"] for each in caches if each.get("type") == "local" and "dest" in each
        )


class Mount(NamedTuple):
    """What a container gets from outside: `kind` is `bind` or `volume`.

    `source` is the absolute path of a bind, or the key of a volume; empty for an anonymous one.
    """

    kind: str
    source: str
    target: str
    read_only: bool = False


class Service(NamedTuple):
    """One service of the file, also of a profile that is switched off."""

    name: str
    ports: tuple[PublishedPort, ...] = ()
    profiles: Texts = ()
    network_mode: str = ""
    container_name: str = ""
    hostname: str = ""
    image: str = ""
    build: Build | None = None
    pull_policy: str = ""
    replicas: int = 1
    environment: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}
    networks: tuple[Attachment, ...] = ()
    dns: Texts = ()
    extra_hosts: Texts = ()
    external_links: Texts = ()
    volumes_from: Texts = ()
    ipc: str = ""
    pid: str = ""
    uts: str = ""
    log_driver: str = ""
    log_options: Mapping[str, str] = {}
    mounts: tuple[Mount, ...] = ()
    command: Texts = ()
    entrypoint: Texts = ()
    health_test: Texts = ()
    configs: Texts = ()

    @property
    def network_by_mode(self) -> str:
        """The name of the network that `network_mode` names; empty where it says another thing."""
        mode = self.network_mode
        return "" if mode in MODES or mode.startswith(BY_REFERENCE) else mode


class Network(NamedTuple):
    """A top-level network: `name` as the engine sees it, `ipam` as Compose shows it.

    `made_own`: the file says that it is external, and the settings make it the session's own.
    """

    key: str
    name: str
    external: bool = False
    driver: str = ""
    driver_opts: Mapping[str, str] = {}
    ipam: Mapping[str, object] = {}
    made_own: bool = False

    @property
    def pools(self) -> tuple[Json, ...]:
        """The entries of `ipam.config`."""
        entries = self.ipam.get("config")
        listed = entries if isinstance(entries, list) else []
        return tuple(entry for entry in listed if isinstance(entry, Mapping))

    @property
    def subnets(self) -> Texts:
        """The subnets that the file fixes, in its order; empty texts for entries without one."""
        return tuple(str(pool.get("subnet") or "") for pool in self.pools)


class Volume(NamedTuple):
    """A top-level volume: `name` as the engine sees it."""

    key: str
    name: str
    external: bool = False
    driver: str = ""
    driver_opts: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}


class Project(NamedTuple):
    """All that the file describes, in Compose's order; `asked_as` is the project it was read as.

    `handed_files` are those that configs and secrets are; `contents` are the texts of configs that
    the file has itself, by the config's key.
    """

    services: tuple[Service, ...] = ()
    networks: tuple[Network, ...] = ()
    volumes: tuple[Volume, ...] = ()
    asked_as: str = ""
    handed_files: Texts = ()
    contents: Mapping[str, str] = {}

    @property
    def ports(self) -> tuple[PublishedPort, ...]:
        """Every entry of every service that wants a host port of its own choice."""
        return tuple(port for service in self.services for port in service.ports if port.published)

    @property
    def places(self) -> Iterator[str]:
        """The paths of the host that containers get, and that builds read and write caches to."""
        for service in self.services:
            yield from (each.source for each in service.mounts if each.kind == "bind")
            if service.build:
                yield from service.build.folders
                yield from (each for each in service.build.cache_folders if each[:1] == "/")
        for volume in self.volumes:
            options = (volume.driver_opts.get("o") or "").split(",")
            named = (volume.driver_opts.get("device") or "", *options)
            paths = (text.removeprefix("upperdir=") for text in named)
            yield from (path for path in paths if path.startswith("/") and path[:2] != "//")

    def is_fixed(self, name: str) -> bool:
        """Tell whether a name is the same in every project, since the project's is not in it."""
        return bool(name) and not (self.asked_as and self.asked_as in name)


def read_project(config: Json) -> Project:
    """Return the project that `docker compose config --format json` describes."""
    return Project(
        services=tuple(_service(name, spec) for name, spec in _items(config.get("services"))),
        networks=tuple(_network(name, spec) for name, spec in _items(config.get("networks"))),
        volumes=tuple(_volume(name, spec) for name, spec in _items(config.get("volumes"))),
        asked_as=_text(config.get("name")),
        handed_files=tuple(_handed_files(config)),
        contents={
            key: _text(spec["content"])
            for key, spec in _items(config.get("configs"))
            if spec.get("content")
        },
    )


def _handed_files(config: Json) -> Iterator[str]:
    for kind in ("configs", "secrets"):
        for _, spec in _items(config.get(kind)):
            if spec.get("file"):
                yield _text(spec["file"])


def _service(name: str, spec: Json) -> Service:
    logging = _mapping(spec.get("logging"))
    return Service(
        name=name,
        ports=tuple(_ports(name, spec.get("ports"))),
        profiles=_texts(spec.get("profiles")),
        network_mode=_text(spec.get("network_mode")),
        container_name=_text(spec.get("container_name")),
        hostname=_text(spec.get("hostname")),
        image=_text(spec.get("image")),
        build=_build(spec.get("build")),
        pull_policy=_text(spec.get("pull_policy")),
        replicas=_replicas(spec),
        environment=_pairs(spec.get("environment")),
        labels=_pairs(spec.get("labels")),
        networks=tuple(_attachment(each, at) for each, at in _items(spec.get("networks"))),
        dns=_texts(spec.get("dns")),
        extra_hosts=_hosts(spec.get("extra_hosts")),
        external_links=_texts(spec.get("external_links")),
        volumes_from=_texts(spec.get("volumes_from")),
        ipc=_text(spec.get("ipc")),
        pid=_text(spec.get("pid")),
        uts=_text(spec.get("uts")),
        log_driver=_text(logging.get("driver")),
        log_options=_pairs(logging.get("options")),
        mounts=tuple(_mounts(spec.get("volumes"))),
        command=_texts(spec.get("command")),
        entrypoint=_texts(spec.get("entrypoint")),
        health_test=_health_test(spec.get("healthcheck")),
        configs=tuple(_text(each.get("source")) for each in _mappings(spec.get("configs"))),
    )


def _ports(service: str, entries: object) -> Iterator[PublishedPort]:
    for entry in _mappings(entries):
        yield PublishedPort(
            service=service,
            target=int(_text(entry.get("target")) or 0),
            protocol=_text(entry.get("protocol")) or "tcp",
            published=_host_port(entry.get("published")),
            host_ip=_text(entry.get("host_ip")),
            mode=_text(entry.get("mode")),
            name=_text(entry.get("name")),
            app_protocol=_text(entry.get("app_protocol")),
        )


def _host_port(value: object) -> str:
    """Return a fixed port or range as text; 0 and nothing both leave the choice to the engine."""
    text = _text(value)
    return "" if text == "0" else text


def _build(spec: object) -> Build | None:
    if not isinstance(spec, Mapping):
        return None
    return Build(
        context=_text(spec.get("context")),
        args=_pairs(spec.get("args")),
        tags=_texts(spec.get("tags")),
        cache_from=_texts(spec.get("cache_from")),
        cache_to=_texts(spec.get("cache_to")),
        contexts=_pairs(spec.get("additional_contexts")),
    )


def _health_test(spec: object) -> Texts:
    return _texts(spec.get("test")) if isinstance(spec, Mapping) else ()


def _replicas(spec: Json) -> int:
    """Return how many containers are wanted; `scale` and `deploy.replicas` mean the same."""
    deploy = spec.get("deploy")
    stated = (spec.get("scale"), deploy.get("replicas") if isinstance(deploy, Mapping) else None)
    return next((each for each in stated if isinstance(each, int)), 1)


def _attachment(network: str, spec: Json) -> Attachment:
    return Attachment(
        network=network,
        aliases=_texts(spec.get("aliases")),
        ipv4=_text(spec.get("ipv4_address")),
        ipv6=_text(spec.get("ipv6_address")),
    )


def _hosts(value: object) -> Texts:
    """Return `host=address` texts; versions of Compose show a list or a mapping."""
    if isinstance(value, Mapping):
        return tuple(
            f"{host}={address}"
            for host, addresses in value.items()
            for address in (addresses if isinstance(addresses, list) else [addresses])
        )
    return _texts(value)


def _mounts(entries: object) -> Iterator[Mount]:
    for entry in _mappings(entries):
        yield Mount(
            kind=_text(entry.get("type")),
            source=_text(entry.get("source")),
            target=_text(entry.get("target")),
            read_only=entry.get("read_only") is True,
        )


def _network(key: str, spec: Json) -> Network:
    ipam = spec.get("ipam")
    return Network(
        key=key,
        name=_text(spec.get("name")),
        external=bool(spec.get("external")),
        driver=_text(spec.get("driver")),
        driver_opts=_pairs(spec.get("driver_opts")),
        ipam=ipam if isinstance(ipam, Mapping) else {},
    )


def _volume(key: str, spec: Json) -> Volume:
    return Volume(
        key=key,
        name=_text(spec.get("name")),
        external=bool(spec.get("external")),
        driver=_text(spec.get("driver")),
        driver_opts=_pairs(spec.get("driver_opts")),
        labels=_pairs(spec.get("labels")),
    )


def _items(value: object) -> Iterator[tuple[str, Json]]:
    for name, spec in value.items() if isinstance(value, Mapping) else ():
        yield str(name), spec if isinstance(spec, Mapping) else {}


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> Iterator[Json]:
    return (
        (each for each in value if isinstance(each, Mapping))
        if isinstance(value, list)
        else iter(())
    )


def _pairs(value: object) -> dict[str, str]:
    """Return what has a value; `NAME` alone, which Compose shows as null, has none."""
    found = value.items() if isinstance(value, Mapping) else ()
    return {str(name): _text(each) for name, each in found if each is not None}


def _texts(value: object) -> Texts:
    if isinstance(value, list):
        return tuple(map(str, value))
    return (str(value),) if value else ()


def _text(value: object) -> str:
    return "" if value is None else str(value)


def is_port(text: str) -> bool:
    """Tell whether `text` is one port number."""
    return text.isascii() and text.isdecimal() and 1 <= int(text) <= HIGHEST_PORT
