"""The variables of the `docker` wrapper, and an environment without it. Imports little."""

import os
from collections.abc import Mapping

PROJECT = "COMPOSEPORTS_WRAP_PROJECT"
DIRECTORY = "COMPOSEPORTS_WRAP_DIRECTORY"
FOLDER = "COMPOSEPORTS_WRAP_FOLDER"
SESSION = "COMPOSEPORTS_WRAP_SESSION"
CONTAINERS = "COMPOSEPORTS_WRAP_CONTAINERS"
ENGINE = "COMPOSEPORTS_WRAP_ENGINE"
VERBOSE = "COMPOSEPORTS_WRAP_VERBOSE"
VARIABLES = (PROJECT, DIRECTORY, FOLDER, SESSION, CONTAINERS, ENGINE, VERBOSE)
# A folder of PATH with a file of this name belongs to a wrapper, of any version.
MARKER = "composeports-wrapper"
# The command by which the scripts call composeports, and the programs that they replace.
CALL = "docker-call"
DOCKER, DOCKER_COMPOSE = "docker", "docker-compose"


def without_wrappers(path: str) -> str:
    """Return PATH without the folders of any wrapper."""
    return os.pathsep.join(
        folder
        for folder in path.split(os.pathsep)
        if not os.path.exists(os.path.join(folder or ".", MARKER))
    )


def unwrapped(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment as it was before any wrapper."""
    variables = {name: value for name, value in environ.items() if name not in VARIABLES}
    return (
        {**variables, "PATH": without_wrappers(environ["PATH"])} if "PATH" in environ else variables
    )


def engine_of(environ: Mapping[str, str]) -> str:
    """Return DOCKER_HOST and DOCKER_CONTEXT as one text, in the same form as the scripts.

    If the text differs, a call goes to another engine.
    """
    return f"{environ.get('DOCKER_HOST', '')} {environ.get('DOCKER_CONTEXT', '')}"


def is_on(environ: Mapping[str, str]) -> bool:
    """Return True if the process was started in a wrapped shell, or below one."""
    return bool(environ.get(PROJECT))


def unwrapped_variables(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the variables that remove the wrapper from a shell; empty if the shell has none."""
    if not is_on(environ):
        return ()
    return ((PROJECT, ""), ("PATH", without_wrappers(environ.get("PATH", os.defpath))))
