"""Refuse to touch a project that has the session's project name but is not the session's."""

import os
from collections.abc import Iterable

from composeports.core.ci_job import session_line
from composeports.core.lease import Lease
from composeports.core.ownership import (
    Origin,
    Owner,
    containers_started_elsewhere,
    first_names,
    not_owners,
    owner_of,
)
from composeports.docker.containers import Container
from composeports.docker.resources import list_resources
from composeports.errors import ForeignProjectError
from composeports.usecases.session import Session


def owner(session: Session, record: Lease | None) -> Owner:
    """Return the session as an owner, for comparison with the labels of containers and volumes."""
    place = session.place
    directories = {os.path.realpath(session.selection.directory), place.directory}
    store = session.context.store.identity()
    return owner_of(session.session_id, record, store, directories, place.worktree)


def reject_foreign_containers(
    session: Session, record: Lease | None, project: str, containers: Iterable[Container]
) -> tuple[str, ...]:
    """Raise ForeignProjectError if the session does not own all containers of the project.

    Return the ids of the stores in the containers' labels, each once; "" for containers without
    labels. Containers that a session of the same name started with another store belong to this
    session only with `--adopt`: that store may be lost, or it may be the store of another machine
    with a folder of the same path.

    `record` is the store's record of the session from before this command. A session without a
    record gets another project name if the store knows this name as another session's; then the
    result is empty.
    """
    origins = [_origin(container) for container in containers if container.project == project]
    if not origins:
        return ()
    adopt_allowed = session.options.adopt
    foreign_origins = containers_started_elsewhere(
        owner(session, record), origins, adopt_allowed=adopt_allowed
    )
    if not foreign_origins:
        return tuple(dict.fromkeys(origin.mark.store for origin in origins))
    if record is None and is_other_session(session, project):
        return ()
    if not adopt_allowed and not containers_started_elsewhere(
        owner(session, record), origins, adopt_allowed=True
    ):
        raise _another_stores(session, project, foreign_origins)
    raise _not_ours(project, foreign_origins)


def names_of_others(session: Session, containers: Iterable[Container]) -> frozenset[str]:
    """Return the names of the projects that have containers which the session does not own."""
    session_owner = owner(session, session.record())
    origins = [(container.project, _origin(container)) for container in containers]
    return frozenset(
        name
        for name, origin in origins
        if containers_started_elsewhere(session_owner, [origin], adopt_allowed=False)
    )


def names_of_other_data(session: Session, project: str) -> frozenset[str]:
    """Return the project name if another store's session created a volume of it, else nothing."""
    record = session.record()
    former_stores = record.former_stores if record else ()
    own_stores = {"", session.context.store.identity(), *former_stores}
    volumes = list_resources(session.context.engine, project, ("volume",))
    return frozenset(
        {project} if any(volume.mark.store not in own_stores for volume in volumes) else ()
    )


def refuse_unproven(
    session: Session,
    record: Lease | None,
    project: str,
    proven: tuple[str, ...],
    kinds: Iterable[str],
) -> None:
    """Raise ForeignProjectError unless labels show that the session owns the project's resources.

    `kinds` are `network` and `volume`. `proven` are the ids of the stores in the labels of the
    project's containers, as `reject_foreign_containers` returns them. The error names each resource
    that the session may not own.
    """
    resources = list_resources(session.context.engine, project, kinds)
    if not resources:
        return
    marks = [(f"{resource.kind} {resource.name}", resource.mark) for resource in resources]
    names = not_owners(owner(session, record), marks, proven=proven)
    if not names:
        return
    raise ForeignProjectError(
        f"{', '.join(names)}: of the project {project}, and no label says that this session made "
        "it; nothing was changed",
        hint="; ".join(_removal(name) for name in names)
        + " removes it, if it is of no use any more; then run this again",
        project=project,
        left=list(names),
    )


def _removal(thing: str) -> str:
    kind, _, name = thing.partition(" ")
    return f"`docker {kind} rm {name}`"


def _origin(container: Container) -> Origin:
    directory = os.path.realpath(container.directory) if container.directory else ""
    name = container.name or container.id[:12]
    return Origin(name, directory, container.files, container.mark)


def is_other_session(session: Session, project: str) -> bool:
    """Return True if the store knows the project name as another session's."""
    leases = session.context.store.known()
    return any(
        lease.project == project and lease.session_id != session.session_id for lease in leases
    )


def _not_ours(project: str, others: tuple[Origin, ...]) -> ForeignProjectError:
    folders = _folders(others)
    names = sorted(origin.container for origin in others)
    source = f" from {', '.join(folders)}" if folders else ""
    return ForeignProjectError(
        f"another session or program started the project {project}{source}; nothing was changed; "
        f"its containers: {first_names(names)}",
        hint=f"`docker compose -p {project} down` removes it, if it is of no use any more; "
        "or give this session another name with --session NAME",
        **_details(project, others),
    )


def _another_stores(
    session: Session, project: str, others: tuple[Origin, ...]
) -> ForeignProjectError:
    line = session_line(session.context.environ)
    own_name = f"the line `{line}` before it" if line else "`composeports up --as-new`"
    return ForeignProjectError(
        f"the stack {project} is there already, started from {', '.join(_folders(others))} by a "
        "session whose lease is in another store: a runner with the same path, or this session "
        "before its state directory was lost; nothing was changed",
        hint="if the stack is yours, `composeports up --adopt` takes it over, and `composeports "
        "down --adopt` removes it; if another runner owns it, "
        f"{own_name} gives this session a name of its own",
        **_details(project, others),
    )


def _details(project: str, others: tuple[Origin, ...]) -> dict[str, object]:
    return {
        "project": project,
        "working_directories": _folders(others),
        "config_files": sorted({origin.files for origin in others if origin.files}),
        "containers": sorted(origin.container for origin in others),
    }


def _folders(others: tuple[Origin, ...]) -> list[str]:
    return sorted({origin.directory for origin in others if origin.directory})
