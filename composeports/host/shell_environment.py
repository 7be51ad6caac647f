"""Remove from the shell's environment what an earlier `composeports env` put there.

A shell that evaluated `composeports env` has the ports, files and project name of one session.
These are results, not settings. Used as input, they would move the ports twice, and in another
worktree they would silently select the wrong stack.
"""

import os
from collections.abc import Mapping

from composeports.core.shell import GIT_COMMON_DIR, MARKER, is_marked
from composeports.host.git import find_checkout, main_git_dir
from composeports.host.session_files import owner_of


def clean_environment(environ: Mapping[str, str], cwd: str) -> dict[str, str]:
    """Return `environ` as it was before `composeports env`, and without a project name."""
    marker = environ.get(MARKER)
    variables = {
        name: value for name, value in environ.items() if not is_marked(name, value, marker)
    }
    variables.pop(MARKER, None)
    variables.pop("COMPOSE_PROJECT_NAME", None)
    _strip_own_files(variables, cwd)
    return variables


def compose_environment(environ: Mapping[str, str], cwd: str) -> dict[str, str]:
    """Return the clean environment for Compose in `cwd`.

    COMPOSEPORTS_GIT_COMMON_DIR is the main git directory of the repository around `cwd`, so that a
    Compose file can mount it.
    """
    variables = clean_environment(environ, cwd)
    checkout = find_checkout(cwd)
    return (
        variables if checkout is None else {**variables, GIT_COMMON_DIR: main_git_dir(checkout[1])}
    )


def _strip_own_files(environ: dict[str, str], cwd: str) -> None:
    """Remove the files of composeports from COMPOSE_FILE and COMPOSE_ENV_FILES, in place.

    If one of them is from another worktree, remove both variables.
    """
    separator = environ.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
    files = environ.get("COMPOSE_FILE", "").split(separator)
    env_files = environ.get("COMPOSE_ENV_FILES", "").split(",")
    owners = {owner for owner in map(owner_of, files + env_files) if owner is not None}
    if not owners:
        return
    is_local = all(_same_place(owner, cwd) for owner in owners)
    for name, paths, joint in (
        ("COMPOSE_FILE", files, separator),
        ("COMPOSE_ENV_FILES", env_files, ","),
    ):
        value = joint.join(path for path in paths if owner_of(path) is None) if is_local else ""
        environ.pop(name, None)
        if value:
            environ[name] = value
    if "COMPOSE_FILE" not in environ:
        environ.pop("COMPOSE_PATH_SEPARATOR", None)


def _same_place(directory: str, cwd: str) -> bool:
    checkout = find_checkout(directory)
    if checkout is not None:
        return checkout == find_checkout(cwd)
    real_directory, real_cwd = os.path.realpath(directory), os.path.realpath(cwd)
    return os.path.commonpath([real_directory, real_cwd]) == real_directory
