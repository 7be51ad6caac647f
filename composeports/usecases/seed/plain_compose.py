"""Find what plain Docker Compose created in a checkout, under Compose's default project name."""

import json
import os

from composeports.core.compose_project import Project
from composeports.core.labels import PROJECT_LABEL, VOLUME_LABEL
from composeports.docker.compose_cli import Compose
from composeports.docker.compose_files import select_files
from composeports.host.git import main_git_dir
from composeports.usecases.seed.policy import PLAIN, SeedSource
from composeports.usecases.session import Session


def plain_main(session: Session) -> SeedSource | None:
    """Return plain Compose's stack of the main checkout, if it has volumes; else None.

    None in the main checkout itself, too.
    """
    place = session.place
    main_checkout = os.path.dirname(main_git_dir(place.git_dir)) if place.git_dir else ""
    directory = os.path.normpath(os.path.join(main_checkout, place.below))
    if not main_checkout or main_checkout == place.worktree or not os.path.isdir(directory):
        return None
    environ = {
        name: value for name, value in session.environ.items() if not name.startswith("COMPOSE_")
    }
    name = _name(Compose(select_files(directory, environ), environ))
    volumes = session.context.engine.volumes(name) if name else ()
    return SeedSource(f"{PLAIN}{name}", name) if volumes else None


def report_plain_data(session: Session, project: Project) -> None:
    """Report the volumes that plain Compose has for the same files, when a session begins here."""
    keys = {volume.key for volume in project.volumes if not volume.external}
    known_projects = {lease.project for lease in session.context.store.known()}
    entries = session.context.engine.entries("volume", PROJECT_LABEL) if keys else None
    labelled_volumes = [(entry["Name"], entry.get("Labels") or {}) for entry in entries or ()]
    other_volumes = [
        (labels[PROJECT_LABEL], name)
        for name, labels in labelled_volumes
        if labels.get(VOLUME_LABEL) in keys and labels[PROJECT_LABEL] not in known_projects
    ]
    if not other_volumes:
        return
    plain_project = _name(session.compose)
    names = sorted(name for owner, name in other_volumes if owner == plain_project)
    if names:
        session.context.report(
            f"data of plain Compose lies beside ({', '.join(names)}) and stays as it is: this "
            f"session has volumes of its own, which `composeports down -v` and then `composeports "
            f"up --seed-from {PLAIN}{plain_project}` fill with a copy"
        )


def _name(compose: Compose) -> str:
    """Return the project name that Compose uses by default; empty if Compose fails."""
    answer = compose.start_config("", "--format", "json").finish()
    return "" if answer.code else str(json.loads(answer.out).get("name") or "")
