"""The variables that point a shell to a session's stack.

Imports almost nothing, because `env` must start fast.
"""

from collections.abc import Iterator, Sequence

from composeports.core.engine_address import LOCALHOST
from composeports.core.environment import combined, fixed_variables

MARKER = "COMPOSEPORTS_ENV"
# Git's folder that all worktrees of the repository share, for a Compose file to mount. It is not
# git's own GIT_COMMON_DIR: with that variable, git would read this repository in every other
# repository of the shell.
GIT_COMMON_DIR = "COMPOSEPORTS_GIT_COMMON_DIR"
Pairs = tuple[tuple[str, str], ...]


def shell_environment(
    start: int,
    project: str,
    planned: Sequence[Sequence[str]],
    files: Sequence[str],
    env_files: Sequence[str],
    profiles: Sequence[str],
    host: str = LOCALHOST,
    common_dir: str = "",
) -> Pairs:
    """Return the session's variables, Compose's file settings, and the marker.

    `planned` are the variables that the last plan added to the six fixed variables. `host` is where
    published ports are reached. `common_dir` is git's folder for the whole repository. The marker
    lists the variables that composeports set, so that a later composeports does not read its own
    results as the user's settings. A value with a space is left out, because spaces separate the
    items.
    """
    session_pairs = combined(
        fixed_variables(start, project, host), ((name, value) for name, value in planned)
    )
    profile_pairs = (("COMPOSE_PROFILES", ",".join(profiles)),) if files and profiles else ()
    git_pairs = ((GIT_COMMON_DIR, common_dir),) if common_dir else ()
    marked_pairs = (*session_pairs, *git_pairs, *profile_pairs)
    marker_value = " ".join(f"{name}={value}" for name, value in marked_pairs if " " not in value)
    return (
        *session_pairs,
        *git_pairs,
        *_compose_settings(files, env_files),
        *profile_pairs,
        (MARKER, marker_value),
    )


def is_marked(name: str, value: str, marked: str | None) -> bool:
    """Return True if the marker `marked` says that composeports set this variable."""
    return marked is not None and f"{name}={value}" in marked.split(" ")


def _compose_settings(files: Sequence[str], env_files: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not files:
        return
    text = "".join(files)
    separator = next((char for char in ":;|\t" if char not in text), ":")
    # Always set, because the shell or `.env` may name another separator.
    yield "COMPOSE_PATH_SEPARATOR", separator
    yield "COMPOSE_FILE", separator.join(files)
    # Compose always splits this variable at commas. A path with a comma is left out; this loses
    # nothing, because the shell has all the variables of the file.
    yield "COMPOSE_ENV_FILES", ",".join(path for path in env_files if "," not in path)
