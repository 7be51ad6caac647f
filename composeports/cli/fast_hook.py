"""The command of git's post-checkout hook: runs at each checkout, imports little, never fails.

In a worktree that `git worktree add` has just created, it takes the lease. It also prints one line
about worktrees of this repository that no longer exist and still hold ports.
"""

import os
import sys
from collections.abc import Sequence

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
    gone = _gone(main_git_dir(git_dir), git_dir)
    if gone:
        names = ", ".join(gone)
        _say(f"worktrees that are gone hold ports: {names}; `composeports gc` cleans up")


def _allocate(worktree: str) -> None:
    """Lease ports for a new worktree, if it has its own Compose file."""
    from dataclasses import replace  # noqa: PLC0415 - only for a new worktree

    from composeports.cli.context import open_session  # noqa: PLC0415
    from composeports.usecases.lease import allocate  # noqa: PLC0415
    from composeports.usecases.options import Options  # noqa: PLC0415
    from composeports.usecases.session import Session  # noqa: PLC0415

    with open_session(Options()) as here:
        # The session and files in the shell's environment belong to another worktree.
        hidden = ("COMPOSEPORTS_SESSION", "COMPOSE_")
        environ = {
            name: text for name, text in here.context.environ.items() if not name.startswith(hidden)
        }
        config = replace(here.context.config, session=None)
        context = here.context._replace(
            environ=environ, config=config, cwd=worktree, say=lambda _text: None
        )
        new = Session(context)
        if new.selection.files and _is_within(os.path.realpath(new.selection.directory), worktree):
            allocate(new)


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _gone(repository: str, own: str) -> list[str]:
    """Return the repository's other worktrees that hold a lease and no longer exist."""
    # Only worktrees whose folder is missing are probed further, to save time.
    missing = {
        place["worktree"]: place
        for place in _places()
        if place["git_dir"].startswith(repository + "/worktrees/") and place["git_dir"] != own
        if not os.path.isdir(place["worktree"])
    }
    if not missing:
        return []
    from composeports.core.lease import WorktreeLocation  # noqa: PLC0415
    from composeports.usecases.gc.path_probe import probe_worktree  # noqa: PLC0415
    from composeports.usecases.gc.policy import GONE, whereabouts  # noqa: PLC0415 - rare

    places = [WorktreeLocation(**place) for place in missing.values()]
    return [each.worktree for each in places if whereabouts(each, probe_worktree(each)) == GONE]


def _places() -> list[dict[str, str]]:
    """Return the worktree locations of all held leases in the configured store."""
    if url := os.environ.get("COMPOSEPORTS_STORE"):
        from composeports.docker.engine import Engine  # noqa: PLC0415
        from composeports.stores.open import open_store  # noqa: PLC0415

        held = open_store(url, Engine(os.environ)).held()
        return [lease.place._asdict() for lease in held if not lease.place.machine]
    from composeports.stores.sqlite.fast_read import read_places  # noqa: PLC0415 - not for files

    path = os.path.join(state_directory(os.environ), STORE_FILE)
    return read_places(path)


def _say(text: str) -> None:
    shown = "".join(char if char.isprintable() else "?" for char in text)
    sys.stderr.write(f"composeports: {shown}\n")
    sys.stderr.flush()
