"""Starts the queries of `up` and `plan` to Compose before most modules are imported.

The queries take as long as the imports, so both run at the same time. Only in the simple case is it
known this early what to ask (see `fast_session.py`); the command checks that the queries are the
ones that it would start itself, and otherwise starts its own.
"""

import os
from collections.abc import Mapping, Sequence

from composeports.cli.fast_session import find_fast_session
from composeports.core.session import project_name
from composeports.docker.compose_cli import Compose
from composeports.docker.compose_files import has_link
from composeports.docker.compose_queries import ComposeQueries
from composeports.docker.config_cache import ConfigCache, digest_of
from composeports.host.shell_environment import compose_environment
from composeports.paths import (
    STORE_FILE,
    config_cache_folder,
    machine_settings_file,
    mentions,
    settings_files,
    state_directory,
)
from composeports.stores.sqlite.fast_read import read_project

NAMING = "COMPOSEPORTS_NAMING"
# With these options the command prints a text, or chooses another session or project name.
OPTIONS = ("-h", "--help", "--session", "--as-new")
# Settings that change what Compose is asked; the last two do only before the session has a record.
PROFILES = b"profiles"
NAMES = (b"prefix", b"naming")


class _Early:
    """Holds the queries of this process."""

    queries: ComposeQueries | None = None


def start(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Start the queries for these arguments, if it is certain enough what the command will ask."""
    if any(text.startswith(OPTIONS) for text in arguments):
        return
    try:
        _Early.queries = _started(dict(environ), takes_turn=arguments[0] == "up")
    except Exception:  # noqa: BLE001 - the command itself reports the error properly
        return


def started() -> ComposeQueries | None:
    """Return the queries that were started; None if there are none."""
    return _Early.queries


def stop() -> None:
    """Stop the queries that are still running, because the command has ended."""
    if _Early.queries is not None:
        _Early.queries.stop()


def _started(environ: Mapping[str, str], *, takes_turn: bool) -> ComposeQueries | None:
    session = find_fast_session(environ)
    if session is None or any(map(has_link, session.selection.env_files)):
        return None
    settings = tuple(settings_files(session.cwd, session.top))
    if any(mentions(path, PROFILES) for path in settings):
        return None
    store = os.path.join(state_directory(environ), STORE_FILE)
    project = read_project(store, session.id)
    if project is None:
        if NAMING in environ or any(map(_sets_names, settings)):
            return None
        own_settings = machine_settings_file(environ)
        if os.path.exists(own_settings) and _sets_names(own_settings):
            return None
        project = project_name(session.id)
    folder = config_cache_folder(environ)
    memory = ConfigCache(folder, digest_of(session.selection.files))
    if takes_turn:
        memory.take_turn()
    compose = Compose(session.selection, compose_environment(environ, session.cwd))
    return ComposeQueries(compose, project, memory)


def _sets_names(path: str) -> bool:
    return any(mentions(path, word) for word in NAMES)
