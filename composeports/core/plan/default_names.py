"""Names that Compose makes from the project name, as files and scripts may have written them.

Plain Compose calls a container `shop-db-1`, a network `shop_default` and a built image `shop-app`.
In a session the project name differs, so a text with such a name means another stack.
"""

import json
import re
from collections.abc import Iterable, Iterator

from composeports.core.compose_project import Project, Service

# Compose 2 joins the parts of container and image names with "-", Compose 1 with "_".
SEPARATORS = "-_"
# Containers of one service with a name here; the `docker` wrapper passes all names in a variable.
MOST_REPLICAS = 20
# `name: shop` at the top level of a Compose file, also as `"name": "${NAME:-shop}"`.
_NAME = re.compile(
    r"""^["']?name["']?[ \t]*:[ \t]*["']?(?:\$\{\w+:?-)?"""
    r"""([a-z0-9][a-z0-9_-]*)\}?["']?[ \t]*(?:\#.*)?\r?$""",
    re.MULTILINE,
)
# A word that may be a container's name; a dot ends it, as in `shop-db-1.shop_default`.
_WORD = re.compile(r"[A-Za-z0-9_-]+")


def project_name_in(texts: Iterable[str]) -> str:
    """Return the project name that the files give; empty if they give none. The last one wins."""
    names = [name for text in texts for name in _names(text)]
    return names[-1] if names else ""


def _names(text: str) -> list[str]:
    if not text.lstrip().startswith("{"):
        return _NAME.findall(text)
    try:
        name = json.loads(text).get("name")
    except ValueError:
        return []
    return _NAME.findall(f"name: {name}")


def containers_of(
    service: Service, plain_projects: Iterable[str], project_name: str
) -> Iterator[tuple[str, str]]:
    """Yield (name with plain Compose, session's name) of a service's containers."""
    if service.container_name:
        return
    for number in range(1, min(max(1, service.replicas), MOST_REPLICAS) + 1):
        for name in plain_projects:
            for separator in SEPARATORS:
                before = separator.join((name, service.name, str(number)))
                yield before, f"{project_name}-{service.name}-{number}"


def used_host_names(project: Project, plain_projects: Iterable[str]) -> dict[str, str]:
    """Return the service of each default container name that the values of the file contain.

    Containers reach each other by their names, too, so such a value may be a host name.
    """
    names = {
        name: service.name
        for service in project.services
        for name, _ in containers_of(service, plain_projects, project.asked_as)
    }
    if not names:
        return {}
    words = {word for text in _texts(project) for word in _WORD.findall(text)}
    return {name: service for name, service in names.items() if name in words}


def _texts(project: Project) -> Iterator[str]:
    yield from project.contents.values()
    for service in project.services:
        yield from service.environment.values()
        yield from (*service.command, *service.entrypoint, *service.health_test)


def images(
    project: Project, plain_projects: Iterable[str], project_name: str
) -> Iterator[tuple[str, str]]:
    """Yield (name with plain Compose, session's name) of built images that the file never names."""
    services = [
        service for service in project.services if service.build is not None and not service.image
    ]
    for name in plain_projects:
        for service in services:
            for separator in SEPARATORS:
                yield f"{name}{separator}{service.name}", f"{project_name}-{service.name}"


def networks(project: Project, plain_projects: Iterable[str], project_name: str) -> dict[str, str]:
    """Return the session's name of each network without a name in the file, by plain name."""
    keys = [
        network.key
        for network in project.networks
        if not network.external and not project.is_fixed(network.name)
    ]
    return _by_key(keys, plain_projects, project_name)


def volumes(project: Project, plain_projects: Iterable[str], project_name: str) -> dict[str, str]:
    """Return the session's name of each volume without a name in the file, by plain name."""
    keys = [
        volume.key
        for volume in project.volumes
        if not volume.external and not project.is_fixed(volume.name)
    ]
    return _by_key(keys, plain_projects, project_name)


def _by_key(
    keys: Iterable[str], plain_projects: Iterable[str], project_name: str
) -> dict[str, str]:
    return {f"{name}_{key}": f"{project_name}_{key}" for name in plain_projects for key in keys}
