"""Reserve the lease, write the files of its plan and build Compose's command line."""

import os
from typing import NamedTuple

from composeports.core.compose_project import Project
from composeports.core.docker_arguments import as_words
from composeports.core.environment import as_dotenv
from composeports.core.lease import Lease
from composeports.core.plan.override import render
from composeports.core.plan.plan import Plan
from composeports.docker.compose_files import has_link
from composeports.docker.containers import Container
from composeports.host.session_files import OWN_ENV, OWN_NAMES, OWN_OVERRIDE, USER_ENV
from composeports.paths import seed_record
from composeports.usecases.observe import draft, observe
from composeports.usecases.options import DEFAULT_PLAN_OPTIONS, PlanOptions
from composeports.usecases.ownership import (
    names_of_other_data,
    names_of_others,
    reject_foreign_containers,
)
from composeports.usecases.reserve import reserve_lease, roll_back_lease
from composeports.usecases.session import Session


class PreparedStack(NamedTuple):
    """A reserved lease with its written plan; `earlier_lease` is the session's record before.

    `containers` are all containers that the engine had at that time, of every project;
    `had_containers` is True if some of them were of this project.
    """

    lease: Lease
    plan: Plan
    earlier_lease: Lease | None
    project: Project
    had_containers: bool = False
    containers: tuple[Container, ...] = ()


def prepare(
    session: Session, options: PlanOptions = DEFAULT_PLAN_OPTIONS, *, engine_needed: bool = True
) -> PreparedStack:
    """Reserve the lease and write the session's files; on failure, restore the earlier lease.

    ForeignProjectError if another session or plain Compose started a project with the session's
    project name.
    """
    earlier_lease = session.record()
    answer, containers = observe(session, engine_needed=engine_needed)
    session.config_cache.keep(answer.memory)
    sketch = draft(session, answer.observed, containers, options, engine_needed=engine_needed)
    adopted_stores = reject_foreign_containers(
        session, earlier_lease, session.expected_project_name(earlier_lease), containers or ()
    )
    sketch = sketch._replace(adopted_stores=adopted_stores)
    lease = reserve_lease(
        session, containers, sketch.with_planned_ports, sketch.pins, options.avoid
    )
    plan = sketch.plan(lease)
    try:
        _write(session, lease, plan)
    except BaseException:
        roll_back_lease(session, earlier_lease)
        raise
    had_containers = any(container.project == lease.project for container in containers or ())
    project = answer.observed.project
    return PreparedStack(lease, plan, earlier_lease, project, had_containers, containers or ())


def take_new_name(session: Session) -> None:
    """Reserve a lease under a free project name, if a stack of another store uses the name.

    For a session whose id a session of another store has, too. EngineError if the engine does not
    answer, because only the engine knows such stacks.
    """
    session.refresh_engine_identity()
    containers = session.context.engine.containers()
    project = session.expected_project_name(session.record())
    used_names = names_of_others(session, containers) | names_of_other_data(session, project)
    if project in used_names:
        reserve_lease(session, containers, taken=used_names)


def _write(session: Session, lease: Lease, made: Plan) -> None:
    folder = session.folder
    folder.write(OWN_ENV, as_dotenv(made.environment))
    folder.write(OWN_OVERRIDE, render(made.override or {"services": {}}))
    names = as_words(made.session_names)
    if names or folder.read(OWN_NAMES):
        folder.write(OWN_NAMES, f"{names}\n")
    if has_link(os.path.join(session.selection.directory, USER_ENV)):
        from composeports.usecases.link.link import update_link  # noqa: PLC0415 - only with a link

        update_link(session, lease)


def command_line(
    session: Session, prepared: PreparedStack, *arguments: str
) -> tuple[list[str], dict[str, str]]:
    """Return Compose's command line for the prepared stack, and its environment."""
    folder = session.folder.path
    files = (os.path.join(folder, OWN_OVERRIDE),) if prepared.plan.override else ()
    env_files = (os.path.join(folder, OWN_ENV),)
    argv = session.compose.argv(
        prepared.lease.project, *arguments, files=files, env_files=env_files
    )
    return argv, {**session.environ, **dict(prepared.plan.environment)}


def is_half_seeded(session: Session, project: str) -> bool:
    """Return True if this user has a record of an unfinished copy into the stack's volumes."""
    path = seed_record(session.context.environ, project)
    if not os.path.exists(path):
        return False
    from composeports.host.record_file import is_on_record  # noqa: PLC0415 - rarely needed

    return is_on_record(path)
