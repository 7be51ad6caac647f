"""Run any other Compose command on the session's project, files and environment."""

import os
from collections.abc import Mapping, Sequence

from composeports.core.lease import Lease
from composeports.core.plan.plan import Plan
from composeports.docker.compose_cli import Compose, as_plugin, without_engine, without_files
from composeports.docker.compose_files import Selection
from composeports.errors import SeedBusyError
from composeports.host.process import exec_program
from composeports.host.session_files import OWN_ENV, OWN_OVERRIDE
from composeports.usecases.files_of_main import with_files_of_main
from composeports.usecases.lease import environment_of, renew_lease
from composeports.usecases.options import PlanOptions
from composeports.usecases.prepare import command_line, is_half_seeded, prepare
from composeports.usecases.session import Session
from composeports.usecases.session_lock import hold_session_lock

# Compose commands that use the current files, so that the plan must be up to date.
MAKING = frozenset(
    {"build", "config", "create", "publish", "pull", "push", "run", "scale", "watch"}
)
# Compose commands that need no lease before the first `up`: they start and publish nothing.
READING = frozenset({"config", "images", "pull"})
# Compose commands that create or start containers.
STARTING = frozenset({"create", "run", "scale", "up", "watch"})


def pass_through(session: Session, command: str, arguments: Sequence[str] = ()) -> int:
    """Replace this process with `docker compose COMMAND` on the session's stack.

    Before the first `up`, commands that use the current files reserve the lease, and those of
    READING do without one. NoLeaseError for other commands if the session holds no lease.
    """
    record = session.record()
    has_lease = record is not None and record.held
    if command in READING and not has_lease:
        return exec_program(*_without_lease(session, command, arguments))
    if command not in MAKING:
        lease = renew_lease(session)
        return exec_program(*on_recorded_files(session, lease, command, *arguments))
    session = with_files_of_main(session)
    options = PlanOptions(default_ports=record is not None and record.stack.default_ports)
    argv, environ, _ = planned(session, options, command, *arguments)
    return exec_program(_config_alone(session, argv, command), environ)


def _without_lease(
    session: Session, command: str, arguments: Sequence[str]
) -> tuple[list[str], Mapping[str, str]]:
    """Return a command line on the files as they are, which starts and publishes nothing."""
    if command == "config":
        session.context.report(
            "this session holds no ports yet, so these are the file's own; `composeports plan` "
            "shows what `composeports up` changes"
        )
    project = session.expected_project_name(session.record())
    argv = session.compose.argv(project, command, *arguments)
    return _config_alone(session, argv, command), session.environ


def _config_alone(session: Session, argv: list[str], command: str) -> list[str]:
    """Return the command line; `config` does not contact the engine.

    If `docker` is a script, call it: it may do more than start the plugin.
    """
    if command == "config" and as_plugin(argv, session.environ) != argv:
        return without_engine(argv, session.environ)
    return argv


def planned(
    session: Session, options: PlanOptions, command: str, *arguments: str
) -> tuple[list[str], dict[str, str], Plan]:
    """Return a command line on the current files, its environment and the plan.

    Reserve the lease and write the session's files under the session lock. SeedBusyError if the
    command starts containers while a copy into the stack's volumes is incomplete.
    """
    project = session.expected_project_name(session.record())
    if command in STARTING and is_half_seeded(session, project):
        raise SeedBusyError(
            f"the volumes of {project} are not whole: a copy into them did not end",
            hint="`composeports up` creates it again, `composeports down` removes it",
            project=project,
        )
    with hold_session_lock(session, command):
        prepared = prepare(session, options, engine_needed=command != "config")
    return *command_line(session, prepared, command, *arguments), prepared.plan


def on_recorded_files(
    session: Session, lease: Lease, *arguments: str
) -> tuple[list[str], dict[str, str]]:
    """Return a command line on the files of the last `up`, and its environment.

    If one of these files is missing, Compose finds the stack by its labels alone.
    """
    environ = {**session.environ, **dict(environment_of(lease))}
    flags = session.options.flags
    stack = lease.stack
    override = os.path.join(session.folder.path, OWN_OVERRIDE)
    own_env = os.path.join(session.folder.path, OWN_ENV)
    files = (override,) if stack.overridden else ()
    if not stack.files or not all(
        map(os.path.exists, (*stack.files, *stack.env_files, *files, own_env))
    ):
        return without_files(lease.project, *arguments, flags=flags), environ
    selection = Selection(session.selection.directory, stack.files, stack.env_files, {})
    profiles = session.options.profiles or stack.profiles
    compose = Compose(selection, session.environ, profiles, flags)
    argv = compose.argv(lease.project, *arguments, files=files, env_files=(own_env,))
    return argv, environ
