"""State of a service's containers on the engine: their name and their networks."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from composeports.core.plan.compose_project import Project


class ServiceState(NamedTuple):
    """The planned state of a service's containers; the name is empty if Compose numbers it."""

    container_name: str = ""
    networks: tuple[str, ...] = ()


class ObservedService(NamedTuple):
    """A running container as the engine reports it."""

    service: str
    name: str
    networks: tuple[str, ...] = ()


def standings(
    project: "Project", override: Mapping[str, object], name: str
) -> dict[str, ServiceState]:
    """Return the planned state of each service after the override is applied.

    `name` is the project name.
    """
    services, networks = _section(override, "services"), _section(override, "networks")
    named = {
        each.key: _text(networks.get(each.key), "name")
        or (each.name if each.external or project.is_fixed(each.name) else f"{name}_{each.key}")
        for each in project.networks
    }
    return {
        each.name: ServiceState(
            _text(services.get(each.name), "container_name") or each.container_name,
            tuple(sorted(named[at.network] for at in each.networks if at.network in named)),
        )
        for each in project.services
    }


def _section(override: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = override.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(fields: object, name: str) -> str:
    value = fields.get(name) if isinstance(fields, Mapping) else None
    return value if isinstance(value, str) else ""


def off_networks(
    project: str, planned: Mapping[str, ServiceState], running: Iterable[ObservedService]
) -> Iterator[tuple[ObservedService, str]]:
    """Yield each running container with each planned network that it is not connected to.

    Containers of `docker compose run` are ignored.
    """
    for each in running:
        wanted = planned.get(each.service)
        if wanted is not None and not _is_of_run(project, each):
            yield from ((each, name) for name in wanted.networks if name not in each.networks)


def _is_of_run(project: str, seen: ObservedService) -> bool:
    return seen.name.startswith(f"{project}-{seen.service}-run-")


def displaced(
    project: str, planned: Mapping[str, ServiceState], running: Iterable[ObservedService]
) -> Iterator[str]:
    """Yield a sentence for each running container with a wrong name or a missing network.

    Additional networks are not an error, because a user may connect a container to them. Containers
    of `docker compose run` are ignored.
    """
    for each in running:
        wanted = planned.get(each.service)
        if wanted is None or _is_of_run(project, each):
            continue
        name = wanted.container_name
        if name and each.name != name:
            yield f"the container of {each.service} is called {each.name}, not {name}"
        elif not name and not each.name.startswith((f"{project}-", f"{project}_")):
            yield f"the container of {each.service} is called {each.name}, not {project}-..."
        for _, network in off_networks(project, planned, (each,)):
            yield f"{each.name} is not on the network {network}"
