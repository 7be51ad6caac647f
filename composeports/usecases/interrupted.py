"""Repair a stack before Compose starts it: interrupted commands, pauses, lost networks."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from composeports.core.service_state import ObservedService, off_networks
from composeports.docker.containers import Container
from composeports.host.session_lock_file import SessionLock
from composeports.paths import seed_read_lock
from composeports.usecases.compose_up import ComposeUp
from composeports.usecases.prepare import PreparedStack
from composeports.usecases.session import Session

BEGINNING_ANEW = "an earlier up was killed while it replaced containers: starting again"

PAUSED = "paused"
STOPPING_FIRST = "an earlier down was interrupted: what it may be stopping still is stopped first"


def recover(session: Session, lock: SessionLock, stack: PreparedStack, compose: ComposeUp) -> None:
    """Repair what interrupted commands and others left of the stack; a dry run changes nothing."""
    if compose.is_dry_run:
        return
    project, containers = stack.lease.project, stack.containers
    undo_half_replaced(session, project, containers)
    end_interrupted_down(session, lock, project, containers)
    unpause_containers(session, project, containers)
    renew_without_network(session, stack, partial(compose.run, stack))


def undo_half_replaced(session: Session, project: str, containers: Iterable[Container]) -> None:
    """Remove replacement containers that never ran, if the containers to replace still exist.

    A killed `up` leaves them, and the next `docker compose up` would fail, because two containers
    claim the same name.
    """
    project_containers = [container for container in containers if container.project == project]
    names = {container.name for container in project_containers}
    replacement_ids = [
        container.id
        for container in project_containers
        if container.state == "created" and container.replaces in names
    ]
    if replacement_ids:
        session.context.report(BEGINNING_ANEW)
        # Remove without force, so that a container that runs by now stays, and without volumes.
        session.context.engine.run_change("rm", *replacement_ids)


def unpause_containers(session: Session, project: str, containers: Iterable[Container]) -> None:
    """Unpause the project's paused containers, because Compose treats them as running.

    If a copy of their volumes has paused them, wait until the copy ends.
    """
    if not any(
        container.project == project and container.state == PAUSED for container in containers
    ):
        return
    from composeports.usecases.seed.journal import hold_lock  # noqa: PLC0415 - rarely needed

    def wait() -> None:
        session.context.report(f"waiting for the end of a copy of the volumes of {project}")

    engine = session.context.engine
    with hold_lock(seed_read_lock(session.context.environ, project), wait):
        paused_containers = [
            container for container in engine.containers(project) if container.state == PAUSED
        ]
        if paused_containers:
            names = ", ".join(sorted(container.name for container in paused_containers))
            session.context.report(f"paused until now, and going on: {names}")
            engine.run_change("unpause", *(container.id for container in paused_containers))


def renew_without_network(
    session: Session, prepared: PreparedStack, run: Callable[[Sequence[str]], int]
) -> None:
    """Recreate containers whose network was removed or that are not connected to it.

    `run` runs Compose with the given arguments. `docker network prune` removes the networks of a
    stopped stack; from then on, every `docker compose up` fails. Compose does not change a running
    container that is not connected to its network and therefore has no ports. All volumes are
    kept, anonymous ones too.
    """
    service_names = {service.name for service in prepared.project.services}
    containers = [
        container
        for container in prepared.containers
        if container.project == prepared.lease.project and container.service in service_names
    ]
    _renew_stopped(
        session, [container for container in containers if not container.is_running], run
    )
    _renew_running(
        session,
        prepared,
        [container for container in containers if container.is_running],
        run,
    )


def _renew_running(
    session: Session,
    prepared: PreparedStack,
    running: Iterable[Container],
    run: Callable[[Sequence[str]], int],
) -> None:
    """Recreate containers that have lost a network which the last plan and the new plan name."""
    old_standings = prepared.earlier_lease.standings if prepared.earlier_lease is not None else {}
    observed_services = [
        ObservedService(container.service, container.name, container.networks)
        for container in running
    ]
    project, standings = prepared.lease.project, prepared.plan.standings
    missing_networks = set(off_networks(project, standings, observed_services))
    services = sorted(
        {
            service.service
            for service, _ in missing_networks
            & set(off_networks(project, old_standings, observed_services))
        }
    )
    if services:
        session.context.report(
            f"{', '.join(services)} is off one of its networks: the containers are recreated, and "
            "their data is untouched"
        )
        run(("up", "--detach", "--no-deps", "--force-recreate", *services))


def _renew_stopped(
    session: Session, stopped: Sequence[Container], run: Callable[[Sequence[str]], int]
) -> None:
    if not stopped:
        return
    engine = session.context.engine
    network_ids = engine.network_ids()
    required_networks = engine.networks_of(stopped)
    services = sorted(
        {
            container.service
            for container in stopped
            if required_networks[container.id] - network_ids
        }
    )
    if services:
        session.context.report(
            f"a network of {', '.join(services)} is gone, as after `docker network prune`: the "
            "containers are recreated, and their data is untouched"
        )
        run(("up", "--no-start", "--no-deps", "--force-recreate", *services))


def end_interrupted_down(
    session: Session, lock: SessionLock, project: str, containers: Iterable[Container]
) -> None:
    """Stop the project's running containers if the previous command was an interrupted `down`.

    The engine continues to stop a container after its client has ended. Compose would assume
    that a container which still runs stays, and the stack would lack it some seconds later.
    """
    running_ids = [
        container.id
        for container in containers
        if container.project == project and container.is_running
    ]
    if lock.previous_owner.command == "down" and running_ids:
        session.context.report(STOPPING_FIRST)
        session.context.engine.run_change("stop", *running_ids)
