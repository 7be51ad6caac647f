"""State of a service's containers on the engine: their name and their networks."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from composeports.core.compose_project import Project


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
    network_names = {
        network.key: _text(networks.get(network.key), "name")
        or (
            network.name
            if network.external or project.is_fixed(network.name)
            else f"{name}_{network.key}"
        )
        for network in project.networks
    }
    return {
        service.name: ServiceState(
            _text(services.get(service.name), "container_name") or service.container_name,
            tuple(
                sorted(
                    network_names[attachment.network]
                    for attachment in service.networks
                    if attachment.network in network_names
                )
            ),
        )
        for service in project.services
    }


def _section(override: Mapping[str, object], name: str) -> Mapping[str, object]:
    section = override.get(name)
    return section if isinstance(section, Mapping) else {}


def _text(fields: object, name: str) -> str:
    value = fields.get(name) if isinstance(fields, Mapping) else None
    return value if isinstance(value, str) else ""


def off_networks(
    project: str, planned: Mapping[str, ServiceState], running: Iterable[ObservedService]
) -> Iterator[tuple[ObservedService, str]]:
    """Yield each running container with each planned network that it is not connected to.

    Containers of `docker compose run` are ignored.
    """
    for container in running:
        state = planned.get(container.service)
        if state is not None and not _is_of_run(project, container):
            yield from (
                (container, network)
                for network in state.networks
                if network not in container.networks
            )


def _is_of_run(project: str, seen: ObservedService) -> bool:
    return seen.name.startswith(f"{project}-{seen.service}-run-")


def displaced(
    project: str, planned: Mapping[str, ServiceState], running: Iterable[ObservedService]
) -> Iterator[str]:
    """Yield a sentence for each running container with a wrong name or a missing network.

    Additional networks are not an error, because a user may connect a container to them. Containers
    of `docker compose run` are ignored.
    """
    for container in running:
        state = planned.get(container.service)
        if state is None or _is_of_run(project, container):
            continue
        name = state.container_name
        if name and container.name != name:
            yield f"the container of {container.service} is called {container.name}, not {name}"
        elif not name and not container.name.startswith((f"{project}-", f"{project}_")):
            yield (
                f"the container of {container.service} is called {container.name}, "
                f"not {project}-..."
            )
        for _, network in off_networks(project, planned, (container,)):
            yield f"{container.name} is not on the network {network}"
