"""Refusing a project of our name that somebody else started, before anything of it is touched."""

import os
from collections.abc import Iterable

from composeports.app.workspace import Workspace
from composeports.core.lease import Lease
from composeports.core.ownership import Origin, foreign
from composeports.errors import ForeignProjectError
from composeports.host.containers import Container

SHOWN = 5


def refuse_foreign(
    workspace: Workspace, record: Lease | None, project: str, containers: Iterable[Container]
) -> None:
    """Do nothing where all containers of the project are the session's; else ForeignProjectError.

    `record` is what the store knew of the session before this command. A session without one gets
    another name where the store knows this one as another session's.
    """
    directories = {os.path.realpath(workspace.selection.directory), workspace.place.directory}
    origins = [
        Origin(
            each.name or each.id[:12],
            os.path.realpath(each.directory) if each.directory else "",
            each.files,
        )
        for each in containers
        if each.project == project
    ]
    others = foreign(record, origins, directories)
    if others and not (record is None and is_anothers(workspace, project)):
        raise _not_ours(project, others)


def is_anothers(workspace: Workspace, project: str) -> bool:
    """Tell whether the store knows the project as another session's."""
    known = workspace.doors.store.known()
    return any(
        each.project == project and each.session_id != workspace.session_id for each in known
    )


def _not_ours(project: str, others: tuple[Origin, ...]) -> ForeignProjectError:
    folders = sorted({each.directory for each in others if each.directory})
    files = sorted({each.files for each in others if each.files})
    names = sorted(each.container for each in others)
    where = f" from {', '.join(folders)}" if folders else ""
    shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    return ForeignProjectError(
        f"somebody else started the project {project}{where}, and it is left alone; "
        f"its containers: {shown}",
        hint=f"`docker compose -p {project} down` would remove it, if it is of no use any more; "
        "or give this session another name with --session",
        project=project,
        working_directories=folders,
        config_files=files,
        containers=names,
    )
