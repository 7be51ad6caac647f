"""Probe the ports of a lease that was just claimed: which are in use, and by which program."""

from collections.abc import Iterable

from composeports.core.lease import Lease
from composeports.core.port_keys import parse_port_key
from composeports.core.ports import FIRST_FREE_OFFSET
from composeports.docker.containers import Container
from composeports.errors import (
    ComposeMissingError,
    EngineError,
    EngineSilentError,
    PortHeldError,
)
from composeports.host.port_listeners import PortListener
from composeports.usecases.session import Session

Port = tuple[int, str]
# Seconds between checks while the session's own containers start; 10 s in total.
WAIT_SECONDS = (0.05, 0.1, 0.15, 0.2, *(0.25,) * 38)
Containers = tuple[Container, ...] | None


def busy_ports(
    session: Session, earlier_lease: Lease | None, lease: Lease, containers: Containers
) -> tuple[frozenset[Port], Containers]:
    """Return the lease's ports that another program uses, and the latest list of containers.

    PortHeldError if a pinned port is in use. On a block that the session held already, only ports
    that the stack publishes are probed, because the session's own programs may use the others.
    While the stack runs (or may run: `containers` is None), neither this block nor the pinned ports
    that the session held already are probed.
    """
    used_ports = _busy(session, earlier_lease, lease, containers)
    if (
        used_ports
        and containers is not None
        and earlier_lease is not None
        and earlier_lease.block == lease.block
    ):
        try:
            used_ports, containers = _busy_after_start(session, earlier_lease, lease)
        except (EngineError, ComposeMissingError) as error:
            # The session keeps its ports while it is unknown what uses them.
            if isinstance(error, EngineSilentError) and not session.is_read_only:
                raise
    pins = _pinned(lease)
    if used_ports & pins:
        raise _pin_in_use(session, lease, min(used_ports & pins), containers)
    return used_ports, containers


def _busy_after_start(
    session: Session, earlier_lease: Lease, lease: Lease
) -> tuple[frozenset[Port], tuple[Container, ...]]:
    """Return the busy ports and the containers, once no container of the session is starting.

    After the containers were listed, the engine itself (at boot), an IDE or Compose in another
    shell may have begun to start the stack. Containers have their ports some time before they
    count as running.
    """
    containers = session.context.engine.containers()
    used_ports = _busy(session, earlier_lease, lease, containers)
    for seconds in WAIT_SECONDS:
        if not used_ports or not _may_be_starting(session, lease.project, used_ports, containers):
            break
        session.context.sleep(seconds)
        containers = session.context.engine.containers()
        used_ports = _busy(session, earlier_lease, lease, containers)
    return used_ports, containers


def _may_be_starting(
    session: Session, project: str, ports: frozenset[Port], containers: Iterable[Container]
) -> bool:
    """Return True if containers of the project that do not run yet may have all of the ports.

    This is so if they publish the ports, no container of another project does, and no process
    outside the engine is visible on the ports.
    """
    engine = session.context.engine
    containers = tuple(containers)
    own_containers = [
        container
        for container in containers
        if container.project == project and not container.is_running
    ]
    if not own_containers or not ports <= engine.reserved_ports(own_containers):
        return False
    if ports & engine.reserved_ports(
        container for container in containers if container.project != project
    ):
        return False
    return all(session.context.holder_of(port).may_be_of_the_engine for port in ports)


def is_started_meanwhile(session: Session, project: str, port: Port) -> bool:
    """Return True if a container of the project has the port, once none of them is starting."""
    for seconds in (*WAIT_SECONDS, 0.0):
        containers = session.context.engine.containers()
        running_containers = [
            container
            for container in containers
            if container.project == project and container.is_running
        ]
        if any(
            port in {(host, kind) for host, _, kind in container.ports}
            for container in running_containers
        ):
            return True
        if not session.context.ports_in_use([port]):
            return False
        if not _may_be_starting(session, project, frozenset({port}), containers):
            return False
        session.context.sleep(seconds)
    return False


def _busy(
    session: Session, earlier_lease: Lease | None, lease: Lease, containers: Containers
) -> frozenset[Port]:
    own_containers = [
        container for container in containers or () if container.project == lease.project
    ]
    may_run = containers is None or any(container.is_running for container in own_containers)
    pins = _pinned(lease)
    block = _wanted(earlier_lease, lease, may_run=may_run) - pins
    if may_run and earlier_lease is not None and earlier_lease.held:
        pins -= _pinned(earlier_lease)
    probed_ports = block | pins
    if not probed_ports:
        return frozenset()
    own_ports = {
        (host, protocol) for container in own_containers for host, _, protocol in container.ports
    }
    foreign_ports = session.context.engine.reserved_ports(_others(lease, containers))
    return (probed_ports & foreign_ports) | session.context.ports_in_use(
        probed_ports - own_ports - foreign_ports
    )


def without_lost(session: Session, containers: tuple[Container, ...]) -> tuple[Container, ...]:
    """Return the containers, without those of stopped projects whose lease has ended.

    The store knows the session of such a project, and its lease is released or expired, so that
    other sessions may take the ports.
    """
    running_projects = {container.project for container in containers if container.is_running}
    now = session.context.now()
    idle_projects = {
        lease.project
        for lease in session.context.store.known()
        if lease.project not in running_projects and (not lease.held or lease.expired(now))
    }
    return tuple(container for container in containers if container.project not in idle_projects)


def _others(lease: Lease, containers: Containers) -> list[Container]:
    return [container for container in containers or () if container.project != lease.project]


def _wanted(earlier_lease: Lease | None, lease: Lease, *, may_run: bool) -> frozenset[Port]:
    """Return the ports of the block that must be free; `may_run`: the stack runs, or may do so."""
    if earlier_lease is None or not earlier_lease.held or earlier_lease.block != lease.block:
        return published(lease) | _fixed(lease)
    return frozenset() if may_run else published(lease)


def _fixed(lease: Lease) -> frozenset[Port]:
    ports = range(lease.block.start, lease.block.start + FIRST_FREE_OFFSET)
    return frozenset((port, "tcp") for port in ports)


def published(lease: Lease) -> frozenset[Port]:
    """Return the host ports of the lease's last plan, with their protocols."""
    return frozenset(port_of(key, number) for key, number in lease.ports.items())


def _pinned(lease: Lease) -> frozenset[Port]:
    return frozenset(port_of(key, number) for key, number in lease.pins.items())


def port_of(key: str, number: int) -> Port:
    """Return the number and the protocol of a key such as `web:80/tcp` or `web:80/tcp#2`."""
    return number, parse_port_key(key).protocol


def who_has(session: Session, port: Port, others: Iterable[Container]) -> Container | PortListener:
    """Return the container in `others` that has the port now, else the process that has it.

    If the process cannot be found, return a PortListener with `pid` 0.
    """
    users = (
        container
        for container in others
        if port in {(host, kind) for host, _, kind in container.ports}
    )
    return next(users, None) or session.context.holder_of(port)


def shown(user: Container | PortListener) -> str:
    """Return the text for the container or process that has a port.

    For example "the container shop-web-1 (service web of the project shop)".
    """
    if isinstance(user, PortListener):
        return str(user)
    name = f"the container {user.name or user.id[:12]}"
    if not user.project:
        return name
    return f"{name} (service {user.service} of the project {user.project})"


def ways_to_see(session: Session) -> str:
    """Return the commands that show what uses ports on the engine's machine."""
    engine = session.context.engine
    location = "" if engine.is_local else f" on {engine.host}"
    return f"`docker ps --all` and `ss -lntup`{location} show it"


def facts(user: Container | PortListener) -> dict[str, object]:
    """Return the JSON fields for the user of a port; "" or 0 if unknown."""
    if isinstance(user, PortListener):
        return {"container": "", "process": user.name, "pid": user.pid}
    return {"container": user.name or user.id[:12], "process": "", "pid": 0}


def _pin_in_use(
    session: Session, lease: Lease, port: Port, containers: Containers
) -> PortHeldError:
    number, protocol = port
    key = next(key for key, pin in lease.pins.items() if port_of(key, pin) == port)
    user = who_has(session, port, _others(lease, containers))
    return PortHeldError(
        f"port {number}/{protocol}, which {key} has to have, is in use by {shown(user)}",
        hint=f"end what uses it ({ways_to_see(session)}), then try again; "
        "or give this session another port",
        port=number,
        key=key,
        **facts(user),
    )


def moving_on(
    session: Session,
    lease: Lease,
    busy: frozenset[Port],
    earlier_lease: Lease | None,
    containers: Containers,
) -> str:
    """Return the message that another block is tried, and what uses the ports."""
    first_ports = sorted(busy)[:3]
    ports = ", ".join(f"{port}/{protocol}" for port, protocol in first_ports)
    user = shown(who_has(session, first_ports[0], _others(lease, containers)))
    if earlier_lease is not None and earlier_lease.held and earlier_lease.block == lease.block:
        return f"{user} uses port {ports} of this session: its ports move to another block"
    return f"{user} uses port {ports}: trying another block"
