"""Report on leases: a session's environment, its URLs, and the list of all sessions."""

import math
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from composeports.core.compose_project import PublishedPort
from composeports.core.engine_address import in_url
from composeports.core.engine_identity import LOCALHOST, EngineIdentity
from composeports.core.lease import Lease
from composeports.core.plan.urls import client_url
from composeports.core.port_drift import drifts_of
from composeports.core.port_keys import parse_port_key, port_key, port_order
from composeports.core.service_state import ObservedService, displaced
from composeports.core.service_status import HEALTHY, health_of
from composeports.core.session_name import name_of
from composeports.core.shell import shell_environment
from composeports.core.web_ports import with_own_host
from composeports.docker.containers import Container
from composeports.errors import ComposeMissingError, EngineError, UnknownPortError
from composeports.host.git import main_git_dir
from composeports.host.session_files import OWN_ENV, OWN_OVERRIDE
from composeports.usecases.lease import read_lease
from composeports.usecases.other_engine import on_another_engine
from composeports.usecases.session import Session

FIXED_SERVICES = ("db", "rest", "realtime", "api")


def environment(session: Session) -> tuple[tuple[str, str], ...]:
    """Return the variables that point a shell and plain `docker compose` at the session's stack."""
    return variables_of(read_lease(session), session.folder.path)


def variables_of(lease: Lease, own: str) -> tuple[tuple[str, str], ...]:
    """Return the shell variables for the stack of a lease; `own` is the folder of its files."""
    stack = lease.stack
    override = (os.path.join(own, OWN_OVERRIDE),) if stack.overridden else ()
    return shell_environment(
        lease.block.start,
        lease.project,
        lease.environment,
        (*stack.files, *override),
        (*stack.env_files, os.path.join(own, OWN_ENV)),
        stack.profiles,
        lease.host,
        main_git_dir(lease.place.git_dir) if lease.place.git_dir else "",
    )


def url(
    session: Session, service: str, port: str = "", *, command: str = "url", own_host: bool = False
) -> str:
    """Return the URL, or host:port, of a service's published port on this session's stack.

    With `own_host`, the host name of a URL of localhost is the session's own.

    `port` is a container port (`80`, `53/udp`, `80/tcp#2` for its second address). It may be empty
    if the service publishes one port, or one port that speaks HTTP. UnknownPortError if no port or
    several ports match; it lists the ports that exist, and names `command` in its hint.
    """
    address = port_url(session, service, port, command=command).url
    return with_own_host(address, read_lease(session).project) if own_host else address


class PortUrl(NamedTuple):
    """The URL of one published port, and the port's key, such as `web:80/tcp`."""

    key: str
    url: str


def port_url(session: Session, service: str, port: str = "", *, command: str = "url") -> PortUrl:
    """Return the URL of a service's published port, with the port that it is; errors as `url`."""
    lease = read_lease(session)
    planned_urls = _urls_of(lease, service, port)
    containers = containers_of(session, lease) or ()
    if (
        planned_urls
        and containers
        and not any(container.service == service for container in containers)
    ):
        raise _no_container(lease, service, containers)
    urls = _as_published(session, lease, planned_urls, containers)
    urls = urls or dict(_engine_urls(lease, service, port, containers))
    if not urls and not lease.ports and service in FIXED_SERVICES and not port:
        number = lease.block.port(FIXED_SERVICES.index(service))
        address = f"{in_url(lease.host)}:{number}"
        urls = {service: f"http://{address}" if service != "db" else address}
    return _only(urls, (service, port, command), lease)


def _only(found: dict[str, str], request: tuple[str, str, str], lease: Lease) -> PortUrl:
    """Return the URL of the one matching container port; prefer TCP and the first address.

    `request` are service, port and command.
    """
    service, port, command = request
    first_keys = {
        parse_port_key(key).target: key for key in sorted(found, key=_preference, reverse=True)
    }
    port_keys = sorted(first_keys.values(), key=port_order)
    web_keys = [key for key in port_keys if found[key].startswith("http")]
    choice = port_keys if len(port_keys) == 1 else web_keys
    if len(choice) == 1:
        return PortUrl(choice[0], found[choice[0]])
    if found:
        port_list = ", ".join(key.partition(":")[2] for key in port_keys)
        message = f"{service} publishes several ports: {port_list}"
        raise UnknownPortError(message, hint=f"say which: `composeports {command} {service} PORT`")
    published_ports = ", ".join(sorted(lease.ports, key=port_order)) or "none"
    wanted = f"{service} {port}".strip()
    message = f"this session's stack publishes no port for {wanted!r}"
    hint = f"published: {published_ports}"
    if lease.ports:
        hint += f"; `composeports {command} SERVICE PORT` takes one of these"
    raise UnknownPortError(message, hint=hint, ports=dict(lease.ports))


def _preference(key: str) -> tuple[bool, int]:
    """Return a sort key that puts TCP and the first of several addresses first."""
    parts = parse_port_key(key)
    return parts.protocol != "tcp", int(parts.address or 1)


def _urls_of(lease: Lease, service: str, port: str) -> dict[str, str]:
    """Return the planned URLs of a service and port, by keys such as `web:80/tcp`."""
    return {key: text for key, text in lease.urls.items() if _is_port(key, service, port)}


def _as_published(
    session: Session, lease: Lease, urls: dict[str, str], containers: Iterable[Container]
) -> dict[str, str]:
    """Return the URLs, with the published port for each port that differs from the lease.

    Report each such port.
    """
    drifts = {drift.key: drift for drift in drifts_of(lease, published_by(containers))}
    published_urls = {}
    for key, text in urls.items():
        parts = parse_port_key(key)
        drift = drifts.get(parts.base)
        published_urls[key] = text
        if drift is not None:
            port = PublishedPort(parts.service, int(parts.target), parts.protocol)
            published_urls[key] = client_url(port, drift.actual[0], lease.host)
            session.context.report(
                f"{drift.key} is published on {drift.actual[0]}, although its lease says "
                f"{drift.leased[0]}: `composeports up` brings it back"
            )
    return published_urls


def displaced_of(lease: Lease, containers: Iterable[Container]) -> tuple[str, ...]:
    """Return a sentence for each running container that has another name or network than planned.

    Containers of other projects are skipped. Empty for a lease from an earlier version, whose plan
    did not store names and networks.
    """
    observed_services = (
        ObservedService(container.service, container.name, container.networks)
        for container in containers
        if container.is_running and container.project == lease.project
    )
    return tuple(displaced(lease.project, lease.standings, observed_services))


def published_by(containers: Iterable[Container]) -> Iterator[tuple[str, int]]:
    """Yield key (`"web:80/tcp"`) and host port of each port that running containers publish."""
    for container in containers:
        for number, target, protocol in container.ports if container.is_running else ():
            yield port_key(container.service, target, protocol), number


def _is_port(key: str, service: str, wanted: str) -> bool:
    """Return True if the key is of the service and of the wanted port, `80` or `80/tcp`."""
    parts = parse_port_key(key)
    first_address = f"{parts.target}/{parts.protocol}"
    return parts.service == service and wanted in {"", parts.target, first_address, parts.port}


def containers_of(session: Session, lease: Lease) -> tuple[Container, ...] | None:
    """Return the stack's containers; None if the engine does not answer, which is reported."""
    try:
        return session.context.engine.containers(lease.project)
    except (EngineError, ComposeMissingError) as error:
        session.context.report(f"{error.message}; whether the stack runs is unknown")
        return None


def _no_container(lease: Lease, service: str, containers: Iterable[Container]) -> UnknownPortError:
    service_names = ", ".join(sorted({container.service for container in containers}))
    return UnknownPortError(
        f"service {service} has no container, so none of its ports is open",
        hint=f"`composeports up {service}` starts it; containers: {service_names}",
        ports=dict(lease.ports),
    )


def _engine_urls(
    lease: Lease, service: str, port: str, containers: Iterable[Container]
) -> Iterator[tuple[str, str]]:
    """Yield key and URL of a service's ports whose host port the file leaves to the engine."""
    for container in containers:
        for number, target, protocol in container.ports if container.service == service else ():
            key = port_key(service, target, protocol)
            if _is_port(key, service, port):
                published = PublishedPort(service, target, protocol)
                yield key, client_url(published, number, lease.host)


class SessionStatus(NamedTuple):
    """One held lease in the status list; docs/guide.md explains `state` and `kept_by`.

    `without_container` are the published ports of a running stack that no container has, such as
    the ports of a profile that is not active. `checked` is the number of its containers with a
    health check, and `healthy` of those that pass it. `age_minutes` counts from the allocation.
    `memory_bytes` is what its running containers use; None if it was not measured.
    """

    lease: Lease
    state: str
    mine: bool
    remaining_ttl_minutes: int
    expired: bool = False
    without_container: tuple[str, ...] = ()
    age_minutes: int = 0
    healthy: int = 0
    checked: int = 0
    memory_bytes: int | None = None

    @property
    def is_up(self) -> bool:
        """Return True if containers of the session are known to run."""
        return self.state in {"running", "drifted"}

    @property
    def kept_by(self) -> str:
        """Return what keeps the ports from other sessions: "ttl", "containers", "unknown" or ""."""
        if not self.expired:
            return "ttl"
        reasons = {"running": "containers", "drifted": "containers", "unknown": "unknown"}
        return reasons.get(self.state, "")

    def as_dict(self) -> dict[str, object]:
        """Return the entry of `status --json`."""
        lease = self.lease
        return {
            "session_id": lease.session_id,
            "name": name_of(lease),
            "worktree": lease.place.worktree,
            "branch": lease.place.branch,
            "machine": lease.place.machine,
            "compose_project_name": lease.project,
            "db_port": lease.db_port,
            "rest_port": lease.rest_port,
            "realtime_port": lease.realtime_port,
            "api_port": lease.api_port,
            "ports": dict(lease.ports),
            "urls": {
                key: url for key, url in lease.urls.items() if key not in self.without_container
            },
            "without_container": list(self.without_container),
            "host": lease.host,
            "allocated_at": iso_time(lease.allocated_at),
            "expires_at": iso_time(lease.expires_at),
            "remaining_ttl_minutes": self.remaining_ttl_minutes,
            "expired": self.expired,
            "kept_by": self.kept_by,
            "state": self.state,
            "health": {"healthy": self.healthy, "checked": self.checked},
            "current": self.mine,
        }


def iso_time(seconds: float) -> str:
    """Return seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def status(session: Session) -> list[SessionStatus]:
    """Return every held lease, lowest block first; states are "unknown" without an engine."""
    return _statuses(session, session.context.store.held(), _containers(session))


def status_of_lease(
    session: Session, lease: Lease, containers: tuple[Container, ...] | None
) -> SessionStatus:
    """Return the status of one lease; `containers` is None if the engine does not answer."""
    status = _status(session, lease, containers, session.context.now())
    return status._replace(mine=lease.session_id == session.session_here)


def _statuses(
    session: Session, leases: Iterable[Lease], containers: tuple[Container, ...] | None
) -> list[SessionStatus]:
    now = session.context.now()
    own_id = session.session_here
    return [
        _status(session, lease, containers, now)._replace(mine=lease.session_id == own_id)
        for lease in leases
    ]


def _status(
    session: Session, lease: Lease, containers: tuple[Container, ...] | None, now: float
) -> SessionStatus:
    state = _state(session, lease, containers)
    is_up = state in {"running", "drifted"}
    health = [
        health_of(container.status)
        for container in containers or ()
        if is_up and container.project == lease.project
    ]
    return SessionStatus(
        lease=lease,
        state=state,
        mine=False,
        remaining_ttl_minutes=max(0, math.ceil((lease.expires_at - now) / 60)),
        expired=lease.expired(now),
        without_container=tuple(_without_container(lease, containers or ())),
        age_minutes=max(0, int((now - lease.allocated_at) / 60)),
        healthy=health.count(HEALTHY),
        checked=len(list(filter(None, health))),
    )


def _without_container(lease: Lease, containers: Iterable[Container]) -> Iterator[str]:
    """Yield the published ports of services without a container, if other services have one."""
    services = {container.service for container in containers if container.project == lease.project}
    for key in lease.ports if services else ():
        if parse_port_key(key).service not in services:
            yield key


class EngineStatus(NamedTuple):
    """One engine in the store, with its held leases; `current` is True for the engine in use."""

    engine: EngineIdentity
    current: bool
    sessions: tuple[SessionStatus, ...]

    def as_dict(self) -> dict[str, object]:
        """Return the entry of `status --fleet --json`."""
        return {
            "engine": self.engine.id,
            "name": self.engine.name,
            "host": self.engine.host,
            "current": self.current,
            "leases": [entry.as_dict() for entry in self.sessions],
        }


def _seen_from_here(engine: EngineIdentity) -> EngineIdentity:
    """Return another engine with its machine's name as host, if it is known only as localhost."""
    is_localhost = engine.name and engine.host == LOCALHOST
    return engine._replace(host=engine.name) if is_localhost else engine


def fleet(session: Session) -> list[EngineStatus]:
    """Return every engine that the store knows with its held leases, the engine in use first.

    The states of leases on other engines are "unknown".
    """
    own_engine, *other_engines = session.context.store.fleet()
    own_statuses = _statuses(session, own_engine.leases, _containers(session))
    other_statuses = (
        [entry._replace(mine=False) for entry in _statuses(session, other_engine.leases, None)]
        for other_engine in other_engines
    )
    return [
        EngineStatus(own_engine.engine, current=True, sessions=tuple(own_statuses)),
        *(
            EngineStatus(
                _seen_from_here(other_engine.engine), current=False, sessions=tuple(sessions)
            )
            for other_engine, sessions in zip(other_engines, other_statuses, strict=True)
        ),
    ]


def _containers(session: Session) -> tuple[Container, ...] | None:
    try:
        return session.context.engine.containers()
    except (EngineError, ComposeMissingError) as error:
        session.context.report(f"{error.message}; states are unknown")
        return None


def _state(session: Session, lease: Lease, containers: Iterable[Container] | None) -> str:
    if containers is None:
        return "unknown"
    own_containers = [container for container in containers if container.project == lease.project]
    if on_another_engine(session, lease, [container.mark for container in own_containers]):
        return "unknown"
    if any(container.is_running for container in own_containers):
        differences = drifts_of(lease, published_by(own_containers)) or displaced_of(
            lease, own_containers
        )
        return "drifted" if differences else "running"
    directory = lease.place.directory if lease.place.is_on(session.machine) else ""
    return "gone" if directory and not os.path.isdir(directory) else "stopped"
