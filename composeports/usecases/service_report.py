"""Look at the containers of a stack after `up`: their status, and the details of failed ones."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

from composeports.core.failed_service import (
    MANY_SERVICES,
    ContainerDetails,
    FailedService,
    failed_service,
    share_of,
    was_stopped_by_compose,
)
from composeports.core.service_status import (
    ContainerStatus,
    exit_code_of,
    failed_of,
    health_of,
    services_of_up,
    up_seconds_of,
)
from composeports.docker.containers import Container
from composeports.errors import ComposeMissingError, EngineError
from composeports.usecases.options import Options
from composeports.usecases.prepare import PreparedStack
from composeports.usecases.session import Session

CREATED = "created"
NO_DETAILS = ContainerDetails()


def services_started(
    session: Session, stack: PreparedStack, arguments: Sequence[str]
) -> frozenset[str]:
    """Return the services that an `up` with these arguments starts, with their dependencies."""
    variables = {**session.selection.variables, **session.environ}
    profiles = session.profiles or variables.get("COMPOSE_PROFILES", "").split(",")
    return services_of_up(stack.project, arguments, profiles)


def statuses_of(
    containers: Iterable[Container], services: Collection[str]
) -> tuple[ContainerStatus, ...]:
    """Return the status of the services' containers, without those of `docker compose run`."""
    return tuple(
        status_of(container)
        for container in containers
        if container.service in services and not container.is_of_run
    )


def status_of(container: Container) -> ContainerStatus:
    """Return what the engine's list says of a container."""
    return ContainerStatus(
        container.service,
        container.state,
        exit_code_of(container.status),
        health_of(container.status),
        container.id,
        container.name,
        up_seconds_of(container.status),
    )


def command_of(options: Options) -> tuple[str, ...]:
    """Return composeports with the options before the command that select the same session."""
    words = [word for file in options.files for word in ("-f", file)]
    if options.project_directory is not None:
        words += ["--project-directory", options.project_directory]
    if options.session is not None:
        words += ["--session", options.session]
    return ("composeports", *words)


def failed_services(
    session: Session,
    statuses: Sequence[ContainerStatus],
    late_services: Collection[str] = (),
    *,
    has_failed: bool,
    foreground: bool,
) -> tuple[FailedService, ...]:
    """Return what is to be told of each service that failed, or that is late.

    Without a service that failed, the engine is asked nothing. With `has_failed`, Compose reported
    a failure, so containers that did not start are looked at, too. After an `up` in the foreground,
    containers that Compose stopped have not failed, and no log is read, because Compose printed it.
    """
    candidates = [
        each
        for each in statuses
        if each.is_failed or (has_failed and each.state == CREATED) or each.service in late_services
    ]
    if not candidates:
        return ()
    from composeports.docker.container_details import (  # noqa: PLC0415 - only after a failure
        container_details,
        ends_of_logs,
    )

    engine = session.context.engine
    found: dict[str, ContainerDetails] = {}
    with suppress(EngineError, ComposeMissingError):
        found = container_details(engine, sorted({each.id for each in candidates}))
    details = {each.id: found.get(each.id, NO_DETAILS) for each in statuses}
    refused_services = {each.service for each in candidates if details[each.id].error}
    failed = [
        each
        for each in failed_of(statuses, {*late_services, *refused_services})
        if not foreground or not was_stopped_by_compose(each, details[each.id])
    ]
    logs = ends_of_logs(engine, () if foreground else [each.id for each in failed[:MANY_SERVICES]])
    share, command = share_of(len(failed)), command_of(session.options)
    return tuple(
        failed_service(each, details[each.id], logs.get(each.id, ""), share, command)
        for each in failed
    )
