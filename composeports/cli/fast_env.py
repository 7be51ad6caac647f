"""The fast path of `composeports env`: a shell prompt may run it, so it imports almost nothing.

In the simple case (see `fast_session.py`) with a SQLite store, its output is exactly that of the
full command. All other cases, errors included, are left to the full command (`cli/env.py`).
"""

import os
import sys
import time
from collections.abc import Sequence

from composeports.cli.fast_session import FastSession, find_fast_session
from composeports.host.git import main_git_dir
from composeports.host.session_files import OWN_ENV, OWN_FOLDER, OWN_OVERRIDE
from composeports.paths import STORE_FILE, mentions, state_directory

FORMATS = {
    "": "export",
    "--format=export": "export",
    "--format=json": "json",
    "--json": "json",
    "--format=dotenv": "dotenv",
    "--format=fish": "fish",
}


def answer(arguments: Sequence[str]) -> int | None:
    """Print the environment and return 0; return None if the full command is needed."""
    if arguments[:1] != ["env"] or len(arguments) > 3:  # noqa: PLR2004 - env --format NAME
        return None
    form = FORMATS.get("=".join(arguments[1:]))
    if form is None:
        return None
    try:
        session = find_fast_session(os.environ)
        text = _printed(form, session) if session else None
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


def _printed(form: str, session: FastSession) -> str | None:
    # Imported late: the reader of the store and the output formats are needed only from here on.
    from composeports.core import environment  # noqa: PLC0415
    from composeports.core.shell import shell_environment  # noqa: PLC0415
    from composeports.stores.sqlite.fast_read import read_and_renew  # noqa: PLC0415

    path = os.path.join(state_directory(os.environ), STORE_FILE)
    row = read_and_renew(path, session.id, time.time())
    if row is None:
        return None
    start, _size, project, planned_variables, stack, location = row
    folder = os.path.join(session.directory, OWN_FOLDER)
    if location["directory"] != session.directory or location["git_dir"] != session.git_dir:
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
        common_dir=main_git_dir(session.git_dir) if session.git_dir else "",
    )
    text: str = environment.FORMATS[form](pairs)
    return text.rstrip("\n") + "\n"
