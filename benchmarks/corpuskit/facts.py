"""Find the host resources that a merged Compose result uses, and those that several results share.

Pure: documents in, facts out.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from corpuskit.reading import Json, items, mapping, mappings, text, texts

# Resources of the machine itself; no stack needs its own copy.
OF_THE_HOST = (
    *("/dev", "/proc", "/sys", "/run/udev", "/lib/modules", "/etc/localtime", "/etc/timezone"),
    *("/etc/machine-id", "/tmp/.X11-unix", "/var/lib/docker"),  # noqa: S108 - read, not made
)
SOCKETS = ("/docker.sock", "/podman.sock")
Real = Callable[[str], str]
# What the plan may call the kinds of things that it lists as shared.
KINDS = {"container": {"container", "container_name"}, "image": {"image", "build"}}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that only one stack of a host can have: a port, a name, a subnet, a tag."""

    kind: str
    name: str

    def meets(self, other: "Fact") -> bool:
        """Return True if two stacks with these would be in each other's way."""
        if self.kind != other.kind:
            return False
        if self.kind == "subnet":
            return _overlap(self.name, other.name)
        return self.name == other.name


def _overlap(one: str, other: str) -> bool:
    first, second = _range(one), _range(other)
    if first is None or second is None or first[0] != second[0]:
        return False
    return first[1] <= second[2] and second[1] <= first[2]


def _range(subnet: str) -> tuple[int, int, int] | None:
    """Return version, first and last address as numbers; None if it is not a subnet."""
    try:
        network = ip_network(subnet, strict=False)
    except ValueError:
        return None
    return network.version, int(network.network_address), int(network.broadcast_address)


def facts_of(merged: Json, real: Real = str) -> dict[Fact, str]:
    """Return all that the result claims of the host, each with the place that claims it.

    `real` follows links in the paths of folders.
    """
    found: dict[Fact, str] = {}
    every = itertools.chain(_of_services(merged), _of_top_level(merged), _folders(merged, real))
    for fact, where in every:
        found.setdefault(fact, where)
    return found


def _of_services(merged: Json) -> Iterator[tuple[Fact, str]]:
    project = text(merged.get("name"))
    for name, service in items(merged.get("services")):
        for port in mappings(service.get("ports")):
            for number in numbers(text(port.get("published"))):
                yield Fact("port", f"{number}/{port.get('protocol') or 'tcp'}"), name
        if service.get("container_name"):
            yield Fact("container", text(service["container_name"])), name
        if service.get("build"):
            tags = texts(mapping(service["build"]).get("tags"))
            for tag in (text(service.get("image")) or f"{project}-{name}", *tags):
                yield Fact("image", normal_name(tag)), name


def normal_name(image: str) -> str:
    """Return the name as the engine has it: with its registry and its tag."""
    bare, at, digest = image.partition("@")
    path, colon, tag = bare.rpartition(":")
    if not colon or "/" in tag:
        path, tag = bare, "latest"
    parts = path.removeprefix("index.").split("/")
    if len(parts) == 1 or (parts[0] != "localhost" and not set(parts[0]) & {".", ":"}):
        parts = ["docker.io", *parts]
    if parts[0] == "docker.io" and len(parts) == 2:  # noqa: PLR2004 - registry and one name
        parts.insert(1, "library")
    return f"{'/'.join(parts)}:{tag}{at}{digest}"


def stale_images(merged: Json, built: Sequence[str]) -> Iterator[str]:
    """Yield places of a merged result that name an image by what the file called it.

    `built` are the names of images that the file builds, before the plan.
    """
    own = {normal_name(name) for name in built}
    for name, service in items(merged.get("services")):
        build = mapping(service.get("build"))
        contexts = mapping(build.get("additional_contexts")).values()
        for named in (service.get("image"), *texts(build.get("cache_from")), *contexts):
            reference = text(named).removeprefix("docker-image://")
            if reference and normal_name(reference) in own:
                yield f"{name} names {reference}, which this stack builds by another name"


def built_images(result: Json) -> list[str]:
    """Return the fixed names of all images that a result builds; others have the project's name."""
    project = text(result.get("name"))
    names = [
        tag
        for _, service in items(result.get("services"))
        if service.get("build")
        for tag in (text(service.get("image")), *texts(mapping(service["build"]).get("tags")))
    ]
    return [name for name in names if name and not (project and project in name)]


def _of_top_level(merged: Json) -> Iterator[tuple[Fact, str]]:
    for kind in ("volume", "network"):
        for key, spec in items(merged.get(f"{kind}s")):
            yield Fact(kind, text(spec.get("name")) or key), key
    for key, spec in items(merged.get("networks")):
        for pool in mappings(mapping(spec.get("ipam")).get("config")):
            if pool.get("subnet"):
                yield Fact("subnet", text(pool["subnet"])), key


def _folders(merged: Json, real: Real) -> Iterator[tuple[Fact, str]]:
    """Yield the folders and devices that containers may write to, by their real paths."""
    for name, service in items(merged.get("services")):
        for mount in mappings(service.get("volumes")):
            source = text(mount.get("source"))
            if mount.get("type") != "bind" or mount.get("read_only") is True:
                continue
            if not _is_of_the_host(source) and not _is_of_the_host(real(source)):
                yield Fact("folder", real(source)), name
    for key, spec in items(merged.get("volumes")):
        options = mapping(spec.get("driver_opts"))
        device = text(options.get("device"))
        if device and options.get("type") != "tmpfs" and not spec.get("external"):
            yield Fact("folder", real(device) if device.startswith("/") else device), key


def _is_of_the_host(path: str) -> bool:
    if path.endswith(SOCKETS):
        return True
    return any(path == each or path.startswith(f"{each}/") for each in OF_THE_HOST)


def untold(merged: Json, plan: Json) -> Iterator[str]:
    """Yield external networks and volumes in use that neither a setting nor a warning names."""
    warnings = " ".join(texts(plan.get("warnings")))
    meant = {
        (each.get("kind"), each.get("name"))
        for each in mappings(plan.get("shared"))
        if each.get("acknowledged") is True
    }
    for kind in ("network", "volume"):
        for key, spec in items(merged.get(f"{kind}s")):
            name = text(spec.get("name")) or key
            if not spec.get("external") or text(merged.get("name")) in name:
                continue
            told = (kind, name) in meant or f"{kind} {name} " in warnings
            if not told and _is_used(kind, key, merged):
                yield f"{kind} {name}"


def _is_used(kind: str, key: str, merged: Json) -> bool:
    for _, service in items(merged.get("services")):
        mounts = mappings(service.get("volumes"))
        if kind == "network" and key in mapping(service.get("networks")):
            return True
        if kind == "volume" and any(each.get("source") == key for each in mounts):
            return True
    return False


def numbers(published: str) -> range:
    """Return the host ports of `8080` or `8000-8010`; none if the engine chooses."""
    first, _, last = published.partition("-")
    if not first.isdecimal() or first == "0":
        return range(0)
    return range(int(first), int(last or first) + 1)


def in_common(
    results: Mapping[str, Json],
    shared: Sequence[Mapping[str, str]],
    warnings: Sequence[str] = (),
    real: Real = str,
) -> Iterator[tuple[str, str]]:
    """Yield (kind, text) for each resource that two sessions claim and no plan lists as shared.

    A warning may also report a folder.
    """
    claimed = {session: facts_of(merged, real) for session, merged in results.items()}
    told: set[Fact] = set()
    for (one, first), (other, second) in itertools.combinations(claimed.items(), 2):
        for fact, where in first.items():
            met = next((each for each in second if fact.meets(each)), None)
            if met is None or fact in told or _is_listed(fact, where, shared):
                continue
            if fact.kind == "folder" and any(fact.name in line for line in warnings):
                continue
            told.add(fact)
            yield fact.kind, f"{fact.name} ({where}) in {one} and {other}"


def _is_listed(fact: Fact, where: str, shared: Sequence[Mapping[str, str]]) -> bool:
    kinds = KINDS.get(fact.kind, {fact.kind})
    return any(
        (
            each.get("kind") in kinds
            and fact.name in {each.get("name"), normal_name(text(each.get("name")))}
        )
        or (each.get("kind") in kinds and each.get("name") == where)
        for each in shared
    )
