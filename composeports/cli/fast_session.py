"""Finds the session of the current folder with few imports, in the simple case.

That is this worktree's own session, on a local engine, with no variable or settings file that
selects other Compose files. All other cases are left to the full command.
"""

import os
from collections.abc import Mapping

from composeports.core.session import derive_session_id
from composeports.docker.compose_files import Selection, select_files
from composeports.docker.context import find_endpoint
from composeports.host.git import find_checkout, original_of
from composeports.paths import machine_settings_file, mentions, settings_files

# With any of these variables the full command has something to check or to choose.
LEFT_ALONE = ("PORT_ALLOC_", "COMPOSEPORTS_S", "COMPOSEPORTS_WRAP_", "COMPOSE_")
BUT_NOT = "COMPOSEPORTS_STATE_DIR"


class FastSession:
    """A session: its id, its Compose files, and the real paths of its folders.

    `git_dir` is empty outside of git. `cwd` is the working directory as the shell names it, and
    `top` the top of its checkout.
    """

    __slots__ = ("cwd", "directory", "git_dir", "id", "selection", "top", "worktree")

    def __init__(self, cwd: str, top: str | None, selection: Selection) -> None:
        """Find the folders and the id."""
        self.cwd = cwd
        self.top = top
        self.selection = selection
        directory = os.path.realpath(selection.directory)
        self.worktree, self.git_dir = find_checkout(directory) or (directory, "")
        self.directory = directory if selection.files or not self.git_dir else self.worktree
        self.id = derive_session_id(self.git_dir or None, self.worktree, self.directory)


def find_fast_session(environ: Mapping[str, str]) -> FastSession | None:
    """Return the session of the current folder; None if the full command is needed to find it."""
    cwd = environ.get("PWD", "")
    if not os.path.isabs(cwd) or os.path.realpath(cwd) != os.path.realpath(os.getcwd()):
        return None
    if any(map(_matters, environ)) or not find_endpoint(environ).local:
        return None
    if changes_store(environ):
        return None
    checkout = find_checkout(cwd)
    top = checkout and checkout[0]
    if any(map(_selects_files, settings_files(cwd, top))):
        return None
    session = FastSession(cwd, top, select_files(cwd, environ))
    is_copy = session.git_dir and original_of(session.worktree, session.git_dir)
    return None if is_copy else session  # of a copied worktree, the full command reports the error


def changes_store(environ: Mapping[str, str]) -> bool:
    """Return True if the user's settings file may name another store or time to live."""
    path = machine_settings_file(environ)
    return os.path.exists(path) and (mentions(path, b"store") or mentions(path, b"ttl_minutes"))


def _matters(name: str) -> bool:
    return name.startswith(LEFT_ALONE) and name != BUT_NOT


def _selects_files(path: str) -> bool:
    """Return True if a settings file may set `files`, the only one that changes the session."""
    return mentions(path, b"files", beside=b"profiles")
