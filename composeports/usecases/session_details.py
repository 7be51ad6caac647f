"""Describe one session: its services with state and URL, and what is shared or has drifted."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from composeports.core.compose_project import PublishedPort
from composeports.core.lease import Lease
from composeports.core.plan.change import SharedResource
from composeports.core.plan.urls import client_url
from composeports.core.port_drift import drifts_of
from composeports.core.port_keys import parse_port_key, port_key, port_order
from composeports.core.service_status import ContainerStatus, by_service
from composeports.docker.containers import Container
from composeports.errors import ComposeportsError
from composeports.usecases.context import Context
from composeports.usecases.options import Options, PlanOptions
from composeports.usecases.plan import plan
from composeports.usecases.service_report import status_of
from composeports.usecases.session import Session
from composeports.usecases.session_lookup import apart
from composeports.usecases.status import (
    SessionStatus,
    containers_of,
    displaced_of,
    published_by,
    status_of_lease,
)


class ServiceDetails(NamedTuple):
    """A service of a session, and the URLs of its published ports by container port (`80/tcp`)."""

    status: ContainerStatus
    urls: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, object]:
        """Return the entry of `services` in the JSON document."""
        return {**self.status.as_dict(), "urls": dict(self.urls)}


class SessionDetails(NamedTuple):
    """One session: its entry in the list, its services, and what is not as its plan says.

    `drifted` are sentences, each about a port, a name or a network. `shared` are the resources that
    all sessions share, and `warnings` what else is not isolated; both are None if the stack's plan
    cannot be made, and `unplanned` says why.
    """

    status: SessionStatus
    services: tuple[ServiceDetails, ...]
    drifted: tuple[str, ...]
    shared: tuple[SharedResource, ...] | None = None
    warnings: tuple[str, ...] | None = None
    unplanned: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the JSON document: the entry of `status --json`, and the details."""
        shared = None if self.shared is None else [entry.as_dict() for entry in self.shared]
        return {
            **self.status.as_dict(),
            "services": [service.as_dict() for service in self.services],
            "drifted": list(self.drifted),
            "shared": shared,
            "warnings": None if self.warnings is None else list(self.warnings),
            "unplanned": self.unplanned,
        }


def describe(session: Session, lease: Lease) -> SessionDetails:
    """Return the details of the session that holds `lease`, as seen from `session`.

    The plan is made from the session's Compose files as they are now, and changes nothing.
    """
    containers = containers_of(session, lease)
    own_containers = [each for each in containers or () if not each.is_of_run]
    details = SessionDetails(
        status_of_lease(session, lease, containers),
        tuple(_services(lease, own_containers)),
        (*_drifted_ports(lease, own_containers), *displaced_of(lease, own_containers)),
    )
    if not lease.place.is_on(session.machine) or not os.path.isdir(lease.place.directory):
        return details._replace(unplanned="its folder is not on this machine")
    try:
        found = plan(
            _session_in_its_folder(session.context, lease).read_only(),
            PlanOptions(default_ports=lease.stack.default_ports),
        )
    except ComposeportsError as error:
        return details._replace(unplanned=error.message)
    return details._replace(shared=found.shared, warnings=found.warnings)


def _session_in_its_folder(context: Context, lease: Lease) -> Session:
    """Return the session as `up` had it: in its folder, with the files of the last `up`."""
    stack = lease.stack
    options = Options(
        files=stack.files,
        env_files=stack.env_files,
        profiles=stack.profiles,
        project_directory=lease.place.directory,
        session=lease.session_id,
    )
    return Session(apart(context, lease.place.directory), options)


def _services(lease: Lease, containers: list[Container]) -> Iterator[ServiceDetails]:
    for status in by_service(map(status_of, containers)):
        yield ServiceDetails(status, tuple(_urls(lease, status.service, containers)))


def _urls(lease: Lease, service: str, containers: list[Container]) -> Iterator[tuple[str, str]]:
    """Yield container port and URL of each port that the service's containers publish.

    It is the planned URL if the port is the leased one.
    """
    ports = {
        (number, target, protocol)
        for container in containers
        if container.service == service and container.is_running
        for number, target, protocol in container.ports
    }
    planned = {
        (lease.ports[key], parse_port_key(key).base): url
        for key, url in lease.urls.items()
        if key in lease.ports
    }
    for number, target, protocol in sorted(ports, key=lambda port: port[1:] + port[:1]):
        guess = client_url(PublishedPort(service, target, protocol), number, lease.host)
        yield (
            f"{target}/{protocol}",
            planned.get((number, port_key(service, target, protocol)), guess),
        )


def _drifted_ports(lease: Lease, containers: list[Container]) -> Iterator[str]:
    drifts = drifts_of(lease, published_by(containers))
    for drift in sorted(drifts, key=lambda drift: port_order(drift.key)):
        actual, leased = (", ".join(map(str, ports)) for ports in (drift.actual, drift.leased))
        yield f"{drift.key} is published on {actual}, its lease says {leased}"
