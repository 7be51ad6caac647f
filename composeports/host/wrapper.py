"""The wrapper of docker as a process meets it: variables, and PATH without it. Imports little."""

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
# What makes a folder of PATH one of the wrapper, of whatever version.
MARKER = "composeports-wrapper"
# What the scripts call composeports with, and the names that they stand for.
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
    plain = {name: value for name, value in environ.items() if name not in VARIABLES}
    return {**plain, "PATH": without_wrappers(environ["PATH"])} if "PATH" in environ else plain


def engine_of(environ: Mapping[str, str]) -> str:
    """Return what tells a call to another engine, as the scripts put it together."""
    return f"{environ.get('DOCKER_HOST', '')} {environ.get('DOCKER_CONTEXT', '')}"


def is_on(environ: Mapping[str, str]) -> bool:
    """Tell whether a process was started in a wrapped shell, or below one."""
    return bool(environ.get(PROJECT))


def unwrapped_variables(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what takes the wrapper off a shell that has it; nothing for any other."""
    if not is_on(environ):
        return ()
    return ((PROJECT, ""), ("PATH", without_wrappers(environ.get("PATH", os.defpath))))
