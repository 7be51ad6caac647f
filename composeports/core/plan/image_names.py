"""Names of images: the one full form of each, and the session's own tag."""

HUB = "docker.io"
# Other names of Docker Hub.
HUBS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
LOCALHOST = "localhost"
LONGEST_TAG = 128
DEFAULT_TAG = "latest"


def full_name(name: str) -> str:
    """Return `docker.io/library/shop:latest` for `shop`: what the engine takes the name for.

    A name with a digest keeps it, and has no tag of ours.
    """
    name, at, digest = name.partition("@")
    repository, tag = split_tag(name)
    registry, slash, rest = repository.partition("/")
    if not slash or not (registry == LOCALHOST or set(registry) & {".", ":"}):
        registry, rest = HUB, repository
    if registry in HUBS:
        registry, rest = HUB, rest if "/" in rest else f"library/{rest}"
    return f"{registry}/{rest}:{tag}{at}{digest}"


def split_tag(name: str) -> tuple[str, str]:
    """Return repository and tag; a port of a registry is no tag, and without one it is `latest`."""
    repository, colon, tag = name.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (name, DEFAULT_TAG)


def tagged(name: str, suffix: str) -> str:
    """Return `shop/web:1-ac-0123abcd` for `shop/web:1`."""
    repository, tag = split_tag(name)
    return f"{repository}:{tag[: LONGEST_TAG - len(suffix) - 1]}-{suffix}"
