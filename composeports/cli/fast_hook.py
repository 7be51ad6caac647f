"""The command of git's post-checkout hook: runs at each checkout, imports little, never fails.

In a worktree that `git worktree add` has just created, it takes the lease. It also prints one line
about worktrees of this repository that no longer exist and still hold ports.
"""

import os
import sys
from collections.abc import Sequence

from composeports.cli.fast_session import changes_store
from composeports.core.folders import is_within
from composeports.host.git import find_checkout, is_linked, main_git_dir
from composeports.paths import STORE_FILE, state_directory

BRANCH = "1"


def answer(arguments: Sequence[str]) -> int:
    """Run the hook with the arguments `post-checkout OLD NEW FLAG`; always return 0."""
    try:
        if len(arguments) == 4 and arguments[0] == "post-checkout":  # noqa: PLR2004 - as git calls
            _after_checkout(*arguments[1:])
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - git has to continue
        _say(f"the hook could not do its work: {getattr(error, 'message', '') or error}")
    return 0


def _after_checkout(old: str, _new: str, flag: str) -> None:
    checkout = find_checkout(os.getcwd())
    if flag != BRANCH or checkout is None:
        return
    worktree, git_dir = checkout
    if not old.strip("0") and is_linked(git_dir):
        _allocate(worktree)
    gone_worktrees = _gone(main_git_dir(git_dir), git_dir)
    if gone_worktrees:
        names = ", ".join(gone_worktrees)
        _say(f"worktrees that are gone hold ports: {names}; `composeports gc` cleans up")


def _allocate(worktree: str) -> None:
    """Lease ports for a new worktree, if it has its own Compose file.

    The lease is unused until the worktree's first command. If all blocks are held, a line says so.
    """
    from composeports.cli.context import open_session  # noqa: PLC0415
    from composeports.errors import NoPortsAvailableError  # noqa: PLC0415
    from composeports.usecases.allocate import allocate  # noqa: PLC0415
    from composeports.usecases.files_of_main import with_files_of_main  # noqa: PLC0415
    from composeports.usecases.options import Options  # noqa: PLC0415
    from composeports.usecases.session import Session  # noqa: PLC0415

    with open_session(Options()) as session:
        # The session and files in the shell's environment belong to another worktree.
        hidden_prefixes = ("COMPOSEPORTS_SESSION", "COMPOSE_")
        environ = {
            name: text
            for name, text in session.context.environ.items()
            if not name.startswith(hidden_prefixes)
        }
        config = session.context.config._replace(session=None)
        context = session.context._replace(
            environ=environ, config=config, cwd=worktree, report=lambda _text: None
        )
        incoming = with_files_of_main(Session(context._replace(report=_say))).incoming
        worktree_session = Session(context, incoming=incoming, is_hook=True)
        if worktree_session.selection.files and is_within(
            os.path.realpath(worktree_session.selection.directory), worktree
        ):
            try:
                allocate(worktree_session)
            except NoPortsAvailableError as error:
                _say(
                    f"this worktree has no ports yet: {error.message}; its first `composeports up` "
                    "asks for them again"
                )


def _gone(repository: str, own: str) -> list[str]:
    """Return the repository's other worktrees that hold a lease and no longer exist."""
    # Only worktrees whose folder is missing are probed further, to save time.
    missing = {
        record["worktree"]: record
        for record in _places()
        if record["git_dir"].startswith(repository + "/worktrees/") and record["git_dir"] != own
        if not os.path.isdir(record["worktree"])
    }
    if not missing:
        return []
    from composeports.core.lease import WorktreeLocation  # noqa: PLC0415
    from composeports.usecases.gc.path_probe import probe_worktree  # noqa: PLC0415
    from composeports.usecases.gc.policy import GONE, worktree_state  # noqa: PLC0415 - rare

    locations = [WorktreeLocation(**record) for record in missing.values()]
    return [
        location.worktree
        for location in locations
        if worktree_state(location, probe_worktree(location)) == GONE
    ]


def _places() -> list[dict[str, str]]:
    """Return the worktree locations of all held leases in the configured store."""
    if os.environ.get("COMPOSEPORTS_STORE") or changes_store(os.environ):
        from composeports.config import Config  # noqa: PLC0415 - not for the machine's own store
        from composeports.docker.engine import Engine  # noqa: PLC0415 - the same
        from composeports.stores.open import open_store  # noqa: PLC0415 - the same

        leases = open_store(Config.from_env(os.environ).store, Engine(os.environ)).held()
        return [lease.place._asdict() for lease in leases if not lease.place.machine]
    from composeports.stores.sqlite.fast_read import read_places  # noqa: PLC0415 - not for files

    path = os.path.join(state_directory(os.environ), STORE_FILE)
    return read_places(path)


def _say(text: str) -> None:
    line = "".join(char if char.isprintable() else "?" for char in text)
    sys.stderr.write(f"composeports: {line}\n")
    sys.stderr.flush()
