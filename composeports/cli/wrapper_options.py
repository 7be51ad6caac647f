"""The variables and warnings of the wrapper of docker, for `env` and `link`."""

import sys
from collections.abc import Sequence

from composeports import __version__
from composeports.cli.context import warn
from composeports.core.environment import Pair
from composeports.core.script_findings import bypasses
from composeports.core.visible_text import visible
from composeports.errors import FileAccessError
from composeports.host import wrapper
from composeports.host.script_text import script_of
from composeports.host.wrapper_folder import install
from composeports.paths import wrapper_folders
from composeports.usecases.script_calls import wrapper_variables
from composeports.usecases.session import Session

MAX_WARNINGS = 3


def wrapped(session: Session, pairs: Sequence[Pair], *, verbose: bool) -> tuple[Pair, ...]:
    """Install the wrapper of docker; return the variables with those that activate it.

    Raise FileAccessError if there is no safe folder for the wrapper.
    """
    environ = session.context.environ
    verbose = verbose or bool(environ.get(wrapper.VERBOSE))
    folder = install(wrapper_folders(environ), __version__, sys.executable)
    project = dict(pairs)["COMPOSE_PROJECT_NAME"]
    return (*pairs, *wrapper_variables(session, project, folder, verbose=verbose))


def wrapped_if_possible(
    session: Session, pairs: Sequence[Pair], *, verbose: bool
) -> tuple[Pair, ...]:
    """Return the result of `wrapped`; on FileAccessError print a warning and return `pairs`.

    It is for a call that did not ask for the wrapper.
    """
    try:
        return wrapped(session, pairs, verbose=verbose)
    except FileAccessError as error:
        warn(visible(f"warning: {error.message}; calls of docker go to docker itself"))
        return tuple(pairs)


def warn_of_bypasses(argv: Sequence[str]) -> None:
    """Warn about calls in a script that bypass the wrapper, such as after the script sets PATH."""
    path, text = script_of(argv)
    findings = bypasses(text)
    for number, reason in findings[:MAX_WARNINGS]:
        message = (
            f"warning: {path}:{number} {reason}: docker there is not led to this session's stack"
        )
        warn(visible(message))
    if len(findings) > MAX_WARNINGS:
        warn(f"warning: and {len(findings) - MAX_WARNINGS} more such lines")
