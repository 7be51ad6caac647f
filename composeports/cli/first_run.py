"""The message after the first `up` on a machine, printed once and only on a terminal."""

import os
from collections.abc import Mapping

from composeports.cli.context import inform
from composeports.core.visible_text import visible
from composeports.paths import config_cache_folder, state_directory

WELCOME = """\
That was the first stack on this machine. Its lease lies in {folder}, as will those of others.
Next: `composeports up` in another worktree, `composeports status`, `composeports down`."""


def is_first_here(environ: Mapping[str, str]) -> bool:
    """Return True if the state directory has at most the config cache; False if unreadable.

    An `up` creates the config cache before it asks this.
    """
    cache = os.path.basename(config_cache_folder(environ))
    try:
        return {cache}.issuperset(os.listdir(state_directory(environ)))
    except FileNotFoundError:
        return True
    except OSError:
        return False


def welcome(environ: Mapping[str, str]) -> None:
    """Print where leases are stored, and which commands to try next."""
    folder = state_directory(environ)
    home = os.path.expanduser("~")
    if folder.startswith(f"{home}/"):
        folder = "~" + folder.removeprefix(home)
    inform(WELCOME.format(folder=visible(folder)))
