"""Handles the calls of the docker wrapper that need Python: Compose, and renamed containers.

At the end the process is always replaced by the real docker. A call that only names a container
imports almost nothing.
"""

import os
import sys
from collections.abc import Mapping, Sequence

from composeports.core.docker_arguments import (
    config_folder,
    is_elsewhere,
    read_words,
    split_command,
    with_session_names,
)
from composeports.errors import UnsafeFileError
from composeports.host.session_files import OWN_NAMES
from composeports.host.wrapper import (
    CONTAINERS,
    DOCKER,
    DOCKER_COMPOSE,
    FOLDER,
    PROJECT,
    VERBOSE,
    unwrapped,
)
from composeports.regular_file import read_regular

TYPE_CHECKING = False  # importing `typing` takes 4 ms
if TYPE_CHECKING:
    from composeports.core.compose_call import ComposeCall

COMPOSE = "compose"


def answer(arguments: Sequence[str]) -> int:
    """Run the call `NAME WORDS...` in place of this process; return an exit code only on failure.

    A call about the session's stack is changed so that it acts on that stack.
    """
    name, words = "".join(arguments[:1]), list(arguments[1:])
    if name == DOCKER_COMPOSE:
        return _compose((), words, (DOCKER_COMPOSE,))
    end = split_command(words)
    options, command_words = words[:end], words[end:]
    if is_elsewhere(options) or PROJECT not in os.environ:
        return _become((DOCKER, *words), unwrapped(os.environ))
    if command_words[:1] == [COMPOSE]:
        return _compose(options, command_words[1:], (DOCKER, *options, COMPOSE))
    new_words = with_session_names(command_words, _names(os.environ[PROJECT]))
    if list(new_words) != command_words:
        _tell((DOCKER, *words), (DOCKER, *options, *new_words))
    return _become((DOCKER, *options, *new_words), unwrapped(os.environ))


def _names(project: str) -> dict[str, dict[str, str]]:
    """Return the names in the Compose files that the session replaces by its own, by kind.

    They are the current names, and the names from the time when the shell was wrapped.
    """
    path = os.path.join(os.environ.get(FOLDER, ""), OWN_NAMES)
    try:
        text = read_regular(path).decode("utf-8", "replace")
    except (OSError, UnsafeFileError):
        text = ""
    earlier_names = read_words(os.environ.get(CONTAINERS, ""), project)
    current_names = read_words(text, project)
    return {kind: earlier_names[kind] | current_names[kind] for kind in current_names}


def _become(argv: Sequence[str], environ: Mapping[str, str], *, as_users_own: bool = True) -> int:
    from composeports.host.process import NOT_FOUND, exec_program  # noqa: PLC0415 - only at the end

    code = exec_program(argv, environ, as_users_own=as_users_own)
    reason = "not found" if code == NOT_FOUND else "cannot be run"
    sys.stderr.write(f"{argv[0]}: {reason} behind composeports' wrapper on PATH\n")
    return code


def _tell(before: Sequence[str], after: Sequence[str]) -> None:
    if not os.environ.get(VERBOSE):
        return
    import shlex  # noqa: PLC0415 - only with `-v`

    lines = [
        "".join(char if char.isprintable() else "?" for char in shlex.join(words))
        for words in (before, after)
    ]
    sys.stderr.write(f"composeports: {lines[0]} -> {lines[1]}\n")


def _compose(options: Sequence[str], words: Sequence[str], program: tuple[str, ...]) -> int:
    from composeports.core.compose_call import read_call  # noqa: PLC0415 - not for containers

    call = read_call(words)
    argv = (*program, *words)
    if call.has_no_project or call.is_elsewhere or PROJECT not in os.environ:
        return _become(_found(argv), unwrapped(os.environ))
    if call.reads_stdin:
        sys.stderr.write(
            "warning: a Compose file from stdin (-f -) is read only once, so it is started as it "
            "is, with its own ports and names; write it to a file, and name that with -f\n"
        )
        return _become(_found(argv), unwrapped(os.environ))
    from composeports.cli.error_report import guarded  # noqa: PLC0415 - slow, only for Compose

    return guarded(lambda: _on_session(call, options, argv), wants_json=False, environ=os.environ)


def _found(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return the call as `docker compose` if there is no program `docker-compose`."""
    from shutil import which  # noqa: PLC0415 - not for containers

    if argv[0] == DOCKER_COMPOSE and which(DOCKER_COMPOSE) is None:
        return (DOCKER, COMPOSE, *argv[1:])
    return argv


def _on_session(call: "ComposeCall", options: Sequence[str], before: tuple[str, ...]) -> int:
    from composeports.cli.context import open_session, warn  # noqa: PLC0415
    from composeports.core.visible_text import visible  # noqa: PLC0415
    from composeports.usecases import script_calls  # noqa: PLC0415
    from composeports.usecases.session import Session  # noqa: PLC0415

    original_environ = dict(os.environ)
    folder = config_folder(options)
    if folder:
        os.environ["DOCKER_CONFIG"] = os.path.abspath(folder)
    with open_session(script_calls.session_options(os.environ)) as session:
        own_options = script_calls.own_options(session, call)
        if own_options is None:
            return _become(_found(before), script_calls.without_session(original_environ))
        command = script_calls.on_session(Session(session.context, own_options), call)
    for text in command.warnings:
        warn(visible(f"warning: {text}"))
    argv = (DOCKER, *options, *command.argv[1:])
    _tell(before, argv)
    return _become(argv, unwrapped(command.environ), as_users_own=False)
