"""Putting a stack right before Compose starts it: half-done work, pauses, lost networks."""

from collections.abc import Callable, Iterable, Sequence

from composeports.core.service_state import ObservedService, off_networks
from composeports.docker.containers import Container
from composeports.host.session_lock_file import SessionLock
from composeports.paths import reading_lock
from composeports.usecases.prepare import PreparedStack
from composeports.usecases.session import Session

BEGINNING_ANEW = "an earlier up was killed while it replaced containers: beginning anew"

PAUSED = "paused"
STOPPING_FIRST = "an earlier down was interrupted: what it may be stopping still is stopped first"


def undo_half_replaced(session: Session, project: str, containers: Iterable[Container]) -> None:
    """Remove replacements that never ran, where what they were to replace is still there.

    With them the next `docker compose up` would fail, as two have the claim to one name.
    """
    own = [each for each in containers if each.project == project]
    names = {each.name for each in own}
    begun = [each.id for each in own if each.state == "created" and each.replaces in names]
    if begun:
        session.context.say(BEGINNING_ANEW)
        # Without force, and without volumes: one that runs by now stays.
        session.context.engine.act("rm", *begun)


def let_go_on(session: Session, project: str, containers: Iterable[Container]) -> None:
    """Let paused containers of the project go on, which Compose takes for running ones.

    If a copy of their volumes has paused them, this waits until the copy ends.
    """
    if not any(each.project == project and each.state == PAUSED for each in containers):
        return
    from composeports.usecases.seed.journal import hold_lock  # noqa: PLC0415 - seldom is one paused

    def wait() -> None:
        session.context.say(f"waiting for the end of a copy of the volumes of {project}")

    engine = session.context.engine
    with hold_lock(reading_lock(session.context.environ, project), wait):
        paused = [each for each in engine.containers(project) if each.state == PAUSED]
        if paused:
            names = ", ".join(sorted(each.name for each in paused))
            session.context.say(f"paused until now, and going on: {names}")
            engine.act("unpause", *(each.id for each in paused))


def renew_without_network(
    session: Session, prepared: PreparedStack, run: Callable[[Sequence[str]], int]
) -> None:
    """Make containers anew by `run` whose network is gone, or that are off one; volumes stay.

    `docker network prune` removes the networks of a stack that is stopped, and Compose fails for
    ever then. It leaves a running container as it is that is off its network, without ports.
    Volumes without a name stay, too.
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
    """Make those anew that are off a network which they were on, and which the file still names."""
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
    """Stop what runs, where a `down` before us was interrupted.

    The engine goes on stopping a container when nobody asks for it any more. Compose would take one
    that still runs for one that stays, and the stack would lack it some seconds later.
    """
    running = [each.id for each in containers if each.project == project and each.is_running]
    if lock.before.command == "down" and running:
        session.context.say(STOPPING_FIRST)
        session.context.engine.act("stop", *running)
