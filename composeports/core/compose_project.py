"""The project that a Compose file describes, read from the JSON of `docker compose config`."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from composeports.core.ports import HIGHEST_PORT

Json = Mapping[str, object]
Texts = tuple[str, ...]
# Values of `network_mode` that are not the name of a network.
MODES = frozenset({"", "host", "none", "bridge", "default", "nat"})
BY_REFERENCE = ("service:", "container:")
# The mount that Compose adds to a service with `use_api_socket: true`.
API_SOCKET = "/var/run/docker.sock"
# Options of `cache_to` that say where a cache is. Other options may be passwords.
CACHE_LOCATION = ("ref", "account_url", "bucket", "container", "prefix", "name", "scope")


def _network_name(mode: str) -> str:
    return "" if mode in MODES or mode.startswith(BY_REFERENCE) else mode


class PublishedPort(NamedTuple):
    """One entry of a service's `ports`, as Compose resolved it.

    `published` is empty if the file lets the engine choose the host port. It may be a range such as
    `8000-8010`, from which the engine chooses one port.
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
        """Return the fixed host port; None for a range or no host port."""
        return int(self.published) if self.published.isdecimal() else None


class Attachment(NamedTuple):
    """A service's connection to a network; an address is empty if the engine chooses it."""

    network: str
    aliases: Texts = ()
    ipv4: str = ""
    ipv6: str = ""


class Build(NamedTuple):
    """How a service's image is built; only the fields that the plan uses."""

    context: str = ""
    args: Mapping[str, str] = {}
    tags: Texts = ()
    cache_from: Texts = ()
    cache_to: Texts = ()
    contexts: Mapping[str, str] = {}
    network: str = ""
    dockerfile: str = ""
    dockerfile_inline: str = ""

    @property
    def joined_network(self) -> str:
        """Return the network that `network` names; empty if its value is not a network."""
        return _network_name(self.network)

    @property
    def joined_container(self) -> str:
        """Return the container whose network `network` names; empty if it names none."""
        kind, _, name = self.network.partition(":")
        return name if kind == "container" else ""

    @property
    def folders(self) -> Texts:
        """Return the absolute paths that the build reads."""
        return tuple(path for path in (self.context, *self.contexts.values()) if path[:1] == "/")

    @property
    def cache_folders(self) -> Texts:
        """Return the folders that the build writes its cache to, as written in the file."""
        return tuple(
            cache["dest"]
            for cache in map(_cache_options, self.cache_to)
            if cache.get("type") == "local" and "dest" in cache
        )

    @property
    def remote_caches(self) -> Texts:
        """Return a name for each cache outside of this machine that the build writes to.

        The name is the `ref` of a registry, or the type and the options that say where the cache
        is, such as `s3,bucket=ci`.
        """
        return tuple(
            _cache_name(cache)
            for cache in map(_cache_options, self.cache_to)
            if cache.get("type", "local") not in {"local", "inline"}
        )


def _cache_options(text: str) -> dict[str, str]:
    """Return the options of an entry of `cache_to`; a bare name is the `ref` of a registry."""
    if "=" not in text:
        return {"type": "registry", "ref": text}
    return dict(option.partition("=")[::2] for option in text.split(","))


def _cache_name(cache: Mapping[str, str]) -> str:
    if cache.get("ref"):
        return cache["ref"]
    options = [f"{name}={cache[name]}" for name in CACHE_LOCATION if cache.get(name)]
    return ",".join((cache["type"], *options))


class Mount(NamedTuple):
    """A mount of a container: `kind` is `bind`, `volume` or `image`.

    `source` is the absolute path of a bind mount, the key of a volume, or the name of an image. It
    is empty for an anonymous volume. `subpath` is the mounted path in an image.
    """

    kind: str
    source: str
    target: str
    read_only: bool = False
    subpath: str = ""


class Service(NamedTuple):
    """One service of the file, even if its profile is not active.

    `devices` are the host paths of the devices that its containers can use. `provider` is the type
    of the program that creates the service in place of the engine.
    """

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
    devices: Texts = ()
    provider: str = ""
    command: Texts = ()
    entrypoint: Texts = ()
    health_test: Texts = ()
    configs: Texts = ()

    @property
    def network_by_mode(self) -> str:
        """Return the network that `network_mode` names; empty if its value is not a network."""
        return _network_name(self.network_mode)


class Network(NamedTuple):
    """A top-level network: `name` is its name on the engine, `ipam` is what Compose shows.

    `made_own` is True if the file says that the network is external, but the settings give each
    session its own.
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
        """Return the entries of `ipam.config`."""
        config = self.ipam.get("config")
        entries = config if isinstance(config, list) else []
        return tuple(entry for entry in entries if isinstance(entry, Mapping))

    @property
    def subnets(self) -> Texts:
        """Return the subnet of each pool in file order; an empty string if a pool has none."""
        return tuple(str(pool.get("subnet") or "") for pool in self.pools)


class Volume(NamedTuple):
    """A top-level volume: `name` is its name on the engine."""

    key: str
    name: str
    external: bool = False
    driver: str = ""
    driver_opts: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}


class Project(NamedTuple):
    """Everything that the file describes, in Compose's order.

    `asked_as` is the project name that Compose read the file with. `handed_files` are the source
    files of configs and secrets. `contents` maps the key of a config to its text, for configs whose
    text is in the file.
    """

    services: tuple[Service, ...] = ()
    networks: tuple[Network, ...] = ()
    volumes: tuple[Volume, ...] = ()
    asked_as: str = ""
    handed_files: Texts = ()
    contents: Mapping[str, str] = {}

    @property
    def ports(self) -> tuple[PublishedPort, ...]:
        """Return the `ports` entries of all services that request a host port."""
        return tuple(port for service in self.services for port in service.ports if port.published)

    @property
    def places(self) -> Iterator[str]:
        """Yield the absolute host paths of mounts, devices, builds, caches and volume options."""
        for service in self.services:
            yield from (mount.source for mount in service.mounts if mount.kind == "bind")
            yield from service.devices
            if service.build:
                yield from service.build.folders
                yield from (folder for folder in service.build.cache_folders if folder[:1] == "/")
        for volume in self.volumes:
            options = (volume.driver_opts.get("o") or "").split(",")
            values = (volume.driver_opts.get("device") or "", *options)
            paths = (text.removeprefix("upperdir=") for text in values)
            yield from (path for path in paths if path.startswith("/") and path[:2] != "//")

    def is_fixed(self, name: str) -> bool:
        """Return True if a name is the same in every project.

        It is the same if it does not contain the project name. An empty name returns False.
        """
        return bool(name) and not (self.asked_as and self.asked_as in name)


def read_project(config: Json) -> Project:
    """Return the project that `docker compose config --format json` describes."""
    return Project(
        services=tuple(_service(name, spec) for name, spec in _items(config.get("services"))),
        networks=tuple(_network(key, spec) for key, spec in _items(config.get("networks"))),
        volumes=tuple(_volume(key, spec) for key, spec in _items(config.get("volumes"))),
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
        networks=tuple(
            _attachment(network, options) for network, options in _items(spec.get("networks"))
        ),
        dns=_texts(spec.get("dns")),
        extra_hosts=_hosts(spec.get("extra_hosts")),
        external_links=_texts(spec.get("external_links")),
        volumes_from=_texts(spec.get("volumes_from")),
        ipc=_text(spec.get("ipc")),
        pid=_text(spec.get("pid")),
        uts=_text(spec.get("uts")),
        log_driver=_text(logging.get("driver")),
        log_options=_pairs(logging.get("options")),
        mounts=tuple(_mounts(spec)),
        devices=tuple(_devices(spec)),
        provider=_text(_mapping(spec.get("provider")).get("type")),
        command=_texts(spec.get("command")),
        entrypoint=_texts(spec.get("entrypoint")),
        health_test=_health_test(spec.get("healthcheck")),
        configs=tuple(_text(config.get("source")) for config in _mappings(spec.get("configs"))),
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
    """Return a fixed port or range as text.

    Return an empty string for 0 and for no value: both let the engine choose.
    """
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
        network=_text(spec.get("network")),
        dockerfile=_text(spec.get("dockerfile")),
        dockerfile_inline=_text(spec.get("dockerfile_inline")),
    )


def _health_test(spec: object) -> Texts:
    return _texts(spec.get("test")) if isinstance(spec, Mapping) else ()


def _replicas(spec: Json) -> int:
    """Return the number of containers of a service.

    `scale` and `deploy.replicas` mean the same; without them it is 1.
    """
    deploy = spec.get("deploy")
    counts = (spec.get("scale"), deploy.get("replicas") if isinstance(deploy, Mapping) else None)
    return next((count for count in counts if isinstance(count, int)), 1)


def _attachment(network: str, spec: Json) -> Attachment:
    return Attachment(
        network=network,
        aliases=_texts(spec.get("aliases")),
        ipv4=_text(spec.get("ipv4_address")),
        ipv6=_text(spec.get("ipv6_address")),
    )


def _hosts(value: object) -> Texts:
    """Return `host=address` strings; some versions of Compose show a list, others a mapping."""
    if isinstance(value, Mapping):
        return tuple(
            f"{host}={address}"
            for host, addresses in value.items()
            for address in (addresses if isinstance(addresses, list) else [addresses])
        )
    return _texts(value)


def _mounts(spec: Json) -> Iterator[Mount]:
    for entry in _mappings(spec.get("volumes")):
        yield Mount(
            kind=_text(entry.get("type")),
            source=_text(entry.get("source")),
            target=_text(entry.get("target")),
            read_only=entry.get("read_only") is True,
            subpath=_text(_mapping(entry.get("image")).get("subpath")),
        )
    if spec.get("use_api_socket") is True:
        yield Mount("bind", API_SOCKET, API_SOCKET)


def _devices(spec: Json) -> Iterator[str]:
    """Yield the host paths of devices; old versions of Compose show them as `SOURCE:TARGET`.

    A bind mount of a device counts if the service may open devices that `devices` does not name.
    Names of the Container Device Interface (`nvidia.com/gpu=all`) are not paths.
    """
    entries = spec.get("devices")
    for entry in entries if isinstance(entries, list) else ():
        source = entry.get("source") if isinstance(entry, Mapping) else entry
        path = _text(source).partition(":")[0]
        if path.startswith("/"):
            yield path
    if spec.get("privileged") is True or spec.get("device_cgroup_rules"):
        for mount in _mounts(spec):
            if mount.kind == "bind" and mount.source.startswith("/dev/") and not mount.read_only:
                yield mount.source


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
        (item for item in value if isinstance(item, Mapping))
        if isinstance(value, list)
        else iter(())
    )


def _pairs(value: object) -> dict[str, str]:
    """Return the entries with a value; `NAME` alone, which Compose shows as null, has none."""
    entries = value.items() if isinstance(value, Mapping) else ()
    return {str(name): _text(item) for name, item in entries if item is not None}


def _texts(value: object) -> Texts:
    if isinstance(value, list):
        return tuple(map(str, value))
    return (str(value),) if value else ()


def _text(value: object) -> str:
    return "" if value is None else str(value)


def is_port(text: str) -> bool:
    """Return True if `text` is one port number."""
    return text.isascii() and text.isdecimal() and 1 <= int(text) <= HIGHEST_PORT
