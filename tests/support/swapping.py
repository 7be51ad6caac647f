"""Replace a folder by a link at each step of a function: `python swapping.py ACTION STEP FOLDER`.

The interpreter's audit events (open, mkdir, rename, remove, rmdir, listdir) are the steps. Before
the event with the number STEP, `.composeports` (or the hooks folder of git, for an action on a
hook) becomes a link to `elsewhere`. It prints how many events there were.
"""

import os
import sys
from collections.abc import Callable

from composeports.errors import ComposeportsError
from composeports.host.session_folder import OwnFolder
from composeports.usecases.hook.hook import install, uninstall
from composeports.usecases.link.env_file import renew, take_out

EVENTS = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.listdir"})
PAIRS = (("B", "2"),)


def actions(directory: str) -> dict[str, Callable[[], object]]:
    """Return the actions by name; the folder is swapped while one of them runs."""
    return {
        "write": lambda: OwnFolder(directory).write(".env", "SECRET=1\n"),
        "write-below": lambda: OwnFolder(directory, "ac-12345678").write(".env", "SECRET=1\n"),
        "remove": OwnFolder(directory).remove,
        "remove-below": OwnFolder(directory, "ac-12345678").remove,
        "link": lambda: renew(directory, "ac-12345678", PAIRS),
        "unlink": lambda: take_out(directory),
        "hook-install": lambda: install(directory, os.environ),
        "hook-uninstall": lambda: uninstall(directory, os.environ),
    }


def main(action: str, step: int, directory: str) -> None:
    """Do the action with the swap before one event."""
    act = actions(directory)[action]
    name = ".git/hooks" if action.startswith("hook") else ".composeports"
    own, elsewhere = f"{directory}/{name}", f"{directory}/elsewhere"
    count = 0
    watched = True

    def before(event: str, _arguments: tuple[object, ...]) -> None:
        nonlocal count, watched
        if not watched or event not in EVENTS:
            return
        count += 1
        if count == step:
            watched = False
            if os.path.lexists(own):
                os.rename(own, f"{directory}/aside")
            os.symlink(elsewhere, own)
            watched = True

    sys.addaudithook(before)
    try:
        act()
    except ComposeportsError as error:
        sys.stderr.write(error.message)
    watched = False
    sys.stdout.write(str(count))


main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
