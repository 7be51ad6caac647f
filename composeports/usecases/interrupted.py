"""Repair a stack before Compose starts it: interrupted commands, pauses, lost networks."""

from collections.abc import Callable, Iterable, Sequence

from composeports.core.service_state import ObservedService, off_networks
from composeports.docker.containers import Container
from composeports.host.session_lock_file import SessionLock
from composeports.paths import seed_read_lock
from composeports.usecases.prepare import PreparedStack
from composeports.usecases.session import Session

BEGINNING_ANEW = "an earlier up was killed while it replaced containers: beginning anew"

PAUSED = "paused"
STOPPING_FIRST = "an earlier down was interrupted: what it may be stopping still is stopped first"


def undo_half_replaced(session: Session, project: str, containers: Iterable[Container]) -> None:
    """Remove replacement containers that never ran, if the containers to replace still exist.

    A killed `up` leaves them, and the next `docker compose up` would fail, because two containers
    claim the same name.
    """
    own = [each for each in containers if each.project == project]
    names = {each.name for each in own}
    begun = [each.id for each in own if each.state == "created" and each.replaces in names]
    if begun:
        session.context.say(BEGINNING_ANEW)
        # Remove without force, so that a container that runs by now stays, and without volumes.
        session.context.engine.act("rm", *begun)


def unpause_containers(session: Session, project: str, containers: Iterable[Container]) -> None:
    """Unpause the project's paused containers, because Compose treats them as running.

    If a copy of their volumes has paused them, wait until the copy ends.
    """
    if not any(each.project == project and each.state == PAUSED for each in containers):
        return
    from composeports.usecases.seed.journal import hold_lock  # noqa: PLC0415 - rarely needed

    def wait() -> None:
        session.context.say(f"waiting for the end of a copy of the volumes of {project}")

    engine = session.context.engine
    with hold_lock(seed_read_lock(session.context.environ, project), wait):
        paused = [each for each in engine.containers(project) if each.state == PAUSED]
        if paused:
            names = ", ".join(sorted(each.name for each in paused))
            session.context.say(f"paused until now, and going on: {names}")
            engine.act("unpause", *(each.id for each in paused))


def renew_without_network(
    session: Session, prepared: PreparedStack, run: Callable[[Sequence[str]], int]
) -> None:
    """Recreate containers whose network was removed or that are not connected to it.

    `run` runs Compose with the given arguments. `docker network prune` removes the networks of a
    stopped stack; from then on, every `docker compose up` fails. Compose does not change a running
    container that is not connected to its network and therefore has no ports. All volumes are
    kept, anonymous ones too.
    """
    planned = {each.name for each in prepared.project.services}
    own = [
        each
        for each in prepared.containers
        if each.project == prepared.lease.project and each.service in planned
    ]
    _renew_stopped(session, [each for each in own if not each.is_running], run)
    _renew_running(session, prepared, [each for each in own if each.is_running], run)


def _renew_running(
    session: Session,
    prepared: PreparedStack,
    running: Iterable[Container],
    run: Callable[[Sequence[str]], int],
) -> None:
    """Recreate containers that have lost a network which the last plan and the new plan name."""
    before = prepared.before.standings if prepared.before is not None else {}
    seen = [ObservedService(each.service, each.name, each.networks) for each in running]
    project, standings = prepared.lease.project, prepared.plan.standings
    now = set(off_networks(project, standings, seen))
    services = sorted({each.service for each, _ in now & set(off_networks(project, before, seen))})
    if services:
        session.context.say(
            f"{', '.join(services)} is off one of its networks: the containers are made anew, and "
            "their data is untouched"
        )
        run(("up", "--detach", "--no-deps", "--force-recreate", *services))


def _renew_stopped(
    session: Session, stopped: Sequence[Container], run: Callable[[Sequence[str]], int]
) -> None:
    if not stopped:
        return
    engine = session.context.engine
    there = engine.network_ids()
    wanted = engine.networks_of(stopped)
    services = sorted({each.service for each in stopped if wanted[each.id] - there})
    if services:
        session.context.say(
            f"a network of {', '.join(services)} is gone, as after `docker network prune`: the "
            "containers are made anew, and their data is untouched"
        )
        run(("up", "--no-start", "--no-deps", "--force-recreate", *services))


def end_interrupted_down(
    session: Session, lock: SessionLock, project: str, containers: Iterable[Container]
) -> None:
    """Stop the project's running containers if the previous command was an interrupted `down`.

    The engine continues to stop a container after its client has ended. Compose would assume
    that a container which still runs stays, and the stack would lack it some seconds later.
    """
    running = [each.id for each in containers if each.project == project and each.is_running]
    if lock.before.command == "down" and running:
        session.context.say(STOPPING_FIRST)
        session.context.engine.act("stop", *running)
