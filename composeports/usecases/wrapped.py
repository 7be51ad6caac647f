"""A session's variables with those that put the wrapper of docker first on PATH."""

import sys
from collections.abc import Sequence

from composeports import __version__
from composeports.core.environment import Pair
from composeports.errors import FileAccessError
from composeports.host import wrapper
from composeports.host.wrapper_folder import install
from composeports.paths import wrapper_folders
from composeports.usecases.script_calls import wrapper_variables
from composeports.usecases.session import Session


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
    """Return the result of `wrapped`; on FileAccessError report it and return `pairs`.

    It is for a call that did not ask for the wrapper.
    """
    try:
        return wrapped(session, pairs, verbose=verbose)
    except FileAccessError as error:
        session.context.report(f"warning: {error.message}; calls of docker go to docker itself")
        return tuple(pairs)
