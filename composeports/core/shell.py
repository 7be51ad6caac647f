"""What a shell needs to be on a session's stack; imports next to nothing, for `env`."""

from collections.abc import Iterator, Sequence

from composeports.core.engine_address import LOCALHOST
from composeports.core.environment import combined, fixed_variables

MARKER = "COMPOSEPORTS_ENV"
# The folder that all worktrees of the repository have in common, for a file to mount. Not git's own
# GIT_COMMON_DIR: with that set, git in every other repository of the shell reads this one's.
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
    """Return the session's variables, those that point Compose at its files, and the marker.

    `planned` is what the last plan added to the six fixed variables, `host` where published ports
    are reached, `common_dir` git's folder of the whole repository. The marker lists what is
    ours, so that a later composeports does not take results for wishes; a value with a blank is
    left out, since blanks separate what it lists.
    """
    own = combined(
        fixed_variables(start, project, host), ((name, value) for name, value in planned)
    )
    profile = (("COMPOSE_PROFILES", ",".join(profiles)),) if files and profiles else ()
    git = ((GIT_COMMON_DIR, common_dir),) if common_dir else ()
    ours = (*own, *git, *profile)
    marked = " ".join(f"{name}={value}" for name, value in ours if " " not in value)
    return (*own, *git, *_compose_settings(files, env_files), *profile, (MARKER, marked))


def is_marked(name: str, value: str, marked: str | None) -> bool:
    """Tell whether the marker's text says that this variable is ours."""
    return marked is not None and f"{name}={value}" in marked.split(" ")


def _compose_settings(files: Sequence[str], env_files: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not files:
        return
    joined = "".join(files)
    separator = next((each for each in ":;|\t" if each not in joined), ":")
    # Always, since the shell or `.env` may name another one.
    yield "COMPOSE_PATH_SEPARATOR", separator
    yield "COMPOSE_FILE", separator.join(files)
    # Compose splits this one at commas, always; a path with one is left out, since all variables
    # are in the shell as well.
    yield "COMPOSE_ENV_FILES", ",".join(path for path in env_files if "," not in path)
