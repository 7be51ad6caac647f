"""Measure how much memory the containers of each session use."""

from collections.abc import Sequence

from composeports.docker.memory import memory_of_containers
from composeports.errors import ComposeMissingError, EngineError
from composeports.usecases.session import Session
from composeports.usecases.status import SessionStatus


def with_memory(session: Session, statuses: Sequence[SessionStatus]) -> list[SessionStatus]:
    """Return the statuses with the memory of each session whose containers run.

    The engine measures all containers at once. If it does not answer, the reason is reported and no
    memory is known.
    """
    if not any(status.is_up for status in statuses):
        return list(statuses)
    engine = session.context.engine
    try:
        sizes = memory_of_containers(engine)
        containers = engine.containers()
    except (EngineError, ComposeMissingError) as error:
        session.context.report(f"{error.message}; memory is unknown")
        return list(statuses)
    used: dict[str, int] = {}
    for container in containers:
        # `docker ps` gives the beginning of an id, the engine's socket the whole id.
        size = sum(size for identity, size in sizes.items() if identity.startswith(container.id))
        used[container.project] = used.get(container.project, 0) + size
    return [
        status._replace(memory_bytes=used.get(status.lease.project)) if status.is_up else status
        for status in statuses
    ]
