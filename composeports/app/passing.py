"""Every Compose command that is not ours, on the session's project, files and environment."""

import os
from collections.abc import Sequence

from composeports.app.at_work import at_work
from composeports.app.leasing import environment_of, renew_lease
from composeports.app.planning import Wishes
from composeports.app.preparing import command_line, is_half_seeded, prepare
from composeports.app.workspace import Workspace
from composeports.core.lease import Lease
from composeports.errors import SeedBusyError
from composeports.host.compose import Compose, without_files
from composeports.host.compose_files import OWN_ENV, OWN_OVERRIDE, Selection
from composeports.host.process import replace

# Compose commands that read the files to make something, so that the plan has to be up to date.
MAKING = frozenset(
    {"build", "config", "create", "publish", "pull", "push", "run", "scale", "watch"}
)
# Those of them that start containers.
STARTING = frozenset({"create", "run", "scale", "watch"})


def pass_through(workspace: Workspace, command: str, arguments: Sequence[str] = ()) -> int:
    """Become `docker compose COMMAND` on the session's project, files and environment."""
    if command in MAKING:
        lease = workspace.held_lease()
        if command in STARTING and is_half_seeded(workspace, lease.project):
            raise SeedBusyError(
                f"the volumes of {lease.project} are not whole: a copy into them did not end",
                hint="`composeports up` makes it again, `composeports down` takes it away",
                project=lease.project,
            )
        wishes = Wishes(default_ports=lease.stack.default_ports)
        with at_work(workspace, command):
            prepared = prepare(workspace, wishes, engine_needed=command != "config")
        argv, environ = command_line(workspace, prepared, command, *arguments)
        return replace(argv, environ)
    lease = renew_lease(workspace)
    environ = {**workspace.environ, **dict(environment_of(lease))}
    return replace(_on_recorded_files(workspace, lease, command, *arguments), environ)


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
