"""The project that a Compose file describes, as values."""

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
    pull: bool = False

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
    is empty for an anonymous volume. `subpath` is the mounted path in an image. `makes_source` is
    True if the engine makes a folder where the source of a bind mount does not exist.
    """

    kind: str
    source: str
    target: str
    read_only: bool = False
    subpath: str = ""
    makes_source: bool = False


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
    depends_on: Texts = ()

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

    `asked_as` is the project name that Compose read the file with. `handed_files` maps paths
    such as `configs.site.file` to the source files of configs and secrets, and `handed_variables`
    paths such as `secrets.token.environment` to the variable that gives one its text.
    `contents` maps the key of a config to its text, for configs whose text is in the file.
    """

    services: tuple[Service, ...] = ()
    networks: tuple[Network, ...] = ()
    volumes: tuple[Volume, ...] = ()
    asked_as: str = ""
    handed_files: Mapping[str, str] = {}
    handed_variables: Mapping[str, str] = {}
    contents: Mapping[str, str] = {}

    @property
    def ports(self) -> tuple[PublishedPort, ...]:
        """Return the `ports` entries of all services that request a host port."""
        return tuple(port for service in self.services for port in service.ports if port.published)

    @property
    def places(self) -> Iterator[str]:
        """Yield the absolute host paths that the file names.

        They are those of mounts, devices, builds, caches, configs, secrets and volume options.
        """
        yield from self.handed_files.values()
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


def is_port(text: str) -> bool:
    """Return True if `text` is one port number."""
    return text.isascii() and text.isdecimal() and 1 <= int(text) <= HIGHEST_PORT
