"""Refusing a project of our name that somebody else started, before anything of it is touched."""

import os
from collections.abc import Iterable

from composeports.core.ci_job import session_line
from composeports.core.lease import Lease
from composeports.core.ownership import (
    Origin,
    Owner,
    containers_started_elsewhere,
    not_owners,
    owner_of,
)
from composeports.docker.containers import Container
from composeports.docker.resources import belongings
from composeports.errors import ForeignProjectError
from composeports.usecases.session import Session

SHOWN = 5


def owner(session: Session, record: Lease | None) -> Owner:
    """Return the session that asks, as the labels of its things show it."""
    place = session.place
    directories = {os.path.realpath(session.selection.directory), place.directory}
    store = session.context.store.identity()
    return owner_of(session.session_id, record, store, directories, place.worktree)


def reject_foreign_containers(
    session: Session, record: Lease | None, project: str, containers: Iterable[Container]
) -> tuple[str, ...]:
    """Do nothing where all containers of the project are the session's; else ForeignProjectError.

    Those that a session of the same name started with another store are its only with `--adopt`:
    the store may be lost, or that of another machine that works in a folder of the same path.

    `record` is what the store knew of the session before this command. A session without one gets
    another name where the store knows this one as another session's. Returned are the stores whose
    labels the containers have, each once; an empty one for those that have none.
    """
    origins = [_origin(each) for each in containers if each.project == project]
    if not origins:
        return ()
    adopts = session.options.adopt
    others = containers_started_elsewhere(owner(session, record), origins, adopts=adopts)
    if not others:
        return tuple(dict.fromkeys(each.mark.store for each in origins))
    if record is None and is_other_session(session, project):
        return ()
    if not adopts and not containers_started_elsewhere(
        owner(session, record), origins, adopts=True
    ):
        raise _another_stores(session, project, others)
    raise _not_ours(project, others)


def names_of_others(session: Session, containers: Iterable[Container]) -> frozenset[str]:
    """Return the names of the projects that have containers which are not the session's."""
    own = owner(session, session.record())
    found = [(each.project, _origin(each)) for each in containers]
    return frozenset(
        name for name, origin in found if containers_started_elsewhere(own, [origin], adopts=False)
    )


def names_of_other_data(session: Session, project: str) -> frozenset[str]:
    """Return the project's name where another store's session has made a volume of it."""
    record = session.record()
    former = record.former_stores if record else ()
    own = {"", session.context.store.identity(), *former}
    volumes = belongings(session.context.engine, project, ("volume",))
    return frozenset({project} if any(each.mark.store not in own for each in volumes) else ())


def refuse_unproven(
    session: Session,
    record: Lease | None,
    project: str,
    proven: tuple[str, ...],
    kinds: Iterable[str],
) -> None:
    """Do nothing where all networks, or volumes, of the project are shown to be the session's.

    `proven` are the stores whose labels its containers have. Else ForeignProjectError names them.
    """
    found = belongings(session.context.engine, project, kinds)
    if not found:
        return
    marks = [(f"{each.kind} {each.name}", each.mark) for each in found]
    others = not_owners(owner(session, record), marks, proven=proven)
    if not others:
        return
    raise ForeignProjectError(
        f"{', '.join(others)}: of the project {project}, and no label says that this session made "
        "it; it is left alone, and nothing was changed",
        hint="; ".join(_removal(each) for each in others)
        + " removes it, if it is of no use any more; then run this again",
        project=project,
        left=list(others),
    )


def _removal(thing: str) -> str:
    kind, _, name = thing.partition(" ")
    return f"`docker {kind} rm {name}`"


def _origin(container: Container) -> Origin:
    directory = os.path.realpath(container.directory) if container.directory else ""
    name = container.name or container.id[:12]
    return Origin(name, directory, container.files, container.mark)


def is_other_session(session: Session, project: str) -> bool:
    """Tell whether the store knows the project as another session's."""
    known = session.context.store.known()
    return any(each.project == project and each.session_id != session.session_id for each in known)


def _not_ours(project: str, others: tuple[Origin, ...]) -> ForeignProjectError:
    folders = _folders(others)
    names = sorted(each.container for each in others)
    where = f" from {', '.join(folders)}" if folders else ""
    shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    return ForeignProjectError(
        f"somebody else started the project {project}{where}, and it is left alone; "
        f"its containers: {shown}",
        hint=f"`docker compose -p {project} down` would remove it, if it is of no use any more; "
        "or give this session another name with --session",
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
        "before its state directory was lost; it is left alone, and nothing was changed",
        hint="if the stack is yours, run the same command with --adopt; if another runner owns it, "
        f"{own_name} gives this session a name of its own",
        **_details(project, others),
    )


def _details(project: str, others: tuple[Origin, ...]) -> dict[str, object]:
    return {
        "project": project,
        "working_directories": _folders(others),
        "config_files": sorted({each.files for each in others if each.files}),
        "containers": sorted(each.container for each in others),
    }


def _folders(others: tuple[Origin, ...]) -> list[str]:
    return sorted({each.directory for each in others if each.directory})
