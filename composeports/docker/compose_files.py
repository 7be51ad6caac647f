"""Finds the files that Compose would use, by Compose's own rules; opens only env files.

Compose cannot list its files without reading all of them, and `env` has no time for that. The rules
are those of compose-go's project options; an acceptance test compares them with Compose.
"""

import os
from collections.abc import Iterable, Mapping, Sequence

from composeports.host.session_files import USER_ENV
from composeports.regular_file import read_regular

DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDE_NAMES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
LINK = b"# >>> composeports link "


class Selection:
    """The project directory and the files, as absolute paths in Compose's order."""

    __slots__ = ("directory", "env_files", "files", "variables")

    def __init__(
        self,
        directory: str,
        files: tuple[str, ...],
        env_files: tuple[str, ...],
        variables: Mapping[str, str],
    ) -> None:
        """Keep the values; `variables` are the `COMPOSE_*` settings of the env files."""
        self.directory = directory
        self.files = files
        self.env_files = env_files
        self.variables = variables


def select_files(  # noqa: PLR0913 - all inputs that Compose uses for this
    cwd: str,
    environ: Mapping[str, str],
    *,
    files: Sequence[str] = (),
    env_files: Sequence[str] = (),
    project_directory: str | None = None,
    default_files: Sequence[str] = (),
) -> Selection:
    """Return the files that `docker compose` would use with these options; there may be none.

    If neither `files` nor COMPOSE_FILE names a file, `default_files` replace the search.
    """
    start_folder = _directory(cwd, project_directory, [_join(cwd, name) for name in files])
    explicit_env_files = _given_env_files(cwd, environ, env_files)
    dotenv = (
        explicit_env_files if explicit_env_files is not None else _dot_env(start_folder, environ)
    )
    variables = _compose_variables(dotenv)
    compose_files = (
        _named(cwd, files, {**variables, **environ})
        or tuple(default_files)
        or _search(start_folder)
    )
    directory = _directory(start_folder, project_directory and start_folder, compose_files)
    if explicit_env_files is None and directory != start_folder:
        dotenv = (*_dot_env(directory, environ), *dotenv)
        variables = {**_compose_variables(dotenv), **variables}
    return Selection(directory, compose_files, dotenv, variables)


def _directory(cwd: str, project_directory: str | None, files: Sequence[str]) -> str:
    if project_directory:
        return _join(cwd, project_directory)
    return os.path.dirname(files[0]) if files else cwd


def _named(cwd: str, files: Sequence[str], settings: Mapping[str, str]) -> tuple[str, ...]:
    if files:
        return tuple(_join(cwd, name) for name in files)
    setting = settings.get("COMPOSE_FILE", "")
    if setting:
        separator = settings.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
        return tuple(_join(cwd, name) for name in setting.split(separator))
    return ()


def _search(folder: str) -> tuple[str, ...]:
    """Search for the default file names in the folder and its parents, as Compose does."""
    while True:
        files = _first(folder, DEFAULT_NAMES)
        if files:
            return files + _first(folder, OVERRIDE_NAMES)
        parent = os.path.dirname(folder)
        if parent == folder:
            return ()
        folder = parent


def _first(folder: str, names: Sequence[str]) -> tuple[str, ...]:
    paths = (os.path.join(folder, name) for name in names)
    return next(((path,) for path in paths if os.path.exists(path)), ())


def _given_env_files(
    cwd: str, environ: Mapping[str, str], env_files: Sequence[str]
) -> tuple[str, ...] | None:
    names = list(env_files) or environ.get("COMPOSE_ENV_FILES", "").split(",")
    paths = tuple(_join(cwd, name) for name in names if name)
    return paths or None


def _dot_env(folder: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    if environ.get("COMPOSE_DISABLE_ENV_FILE", "").lower() in {"1", "t", "true"}:
        return ()
    path = os.path.join(folder, USER_ENV)
    return (path,) if os.path.exists(path) and not os.path.isdir(path) else ()


def _compose_variables(paths: Sequence[str]) -> dict[str, str]:
    """Return the `COMPOSE_*` settings of the env files; the value of a later file wins."""
    variables: dict[str, str] = {}
    for path in paths:
        if _mentions_compose(path):
            variables |= {
                name: value
                for name, value in read_env_file(path).items()
                if name.startswith("COMPOSE_")
            }
    return variables


def _mentions_compose(path: str) -> bool:
    return b"COMPOSE_" in (read_unlinked(path) or b"")


def read_unlinked(path: str) -> bytes | None:
    """Return the content of an env file without the block of `composeports link`.

    The block has results of composeports, not settings of the user. None if the file does not exist
    or cannot be read. Raise UnsafeFileError for a pipe, a device or a file that is too large.
    """
    try:
        text = read_regular(path, follow=True)
    except OSError:
        return None
    if LINK not in text:
        return text
    from composeports.core.marked_block import LINK_MARKS, without_block  # noqa: PLC0415 - rare

    return without_block(text, LINK_MARKS)


def has_link(path: str) -> bool:
    """Return True if the env file has a block of `composeports link`."""
    try:
        return LINK in read_regular(path, follow=True)
    except OSError:
        return False


def read_env_file(path: str) -> dict[str, str]:
    """Return the user's variables in an env file; none if it cannot be read.

    Compose reports the reason.
    """
    from io import StringIO  # noqa: PLC0415 - few projects need it

    from dotenv import dotenv_values  # noqa: PLC0415 - 20 ms, and few projects need it

    try:
        text = (read_unlinked(path) or b"").decode()
    except UnicodeDecodeError:
        return {}
    values = dotenv_values(stream=StringIO(text, newline=None))
    return {name: value for name, value in values.items() if value is not None}


def known_variables(env_files: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the env files and of the environment, which has priority."""
    file_values: dict[str, str] = {}
    for path in env_files:
        file_values |= read_env_file(path)
    return {**file_values, **environ}


def _join(cwd: str, name: str) -> str:
    return os.path.normpath(os.path.join(cwd, name))
