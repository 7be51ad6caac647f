"""Names of images: their full form, and the tag with the session's suffix."""

HUB = "docker.io"
# Registry names that mean Docker Hub.
HUBS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
LOCALHOST = "localhost"
LONGEST_TAG = 128
DEFAULT_TAG = "latest"


def full_name(name: str) -> str:
    """Return the full name that the engine uses, `docker.io/library/shop:latest` for `shop`.

    A name with a digest keeps the digest, and never gets the session's tag.
    """
    name, at_sign, digest = name.partition("@")
    repository, tag = split_tag(name)
    registry, slash, path = repository.partition("/")
    if not slash or not (registry == LOCALHOST or set(registry) & {".", ":"}):
        registry, path = HUB, repository
    if registry in HUBS:
        registry, path = HUB, path if "/" in path else f"library/{path}"
    return f"{registry}/{path}:{tag}{at_sign}{digest}"


def short_name(full_name: str) -> str:
    """Return the repository as people write it, `shop` for `docker.io/library/shop:latest`."""
    return split_tag(full_name)[0].removeprefix(f"{HUB}/").removeprefix("library/")


def context_name(full: str) -> str:
    """Return the name of the build context that replaces an image, `shop` for its full name.

    BuildKit looks for an image under its short name, without `:latest`, however it is written.
    """
    short = full.removeprefix(f"{HUB}/").removesuffix(f":{DEFAULT_TAG}")
    return short.removeprefix("library/")


def split_tag(name: str) -> tuple[str, str]:
    """Return (repository, tag); without a tag it is `latest`.

    The port of a registry is not a tag.
    """
    repository, colon, tag = name.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (name, DEFAULT_TAG)


def tagged(name: str, suffix: str) -> str:
    """Return the name with a suffix in its tag: `shop/web:1-ac-0123abcd` for `shop/web:1`."""
    repository, tag = split_tag(name)
    return f"{repository}:{tag[: LONGEST_TAG - len(suffix) - 1]}-{suffix}"
