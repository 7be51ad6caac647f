"""The fast path of `composeports env`: a shell prompt may run it, so it imports almost nothing.

In the simple case (this worktree's own session, a local engine, a SQLite store, no settings file
that names Compose files) its output is exactly that of the full command. All other cases, errors
included, are left to the full command (`cli/env.py`).
"""

import os
import sys
import time
from collections.abc import Sequence

from composeports.core.session import derive_session_id
from composeports.docker.compose_files import select_files
from composeports.docker.context import find_endpoint
from composeports.host.git import find_checkout, main_git_dir, original_of
from composeports.host.session_files import OWN_ENV, OWN_FOLDER, OWN_OVERRIDE
from composeports.paths import STORE_FILE, mentions, settings_files, state_directory

FORMATS = {
    "": "export",
    "--format=export": "export",
    "--format=json": "json",
    "--format=dotenv": "dotenv",
}
# With any of these variables the full command has something to check or to choose.
LEFT_ALONE = ("PORT_ALLOC_", "COMPOSEPORTS_S", "COMPOSEPORTS_WRAP_", "COMPOSE_")
BUT_NOT = "COMPOSEPORTS_STATE_DIR"


def answer(arguments: Sequence[str]) -> int | None:
    """Print the environment and return 0; return None if the full command is needed."""
    if arguments[:1] != ["env"] or len(arguments) > 3:  # noqa: PLR2004 - env --format NAME
        return None
    form = FORMATS.get("=".join(arguments[1:]))
    if form is None or any(map(_matters, os.environ)):
        return None
    try:
        text = _environment(form)
    except Exception:  # noqa: BLE001 - the full command reports the error properly
        return None
    if text is None:
        return None
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader has ended; otherwise Python would report another error when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _matters(name: str) -> bool:
    return name.startswith(LEFT_ALONE) and name != BUT_NOT


def _names_files(path: str) -> bool:
    """Return True if a settings file may set `files`, the only one that changes the session."""
    return mentions(path, b"files", beside=b"profiles")


def _environment(form: str) -> str | None:
    cwd = os.environ.get("PWD", "")
    if not os.path.isabs(cwd) or os.path.realpath(cwd) != os.path.realpath(os.getcwd()):
        return None
    if not find_endpoint(os.environ).local:
        return None
    checkout = find_checkout(cwd)
    if any(map(_names_files, settings_files(cwd, checkout and checkout[0]))):
        return None
    selection = select_files(cwd, os.environ)
    directory = os.path.realpath(selection.directory)
    worktree, git_dir = find_checkout(directory) or (directory, None)
    if not selection.files and git_dir is not None:
        directory = worktree
    if git_dir is not None and original_of(worktree, git_dir):
        return None  # a copied worktree: the full command reports the error
    session_id = derive_session_id(git_dir, worktree, directory)
    return _printed(form, session_id, directory, git_dir or "")


def _printed(form: str, session_id: str, directory: str, git_dir: str) -> str | None:
    # Imported late: the reader of the store and the output formats are needed only from here on.
    from composeports.core import environment  # noqa: PLC0415
    from composeports.core.shell import shell_environment  # noqa: PLC0415
    from composeports.stores.sqlite.fast_read import read_and_renew  # noqa: PLC0415

    path = os.path.join(state_directory(os.environ), STORE_FILE)
    row = read_and_renew(path, session_id, time.time())
    if row is None:
        return None
    start, _size, project, planned_variables, stack, location = row
    folder = os.path.join(directory, OWN_FOLDER)
    if location["directory"] != directory or location["git_dir"] != git_dir:
        return None  # the worktree was moved: the full command finds the session and the files
    if stack["files"] and not mentions(os.path.join(folder, OWN_ENV), project.encode()):
        return None  # another repository may be in this folder now
    files = list(stack["files"]) + [os.path.join(folder, OWN_OVERRIDE)] * bool(stack["overridden"])
    env_files = [*stack["env_files"], os.path.join(folder, OWN_ENV)]
    pairs = shell_environment(
        start,
        project,
        planned_variables,
        files,
        env_files,
        stack["profiles"],
        common_dir=main_git_dir(git_dir) if git_dir else "",
    )
    text: str = environment.FORMATS[form](pairs)
    return text.rstrip("\n") + "\n"
