"""Opens the session of a command, with settings, store, engine and output of messages."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from composeports.cli.complete import existing_sessions, sessions
from composeports.cli.progress import can_show, paused_progress, working
from composeports.config import Config
from composeports.core.visible_text import visible_lines
from composeports.docker.compose_queries import ComposeQueries
from composeports.docker.engine import Engine
from composeports.errors import UsageError
from composeports.stores.open import open_store
from composeports.usecases.context import Context, ShowProgress
from composeports.usecases.options import Options
from composeports.usecases.session import Session

WARNING = "warning: "


def session_option(command: Any) -> Any:  # noqa: ANN401 - click's decorators are untyped callables
    """Add `--session` to a command, so that the option may also follow the command's name."""
    option = click.option(
        "--session",
        "session_id",
        metavar="ID",
        help="Use this session instead of the worktree's.",
        shell_complete=sessions,
    )
    return option(command)


def existing_session_option(command: Any) -> Any:  # noqa: ANN401 - the same
    """Add `--session` to a command for sessions that exist; see `find_existing_session`."""
    option = click.option(
        "--session",
        "session_id",
        metavar="SESSION",
        help="Use this session instead of the worktree's: its id, project, folder, branch or name, "
        "or a part that fits only one session.",
        shell_complete=existing_sessions,
    )
    return option(command)


def own_host_option(command: Any) -> Any:  # noqa: ANN401 - the same
    """Add `--own-host`: a URL with a host name that only this session has."""
    option = click.option(
        "--own-host",
        is_flag=True,
        help="Give the URL a host name of its own, PROJECT.localhost: browsers keep its cookies "
        "apart from those of other sessions.",
    )
    return option(command)


def adopt_option(command: Any) -> Any:  # noqa: ANN401 - the same
    """Add `--adopt`: take over a stack that another store's session of this name started."""
    option = click.option(
        "--adopt",
        is_flag=True,
        help="Take over this session's stack, even if its lease is or was in another store.",
    )
    return option(command)


def verbose_option(command: Any) -> Any:  # noqa: ANN401 - the same
    """Add `-v`: let the wrapper of docker report the calls that it changes."""
    option = click.option(
        "-v", "--verbose", is_flag=True, help="Let the wrapper print on stderr what it changes."
    )
    return option(command)


def plan_options(command: Any) -> Any:  # noqa: ANN401 - the same
    """Add the options of the plan: `--strict` and `--default-ports`."""
    strict = click.option(
        "--strict", is_flag=True, help="Fail (exit code 78) if something cannot be isolated."
    )
    default_ports = click.option(
        "--default-ports", is_flag=True, help="Keep the file's host ports, and lease them."
    )
    return strict(default_ports(command))


def warn(text: str) -> None:
    """Write a line to stderr, where all output goes except results; see `inform` too.

    Control characters, which names and damaged records may contain, are written as escapes.
    """
    with paused_progress():
        sys.stderr.write(f"{visible_lines(text)}\n")
        sys.stderr.flush()


def inform(text: str) -> None:
    """Write a line to stderr; with `--quiet`, write it only if it is a warning."""
    if text.startswith(WARNING) or not is_quiet():
        warn(text)


def on_terminal() -> Callable[[str], None] | None:
    """Return the function that prints messages about waiting; None without a terminal."""
    return inform if sys.stderr.isatty() else None


def is_quiet() -> bool:
    """Return True if `--quiet` was given."""
    context = click.get_current_context(silent=True)
    options = None if context is None else context.find_root().obj
    return isinstance(options, Options) and options.quiet


@contextmanager
def open_session(
    options: Options, session_id: str | None = None, early_queries: ComposeQueries | None = None
) -> Iterator[Session]:
    """Yield the session that the options select, and close its store at the end."""
    environ = dict(os.environ)
    config = Config.from_env(environ)
    engine = Engine(environ, on_terminal())
    store = open_store(config.store, engine, waiting=inform)
    if session_id is not None:
        options = options._replace(session=session_id)
    context = Context(
        environ, working_directory(), config, store, engine, report=inform, progress=_progress()
    )
    try:
        yield Session(context, options, early_queries=early_queries)
    finally:
        store.close()


@contextmanager
def open_existing_session(options: Options, session_id: str | None = None) -> Iterator[Session]:
    """Yield the same session as `open_session`, but `--session` may be any name of it."""
    with open_session(options, session_id) as session:
        if session.options.session is None:
            yield session
            return
        from composeports.usecases.session_search import (  # noqa: PLC0415 - rarely needed
            find_existing_session,
        )

        yield find_existing_session(session)


def _progress() -> ShowProgress | None:
    """Return the function that shows a progress line; None without a terminal for it."""
    return working if can_show() and not is_quiet() else None


def working_directory() -> str:
    """Return the working directory under the name that the shell uses, as Compose does.

    Raise UsageError if the folder no longer exists.
    """
    try:
        real_path = os.getcwd()
    except FileNotFoundError:
        message = "the current folder does not exist any more"
        raise UsageError(message, hint="cd to a folder that exists") from None
    shell_path = os.environ.get("PWD", "")
    if (
        os.path.isabs(shell_path)
        and os.path.isdir(shell_path)
        and os.path.samefile(shell_path, real_path)
    ):
        return shell_path
    return real_path
