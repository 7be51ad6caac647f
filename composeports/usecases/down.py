"""Taking a stack down by its labels, and giving its lease back once nothing is left."""

from collections.abc import Sequence
from typing import NamedTuple

from composeports.core.allocation import refuse_elsewhere
from composeports.core.lease import Lease
from composeports.docker.compose_cli import as_plugin, without_files
from composeports.docker.config_cache import forget_abandoned
from composeports.errors import ComposeMissingError, EngineError, EngineSilentError, StackLeftError
from composeports.host.session_folder import OwnFolder
from composeports.host.session_lock_file import SessionLock
from composeports.paths import recollections
from composeports.usecases.lease import heartbeat, is_marked, release_lease
from composeports.usecases.ownership import (
    is_other_session,
    refuse_unproven,
    reject_foreign_containers,
)
from composeports.usecases.prepare import is_half_seeded
from composeports.usecases.session import Session
from composeports.usecases.session_lock import at_work_alone
from composeports.usecases.started_session import find_started_session

# How long a command that works on the same stack is waited for, in seconds.
PATIENCE = 5.0
# How long a busy engine gets to let go of a network, before each further try, in seconds.
PAUSES = (0.0, 0.5, 1.0, 2.0)


class DownResult(NamedTuple):
    """What `down` did: Compose's exit code, and a line that says how the lease stands.

    `released` tells whether a lease was given back, `whole` whether nothing of the stack is left.
    """

    code: int
    session_id: str
    project: str
    released: bool
    note: str
    whole: bool = False


def down(workspace: Session, arguments: Sequence[str] = ()) -> DownResult:
    """Run `docker compose down` by the project's labels, then release once nothing is left.

    StackLeftError when Compose is done and something of the stack still exists,
    ForeignProjectError when somebody else started it. A command that works on the stack is waited
    for; the Compose of one that lasts too long is ended, LockBusyError where that is in vain.
    """
    workspace.meet_engine()
    asked, workspace = workspace, find_started_session(workspace)
    with at_work_alone(workspace, "down", PATIENCE) as lock:
        record = workspace.record()
        stopped = _down(workspace, record, arguments, lock)
        if stopped.whole and record is not None and workspace is not asked:
            below = record.project if record.shares_place else ""
            OwnFolder(record.place.directory, below).remove()
        if stopped.whole or not stopped.project:
            lock.remove()
        if not stopped.code:
            lock.ended()
    forget_abandoned(recollections(workspace.doors.environ))
    return stopped


def _down(
    workspace: Session,
    record: Lease | None,
    arguments: Sequence[str],
    lock: SessionLock,
) -> DownResult:
    project = workspace.likely_project(record)
    view = workspace.view
    if record is not None and view.has_other_id(record):
        refuse_elsewhere(record, view)
    try:
        containers = workspace.doors.engine.containers(project)
    except (EngineError, ComposeMissingError) as error:
        # A frozen engine may have containers of a session without a record; the error says so.
        if record is not None or isinstance(error, EngineSilentError):
            raise
        containers = ()
    if record is not None:
        marked, adopts = is_marked(record, containers), workspace.options.adopt
        refuse_elsewhere(record, view, marked=marked, adopts=adopts)
    if record is None and (not containers or is_other_session(workspace, project)):
        note = f"nothing to do: no stack was ever started here (session {workspace.session_id})"
        return DownResult(0, workspace.session_id, "", released=False, note=note)
    proven = reject_foreign_containers(workspace, record, project, containers)
    if "--dry-run" not in arguments:
        kinds = ("network", "volume") if _takes_volumes(arguments) else ("network",)
        refuse_unproven(workspace, record, project, proven, kinds)
    if is_half_seeded(workspace, project):
        from composeports.usecases.seed import seed as seeding  # noqa: PLC0415 - only after a copy was killed

        seeding.repair(workspace, project)
    code = _run(workspace, project, arguments, lock)
    if not code and not _is_partial(arguments) and workspace.doors.engine.containers(project):
        # The engine may still have been making what a Compose that was ended had asked it for.
        code = _run(workspace, project, arguments, lock)
    return _after_down(workspace, project, arguments, code)


def remove_half_started(workspace: Session, project: str, lock: SessionLock) -> str:
    """Take away what an `up` just made, but for volumes, release the lease, and say what is so."""
    _run(workspace, project, (), lock)
    left = leftovers(workspace, project)
    if left:
        return f"{left} of {project} exist, so the lease is kept: `composeports down` removes them"
    release_lease(workspace)
    workspace.folder.remove()
    return f"what was started of {project} is removed, and the lease is released"


def _run(workspace: Session, project: str, arguments: Sequence[str], lock: SessionLock) -> int:
    environ = _without_files_environ(workspace)
    argv = without_files(project, "down", *arguments, flags=workspace.options.flags)
    argv = as_plugin(argv, workspace.environ)

    def run() -> int:
        return workspace.doors.run(
            argv,
            environ,
            out_to_stderr=True,
            inherited=(lock.number,),
            beat=heartbeat(workspace),
        )

    code = run()
    # The engine may still be taking containers off a network that Compose wants to remove.
    for pause in PAUSES:
        if not code or not _only_networks_left(workspace, project):
            break
        workspace.doors.pause(pause)
        code = run()
    return code


def _only_networks_left(workspace: Session, project: str) -> bool:
    engine = workspace.doors.engine
    return not engine.containers(project) and bool(engine.networks(project))


def _without_files_environ(workspace: Session) -> dict[str, str]:
    hidden = {"COMPOSE_FILE", "COMPOSE_ENV_FILES", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"}
    return {name: value for name, value in workspace.environ.items() if name not in hidden}


def _after_down(workspace: Session, name: str, arguments: Sequence[str], code: int) -> DownResult:
    session_id = workspace.session_id
    left = leftovers(workspace, name)
    if left and (code or _is_partial(arguments)):
        note = f"{left} of {name} exist, so the lease is kept"
        return DownResult(code, session_id, name, released=False, note=note)
    if left:
        raise StackLeftError(
            f"{left} of {name} are still there after `docker compose down`; the lease is kept",
            hint="end what uses them (`docker network inspect`, `docker ps`), then run "
            "`composeports down` again",
            project=name,
        )
    record = workspace.record()
    release_lease(workspace)
    workspace.folder.remove()
    note = f"removed {name}, of which the store knew nothing"
    if record is not None:
        note = f"released {record.block.start}-{record.block.last} ({name})"
    released = record is not None and record.held
    return DownResult(code, session_id, name, released=released, note=note, whole=True)


def _takes_volumes(arguments: Sequence[str]) -> bool:
    """Tell whether `down` was asked to remove volumes; `-vt5` is `-v` and `-t 5`."""
    return any(
        argument.partition("=")[0] == "--volumes" and argument != "--volumes=false"
        if argument.startswith("--")
        else argument.startswith("-") and "v" in argument
        for argument in arguments
    )


def _is_partial(arguments: Sequence[str]) -> bool:
    """Tell whether `down` was asked for less than the whole stack."""
    return "--dry-run" in arguments or any(_named_services(arguments))


def _named_services(arguments: Sequence[str]) -> list[str]:
    """Return the services that `down` was asked for; `--rmi` and `--timeout` take a value."""
    named: list[str] = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in {"--rmi", "--timeout", "-t"}:
            skip = True
        elif not argument.startswith("-"):
            named.append(argument)
    return named


def leftovers(workspace: Session, project: str) -> str:
    """Return "2 containers, 1 network" for what the engine still has of a project, or nothing."""
    engine = workspace.doors.engine
    counts = {
        "container": len(engine.containers(project)),
        "network": len(engine.networks(project)),
    }
    return ", ".join(
        f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count
    )
