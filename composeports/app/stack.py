"""Starting, stopping and reaching a session's stack: up, down, plan, and all of Compose's rest."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from composeports.app.leasing import (
    environment_of,
    likely_lease,
    release_lease,
    renew_lease,
    restore,
    take_lease,
)
from composeports.app.planning import Wishes, draft, look
from composeports.app.stranded import where_started
from composeports.app.workspace import Workspace
from composeports.core.environment import as_dotenv
from composeports.core.lease import Lease
from composeports.core.override import render
from composeports.core.plan import Plan
from composeports.core.project import Project
from composeports.errors import (
    ComposeMissingError,
    ComposeportsError,
    EngineError,
    SeedBusyError,
    StackLeftError,
)
from composeports.host.compose import Compose, as_plugin, without_files
from composeports.host.compose_files import OWN_ENV, OWN_MEMORY, OWN_OVERRIDE, Selection
from composeports.host.engine import Container
from composeports.host.files import OwnFolder
from composeports.host.process import replace as replace_process
from composeports.host.process import run_in_foreground
from composeports.location import seed_record

if TYPE_CHECKING:
    from composeports.app.seeding import Seed, Seeded

# Compose commands that read the files to make something, so that the plan has to be up to date.
MAKING = frozenset(
    {"build", "config", "create", "publish", "pull", "push", "run", "scale", "watch"}
)
# Those of them that start containers.
STARTING = frozenset({"create", "run", "scale", "watch"})
# `up` options with which Compose stays in the foreground.
FOREGROUND = (
    "--abort-on-container-exit",
    "--abort-on-container-failure",
    "--attach-dependencies",
    "--exit-code-from",
    "--menu",
    "--no-attach",
    "--watch",
    "-w",
)


NO_WISHES = Wishes()
POOLS_USED_UP = "the engine's own address pools are used up: trying again with subnets of our own"


@dataclass(frozen=True, slots=True)
class Started:
    """What `up` did: Compose's exit code, the plan, and the stack's containers afterwards."""

    code: int
    lease: Lease
    plan: Plan
    containers: tuple[Container, ...] = ()
    note: str = ""
    seeded: "tuple[Seeded, ...]" = ()


@dataclass(frozen=True, slots=True)
class _Prepared:
    lease: Lease
    plan: Plan
    before: Lease | None
    project: Project


def plan(workspace: Workspace, wishes: Wishes = NO_WISHES) -> Plan:
    """Return what `up` would do now; writes nothing and leases nothing."""
    answer, containers = look(workspace, engine_needed=False)
    sketch = draft(workspace, answer.observed, wishes, engine_needed=False)
    lease = likely_lease(workspace, containers, sketch.finish, sketch.pins)
    return sketch.plan(lease)


def up(  # noqa: PLR0913 - most are keywords
    workspace: Workspace,
    arguments: Sequence[str] = (),
    wishes: Wishes = NO_WISHES,
    *,
    attach: bool = False,
    meanwhile: Callable[[], None] | None = None,
    seed: "Seed | None" = None,
) -> Started:
    """Lease, plan, write, and run `docker compose up`; a failure leaves a state that is told.

    `meanwhile` is called while Compose works; `seed` fills empty volumes before. Where the engine
    has no address pool left for a network, all is tried once more with subnets that the session
    leases.
    """
    foreground = attach or _stays_in_foreground(arguments)
    words = ("up", *(() if foreground else ("--detach",)), *arguments)
    prepared = _prepare(workspace, wishes)
    seeded = _seeded(workspace, prepared, seed if "--dry-run" not in arguments else None)
    code = _run(workspace, prepared, words, foreground=foreground, meanwhile=meanwhile)
    if code and not foreground and workspace.doors.engine.pools_used_up():
        workspace.doors.say(POOLS_USED_UP)
        prepared = _prepare(workspace.asking_again(), replace(wishes, spill=True))
        code = _run(workspace, prepared, words, foreground=foreground)
    if code:
        note = _after_failure(workspace, prepared)
        return Started(code, prepared.lease, prepared.plan, note=note, seeded=seeded)
    containers = workspace.doors.engine.containers(prepared.lease.project)
    return Started(code, prepared.lease, prepared.plan, containers, seeded=seeded)


def _seeded(workspace: Workspace, prepared: _Prepared, seed: "Seed | None") -> "tuple[Seeded, ...]":
    """Fill empty volumes; a failure leaves the lease as it was, and is told."""
    if seed is None and not _is_half_seeded(workspace, prepared.lease):
        return ()
    from composeports.app import seeding  # noqa: PLC0415 - most stacks start without

    plan = prepared.plan
    try:
        return seeding.seed(workspace, seed, prepared.lease, prepared.project, plan.override)
    except BaseException:
        restore(workspace, prepared.before)
        if prepared.before is None or not prepared.before.held:
            workspace.folder.remove()
        workspace.doors.say("nothing was started, and the lease is as it was before")
        raise


def _is_half_seeded(workspace: Workspace, lease: Lease) -> bool:
    """Tell whether a copy into the session's volumes was begun and did not end."""
    return os.path.exists(seed_record(workspace.doors.environ, lease.project))


def _run(
    workspace: Workspace,
    prepared: _Prepared,
    words: Sequence[str],
    *,
    foreground: bool,
    meanwhile: Callable[[], None] | None = None,
) -> int:
    argv, environ = _command(workspace, prepared, *words)
    argv = as_plugin(argv, environ)
    return run_in_foreground(argv, environ, out_to_stderr=not foreground, meanwhile=meanwhile)


def _stays_in_foreground(arguments: Sequence[str]) -> bool:
    return any(argument.partition("=")[0] in FOREGROUND for argument in arguments)


def _prepare(
    workspace: Workspace, wishes: Wishes = NO_WISHES, *, engine_needed: bool = True
) -> _Prepared:
    """Take the lease and write the session's files; where that fails, all is as it was before."""
    before = workspace.record()
    answer, containers = look(workspace, engine_needed=engine_needed)
    sketch = draft(workspace, answer.observed, wishes, engine_needed=engine_needed)
    lease = take_lease(workspace, containers, sketch.finish, sketch.pins)
    made = sketch.plan(lease)
    try:
        _write(workspace, made, answer.memory)
    except ComposeportsError:
        restore(workspace, before)
        raise
    return _Prepared(lease, made, before, answer.observed.project)


def _write(workspace: Workspace, made: Plan, memory: str) -> None:
    folder = workspace.folder
    folder.write(OWN_ENV, as_dotenv(made.environment))
    folder.write(OWN_OVERRIDE, render(made.override or {"services": {}}))
    folder.write(OWN_MEMORY, memory)


def _command(
    workspace: Workspace, prepared: _Prepared, *arguments: str
) -> tuple[list[str], dict[str, str]]:
    folder = workspace.folder.path
    files = (os.path.join(folder, OWN_OVERRIDE),) if prepared.plan.override else ()
    env_files = (os.path.join(folder, OWN_ENV),)
    argv = workspace.compose.argv(
        prepared.lease.project, *arguments, files=files, env_files=env_files
    )
    return argv, {**workspace.environ, **dict(prepared.plan.environment)}


def _after_failure(workspace: Workspace, prepared: _Prepared) -> str:
    """Release the lease when nothing of the project exists, and say what is so."""
    project = prepared.lease.project
    try:
        left = _leftovers(workspace, project)
    except (EngineError, ComposeMissingError):
        return f"the engine does not answer any more: the lease of {project} is kept"
    if left:
        return (
            f"{left} of {project} exist, so the lease is kept: `composeports up` tries again, "
            "`composeports down` removes them"
        )
    release_lease(workspace)
    workspace.folder.remove()
    return f"nothing of {project} exists, so the lease is released"


def _leftovers(workspace: Workspace, project: str) -> str:
    """Return "2 containers, 1 network" for what the engine still has of a project, or nothing."""
    engine = workspace.doors.engine
    counts = {
        "container": len(engine.containers(project)),
        "network": len(engine.networks(project)),
    }
    return ", ".join(
        f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count
    )


@dataclass(frozen=True, slots=True)
class Stopped:
    """What `down` did: Compose's exit code, and a line that says how the lease stands."""

    code: int
    session_id: str
    project: str
    released: bool
    note: str


def down(workspace: Workspace, arguments: Sequence[str] = ()) -> Stopped:
    """Run `docker compose down` by the project's labels, then release once nothing is left.

    StackLeftError when Compose is done and something of the stack still exists.
    """
    asked, workspace = workspace, where_started(workspace)
    record = workspace.record()
    if record is None:
        note = f"nothing to do: no stack was ever started here (session {workspace.session_id})"
        return Stopped(0, workspace.session_id, "", released=False, note=note)
    workspace.doors.engine.containers(record.project)  # an engine that is away is told as such
    if _is_half_seeded(workspace, record):
        from composeports.app import seeding  # noqa: PLC0415 - only after a copy was killed

        seeding.repair(workspace, record.project)
    environ = _without_files_environ(workspace)
    argv = without_files(record.project, "down", *arguments, flags=workspace.options.flags)
    code = run_in_foreground(as_plugin(argv, environ), environ, out_to_stderr=True)
    stopped = _after_down(workspace, record, arguments, code)
    if stopped.released and workspace is not asked:
        OwnFolder(record.place.directory).remove()
    return stopped


def _without_files_environ(workspace: Workspace) -> dict[str, str]:
    hidden = {"COMPOSE_FILE", "COMPOSE_ENV_FILES", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"}
    return {name: value for name, value in workspace.environ.items() if name not in hidden}


def _after_down(
    workspace: Workspace, record: Lease, arguments: Sequence[str], code: int
) -> Stopped:
    name = record.project
    left = _leftovers(workspace, name)
    partial = "--dry-run" in arguments or any(_named_services(arguments))
    if left and (code or partial):
        note = f"{left} of {name} exist, so the lease is kept"
        return Stopped(code, record.session_id, name, released=False, note=note)
    if left:
        raise StackLeftError(
            f"{left} of {name} are still there after `docker compose down`; the lease is kept",
            hint="end what uses them (`docker network inspect`, `docker ps`), then run "
            "`composeports down` again",
            project=name,
        )
    release_lease(workspace)
    workspace.folder.remove()
    note = f"released {record.block.start}-{record.block.last} ({name})"
    return Stopped(code, record.session_id, name, released=True, note=note)


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


def pass_through(workspace: Workspace, command: str, arguments: Sequence[str] = ()) -> int:
    """Become `docker compose COMMAND` on the session's project, files and environment."""
    if command in MAKING:
        lease = workspace.held_lease()
        if command in STARTING and _is_half_seeded(workspace, lease):
            raise SeedBusyError(
                f"the volumes of {lease.project} are not whole: a copy into them did not end",
                hint="`composeports up` makes it again, `composeports down` takes it away",
                project=lease.project,
            )
        wishes = Wishes(default_ports=lease.stack.default_ports)
        prepared = _prepare(workspace, wishes, engine_needed=command != "config")
        argv, environ = _command(workspace, prepared, command, *arguments)
        return replace_process(argv, environ)
    lease = renew_lease(workspace)
    environ = {**workspace.environ, **dict(environment_of(lease))}
    return replace_process(_on_recorded_files(workspace, lease, command, *arguments), environ)


def _on_recorded_files(workspace: Workspace, lease: Lease, *arguments: str) -> list[str]:
    """Return the command on the files of the last `up`; by labels alone where one is gone."""
    flags = workspace.options.flags
    stack = lease.stack
    override = os.path.join(workspace.folder.path, OWN_OVERRIDE)
    own_env = os.path.join(workspace.folder.path, OWN_ENV)
    files = (override,) if stack.overridden else ()
    if not stack.files or not all(
        map(os.path.exists, (*stack.files, *stack.env_files, *files, own_env))
    ):
        return without_files(lease.project, *arguments, flags=flags)
    selection = Selection(workspace.selection.directory, stack.files, stack.env_files, {})
    profiles = workspace.options.profiles or stack.profiles
    compose = Compose(selection, workspace.environ, profiles, flags)
    return compose.argv(lease.project, *arguments, files=files, env_files=(own_env,))
