"""Complete `up --wait` for a stack with services that do their work and end with code 0."""

import time
from collections.abc import Callable, Sequence

from composeports.core.one_shot_services import (
    Instance,
    limit_of,
    not_healthy,
    services_to_wait_for,
    wait_arguments,
)
from composeports.usecases.session import Session

_FORM = (
    '{{index .Config.Labels "com.docker.compose.service"}}\t{{.State.Status}}\t'
    "{{.State.ExitCode}}\t{{.HostConfig.RestartPolicy.Name}}\t"
    "{{if .State.Health}}{{.State.Health.Status}}{{end}}"
)
RESTARTED = frozenset({"always", "unless-stopped"})


def wait_for_others(
    session: Session,
    project: str,
    arguments: Sequence[str],
    code: int,
    run: Callable[[Sequence[str]], int],
) -> int:
    """Return the final exit code of an `up --wait` that ended with `code`.

    Compose treats the end of any service as a failure, even with exit code 0. If nothing else
    failed, call `run` to wait for the other services, for the rest of the time limit.
    """
    limit = limit_of(arguments)
    deadline = None if limit is None else time.monotonic() + limit
    earlier_services: tuple[str, ...] | None = None
    while code:
        services = services_to_wait_for(_instances(session, project))
        if services is None or services == earlier_services:
            return code
        session.context.report(_wait_message(services))
        if not services:
            return 0
        earlier_services = services
        remaining_seconds = None if deadline is None else deadline - time.monotonic()
        code = run(wait_arguments(services, remaining_seconds))
        # At its time limit, Compose may end with 0 although a service is not healthy.
        late_services = (
            () if code or limit is None else not_healthy(_instances(session, project), services)
        )
        if late_services:
            session.context.report(f"not healthy after {limit:g} s: {', '.join(late_services)}")
            return 1
    return code


def _wait_message(services: Sequence[str]) -> str:
    suffix = f"; waiting for {', '.join(services)}" if services else ""
    return f"a service that ended with exit code 0 has done its work, which is no failure{suffix}"


def _instances(session: Session, project: str) -> list[Instance]:
    engine = session.context.engine
    ids = [container.id for container in engine.containers(project)]
    if not ids:
        return []
    rows = [
        line.split("\t")
        for line in engine.output("container", "inspect", "--format", _FORM, *ids).splitlines()
    ]
    return [
        Instance(service, state, int(code), policy in RESTARTED, health)
        for service, state, code, policy, health in rows
    ]
