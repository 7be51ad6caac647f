"""Remove a stack by its labels, and release its lease when nothing of the stack is left."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from composeports.core.lease import Lease
from composeports.core.other_engine import reject_other_engine
from composeports.docker.compose_cli import as_plugin, without_files
from composeports.docker.config_cache import forget_abandoned
from composeports.docker.containers import Container
from composeports.errors import ComposeMissingError, EngineError, EngineSilentError, StackLeftError
from composeports.host.record_file import remove_record
from composeports.host.session_folder import OwnFolder
from composeports.host.session_lock_file import SessionLock
from composeports.paths import config_cache_folder, first_up_record
from composeports.usecases.lease import is_marked, renewal_heartbeat
from composeports.usecases.ownership import (
    is_other_session,
    refuse_unproven,
    reject_foreign_containers,
)
from composeports.usecases.prepare import is_half_seeded
from composeports.usecases.release import release_lease
from composeports.usecases.session import Session
from composeports.usecases.session_lock import hold_session_lock_exclusively
from composeports.usecases.session_lookup import find_started_session

# Seconds to wait for another command that holds the session lock.
LOCK_TIMEOUT_SECONDS = 5.0
# Seconds to wait before each further try, while a busy engine disconnects a network. If a container
# is on the network, Compose leaves the network and succeeds, so there is no further try.
WAIT_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


class DownResult(NamedTuple):
    """The result of `down`: Compose's exit code, and a line about the lease (`note`).

    `released` is True if a lease was released, `whole` if nothing of the stack is left.
    """

    code: int
    session_id: str
    project: str
    released: bool
    note: str
    whole: bool = False


def down(session: Session, arguments: Sequence[str] = ()) -> DownResult:
    """Run `docker compose down` by the project's labels; release the lease if nothing is left.

    Wait up to LOCK_TIMEOUT_SECONDS for another command that holds the session lock, then
    end the Compose process of that command. LockBusyError if this process does not end,
    StackLeftError if Compose succeeded but a part of the stack still exists, ForeignProjectError if
    another session or plain Compose started the stack.
    """
    session.refresh_engine_identity()
    initial_session, session = session, find_started_session(session)
    with hold_session_lock_exclusively(session, "down", LOCK_TIMEOUT_SECONDS) as lock:
        record = session.record()
        result = _down(session, record, arguments, lock)
        if result.whole and record is not None and session is not initial_session:
            subfolder = record.project if record.shares_place else ""
            OwnFolder(record.place.directory, subfolder).remove()
        if result.whole or not result.project:
            lock.remove()
        if not result.code:
            lock.mark_finished()
    forget_abandoned(config_cache_folder(session.context.environ))
    return result


def _down(
    session: Session,
    record: Lease | None,
    arguments: Sequence[str],
    lock: SessionLock,
) -> DownResult:
    project = session.expected_project_name(record)
    view = session.view
    if record is not None and view.has_other_id(record):
        reject_other_engine(record, view)
    try:
        containers = session.context.engine.containers(project)
    except (EngineError, ComposeMissingError) as error:
        # An engine that does not answer may have containers of a session without a record.
        if record is not None or isinstance(error, EngineSilentError):
            raise
        containers = ()
    if record is not None:
        marked, adopt_allowed = is_marked(record, containers), session.options.adopt
        reject_other_engine(record, view, marked=marked, adopt_allowed=adopt_allowed)
    if record is None and (not containers or is_other_session(session, project)):
        note = f"nothing to do: no stack was ever started here (session {session.session_id})"
        note += _not_meant(named_services(arguments))
        return DownResult(0, session.session_id, "", released=False, note=note)
    absent = [name for name in named_services(arguments) if name not in _services_of(containers)]
    if absent and len(absent) == len(named_services(arguments)):
        # Compose, which finds the stack by its labels, would remove every service.
        note = f"nothing to do: {project} has no container of {', '.join(absent)}"
        return DownResult(0, session.session_id, project, released=False, note=note)
    store_ids = reject_foreign_containers(session, record, project, containers)
    if "--dry-run" not in arguments:
        kinds = ("network", "volume") if takes_volumes(arguments) else ("network",)
        refuse_unproven(session, record, project, store_ids, kinds)
    if is_half_seeded(session, project):
        from composeports.usecases.seed import seed as seeding  # noqa: PLC0415 - rarely needed

        seeding.repair(session, project)
    code = _run(session, project, arguments, lock)
    if not code and not _is_partial(arguments) and session.context.engine.containers(project):
        # The engine may have created more containers for the Compose process that was ended.
        code = _run(session, project, arguments, lock)
    return _after_down(session, project, arguments, code)


def _not_meant(names: Sequence[str]) -> str:
    """Return what to add where a name is neither a service nor a session; "" without names."""
    return f", and no session is meant by {', '.join(names)}" if names else ""


def remove_half_started(session: Session, project: str, lock: SessionLock) -> str:
    """Remove what an `up` has just created, except volumes; return a message about the result.

    The lease is released if no container and no network of the project is left.
    """
    _run(session, project, (), lock)
    parts = leftovers(session, project)
    if parts:
        return f"{parts} of {project} exist, so the lease is kept: `composeports down` removes them"
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
            pass_fds=(lock.descriptor,),
            heartbeat=renewal_heartbeat(session),
        )

    code = run()
    # The engine may still be disconnecting containers from a network that Compose removes.
    for seconds in WAIT_SECONDS:
        if not code or not _only_networks_left(session, project):
            break
        session.context.sleep(seconds)
        code = run()
    session.store.reread()  # Compose takes long, and not every program takes the session lock
    return code


def _only_networks_left(session: Session, project: str) -> bool:
    engine = session.context.engine
    return not engine.containers(project) and bool(engine.networks(project))


def _without_files_environ(session: Session) -> dict[str, str]:
    names = {"COMPOSE_FILE", "COMPOSE_ENV_FILES", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"}
    return {name: value for name, value in session.environ.items() if name not in names}


def _after_down(session: Session, name: str, arguments: Sequence[str], code: int) -> DownResult:
    session_id = session.session_id
    parts = leftovers(session, name)
    if parts and (code or _is_partial(arguments)):
        note = f"{parts} of {name} exist, so the lease is kept"
        return DownResult(code, session_id, name, released=False, note=note)
    if parts:
        raise StackLeftError(
            f"{parts} of {name} are still there after `docker compose down`; the lease is kept",
            hint="end what uses them (`docker network inspect`, `docker ps`), then run "
            "`composeports down` again",
            project=name,
        )
    record = session.record()
    if takes_volumes(arguments):
        remove_record(first_up_record(session.context.environ, name))
    release_lease(session)
    session.folder.remove()
    note = f"removed {name}, which was not in the store"
    if record is not None:
        note = f"released {record.block.start}-{record.block.last} ({name})"
    released = record is not None and record.held
    return DownResult(code, session_id, name, released=released, note=note, whole=True)


def _services_of(containers: Iterable[Container]) -> set[str]:
    return {container.service for container in containers}


def takes_volumes(arguments: Sequence[str]) -> bool:
    """Return True if the arguments of `down` remove volumes; `-vt5` is `-v` and `-t 5`."""
    return any(
        argument.partition("=")[0] == "--volumes" and argument != "--volumes=false"
        if argument.startswith("--")
        else argument.startswith("-") and "v" in argument
        for argument in arguments
    )


def _is_partial(arguments: Sequence[str]) -> bool:
    """Return True if the arguments of `down` leave a part of the stack, or all of it."""
    return "--dry-run" in arguments or any(named_services(arguments))


def named_services(arguments: Sequence[str]) -> list[str]:
    """Return the words that are neither options nor the values of some."""
    services: list[str] = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in {"--rmi", "--timeout", "-t", "--wait-timeout"}:
            skip = True
        elif not argument.startswith("-"):
            services.append(argument)
    return services


def leftovers(session: Session, project: str) -> str:
    """Return the project's remaining resources, such as "2 containers, 1 network", else ""."""
    engine = session.context.engine
    counts = {
        "container": len(engine.containers(project)),
        "network": len(engine.networks(project)),
    }
    return ", ".join(
        f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count
    )
