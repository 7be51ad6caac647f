"""What the first `up` of a machine says, once, to somebody at a terminal."""

import os
from collections.abc import Mapping

from composeports.cli.context import inform
from composeports.cli.output import visible
from composeports.paths import state_directory

WELCOME = """\
That was the first stack on this machine. Its lease lies in {folder}, as will those of others.
Next: `composeports up` in another worktree, `composeports status`, `composeports down`."""


def is_first_here(environ: Mapping[str, str]) -> bool:
    """Tell whether nothing of ours is on this machine yet."""
    try:
        return not os.listdir(state_directory(environ))
    except FileNotFoundError:
        return True
    except OSError:
        return False


def welcome(environ: Mapping[str, str]) -> None:
    """Say where leases lie, and what to do next."""
    folder = state_directory(environ)
    home = os.path.expanduser("~")
    if folder.startswith(f"{home}/"):
        folder = "~" + folder.removeprefix(home)
    inform(WELCOME.format(folder=visible(folder)))
