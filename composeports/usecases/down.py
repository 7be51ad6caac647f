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


def down(session: Session, arguments: Sequence[str] = ()) -> DownResult:
    """Run `docker compose down` by the project's labels, then release once nothing is left.

    StackLeftError when Compose is done and something of the stack still exists,
    ForeignProjectError when somebody else started it. A command that works on the stack is waited
    for; the Compose of one that lasts too long is ended, LockBusyError where that is in vain.
    """
    session.refresh_engine_identity()
    asked, session = session, find_started_session(session)
    with at_work_alone(session, "down", PATIENCE) as lock:
        record = session.record()
        stopped = _down(session, record, arguments, lock)
        if stopped.whole and record is not None and session is not asked:
            below = record.project if record.shares_place else ""
            OwnFolder(record.place.directory, below).remove()
        if stopped.whole or not stopped.project:
            lock.remove()
        if not stopped.code:
            lock.mark_finished()
    forget_abandoned(recollections(session.context.environ))
    return stopped


def _down(
    session: Session,
    record: Lease | None,
    arguments: Sequence[str],
    lock: SessionLock,
) -> DownResult:
    project = session.expected_project_name(record)
    view = session.view
    if record is not None and view.has_other_id(record):
        refuse_elsewhere(record, view)
    try:
        containers = session.context.engine.containers(project)
    except (EngineError, ComposeMissingError) as error:
        # A frozen engine may have containers of a session without a record; the error says so.
        if record is not None or isinstance(error, EngineSilentError):
            raise
        containers = ()
    if record is not None:
        marked, adopts = is_marked(record, containers), session.options.adopt
        refuse_elsewhere(record, view, marked=marked, adopts=adopts)
    if record is None and (not containers or is_other_session(session, project)):
        note = f"nothing to do: no stack was ever started here (session {session.session_id})"
        return DownResult(0, session.session_id, "", released=False, note=note)
    proven = reject_foreign_containers(session, record, project, containers)
    if "--dry-run" not in arguments:
        kinds = ("network", "volume") if _takes_volumes(arguments) else ("network",)
        refuse_unproven(session, record, project, proven, kinds)
    if is_half_seeded(session, project):
        from composeports.usecases.seed import seed as seeding  # noqa: PLC0415 - only after a copy was killed

        seeding.repair(session, project)
    code = _run(session, project, arguments, lock)
    if not code and not _is_partial(arguments) and session.context.engine.containers(project):
        # The engine may still have been making what a Compose that was ended had asked it for.
        code = _run(session, project, arguments, lock)
    return _after_down(session, project, arguments, code)


def remove_half_started(session: Session, project: str, lock: SessionLock) -> str:
    """Take away what an `up` just made, but for volumes, release the lease, and say what is so."""
    _run(session, project, (), lock)
    left = leftovers(session, project)
    if left:
        return f"{left} of {project} exist, so the lease is kept: `composeports down` removes them"
    release_lease(session)
    session.folder.remove()
    return f"what was started of {project} is removed, and the lease is released"


def _run(session: Session, project: str, arguments: Sequence[str], lock: SessionLock) -> int:
    environ = _without_files_environ(session)
    argv = without_files(project, "down", *arguments, flags=session.options.flags)
    argv = as_plugin(argv, session.environ)

    def run() -> int:
        return session.context.run(
            argv,
            environ,
            out_to_stderr=True,
            inherited=(lock.number,),
            beat=heartbeat(session),
        )

    code = run()
    # The engine may still be taking containers off a network that Compose wants to remove.
    for pause in PAUSES:
        if not code or not _only_networks_left(session, project):
            break
        session.context.pause(pause)
        code = run()
    return code


def _only_networks_left(session: Session, project: str) -> bool:
    engine = session.context.engine
    return not engine.containers(project) and bool(engine.networks(project))


def _without_files_environ(session: Session) -> dict[str, str]:
    hidden = {"COMPOSE_FILE", "COMPOSE_ENV_FILES", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"}
    return {name: value for name, value in session.environ.items() if name not in hidden}


def _after_down(session: Session, name: str, arguments: Sequence[str], code: int) -> DownResult:
    session_id = session.session_id
    left = leftovers(session, name)
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
    record = session.record()
    release_lease(session)
    session.folder.remove()
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


def leftovers(session: Session, project: str) -> str:
    """Return "2 containers, 1 network" for what the engine still has of a project, or nothing."""
    engine = session.context.engine
    counts = {
        "container": len(engine.containers(project)),
        "network": len(engine.networks(project)),
    }
    return ", ".join(
        f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count
    )
