"""Questions to git about what it tracks and ignores; changes nothing."""

import os
from collections.abc import Mapping

from composeports.host.process import Finished, start


def ask_git(folder: str, environ: Mapping[str, str], *arguments: str) -> Finished:
    """Ask git about the repository around the folder, whatever the shell's variables say."""
    hidden = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"}
    own = {name: value for name, value in environ.items() if name not in hidden}
    return start(("git", "--literal-pathspecs", *arguments), own, folder).finish()


def is_tracked(path: str, environ: Mapping[str, str]) -> bool:
    """Tell whether git tracks the file."""
    folder, name = os.path.split(path)
    return os.path.isdir(folder) and bool(ask_git(folder, environ, "ls-files", "--", name).out)


def has_tracked(folder: str, environ: Mapping[str, str]) -> bool:
    """Tell whether git tracks anything in the folder."""
    return os.path.isdir(folder) and bool(ask_git(folder, environ, "ls-files", "--", ".").out)


def is_ignored(path: str, environ: Mapping[str, str]) -> bool:
    """Tell whether git ignores the file, which need not exist."""
    folder, name = os.path.split(path)
    return not ask_git(folder, environ, "check-ignore", "--quiet", "--", name).code


def is_within(path: str, folder: str) -> bool:
    """Tell whether the path lies below the folder."""
    return path.startswith(folder.rstrip("/") + "/")
