"""Find the docker calls of scripts and Makefiles that are about the session, and rewrite them.

This module runs nothing: it returns a command line and its environment.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from composeports.core.compose_call import CallTarget, ComposeCall, OwnStack, is_own
from composeports.core.environment import Pair
from composeports.core.shell import MARKER, is_marked
from composeports.docker.compose_cli import without_files
from composeports.docker.compose_files import Selection, select_files
from composeports.host import wrapper
from composeports.host.git import find_checkout
from composeports.host.session_files import OWN_NAMES, owner_of
from composeports.usecases.lease import renew_lease
from composeports.usecases.options import Options, PlanOptions
from composeports.usecases.passthrough import MAKING, on_recorded_files, planned
from composeports.usecases.session import Session

# More characters do not fit into one variable; the wrapper then reads the file alone.
LONGEST_NAMES = 100_000
LEADING = ("COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR")


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, its environment, and warnings for the user."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def wrapper_variables(
    session: Session, project: str, folder: str, *, verbose: bool
) -> tuple[Pair, ...]:
    """Return the variables that put the wrapper in `folder` before docker, for this session."""
    environ = session.context.environ
    path = wrapper.without_wrappers(environ.get("PATH", os.defpath))
    names = " ".join((session.folder.read(OWN_NAMES) or "").split())
    values = {
        wrapper.PROJECT: project,
        wrapper.DIRECTORY: os.path.realpath(session.selection.directory),
        wrapper.FOLDER: session.folder.path,
        wrapper.SESSION: session.options.session or "",
        wrapper.CONTAINERS: names if len(names) <= LONGEST_NAMES else "",
        wrapper.ENGINE: wrapper.engine_of(environ),
        wrapper.VERBOSE: "1" if verbose else "",
        "PATH": f"{folder}{os.pathsep}{path}",
    }
    return tuple(values.items())


def session_options(environ: Mapping[str, str]) -> Options:
    """Return the options that select the session of the wrapper."""
    return Options(
        project_directory=environ[wrapper.DIRECTORY], session=environ.get(wrapper.SESSION) or None
    )


def own_options(session: Session, call: ComposeCall) -> Options | None:
    """Return the options of a call that is about the session's stack; None for any other call.

    `session` is the session that `session_options` select.
    """
    environ = session.context.environ
    own_stack = _own(session, environ[wrapper.PROJECT])
    selection = _selection(session, call, own_stack)
    if selection is None:
        return None
    project = call.project or environ.get("COMPOSE_PROJECT_NAME", "")
    files = tuple(path for path in selection.files if owner_of(path) is None)
    directory = os.path.realpath(selection.directory)
    if not is_own(CallTarget(directory, _real(files), project), own_stack):
        return None
    env_files = call.env_files or environ.get("COMPOSE_ENV_FILES", "").split(",")
    profiles = call.profiles or environ.get("COMPOSE_PROFILES", "").split(",")
    return session.options._replace(
        files=files,
        env_files=tuple(path for path in env_files if path and owner_of(path) is None),
        profiles=tuple(name for name in profiles if name),
        flags=call.flags,
        project_directory=None if _is_at_home(session, call, directory) else own_stack.directory,
    )


def on_session(session: Session, call: ComposeCall) -> Command:
    """Return a call of Compose on the session's stack; its `down` does not release the lease."""
    words = (call.command, *call.arguments)
    record = session.record()
    has_lease = record is not None and record.held
    if call.command == "up" or (call.command in MAKING and has_lease):
        default_ports = record is not None and record.stack.default_ports
        argv, environ, plan = planned(session, PlanOptions(default_ports=default_ports), *words)
        return Command(tuple(argv), environ, plan.warnings if call.command == "up" else ())
    if not has_lease:
        project = session.expected_project_name(record)
        argv = without_files(project, *words, flags=session.options.flags)
        return Command(tuple(argv), session.environ)
    argv, environ = on_recorded_files(session, renew_lease(session), *words)
    return Command(tuple(argv), environ)


def without_session(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the variables that point Compose at the session's stack.

    The session's port variables stay: other projects may use them to reach the stack.
    """
    clean_environ = wrapper.unwrapped(environ)
    if clean_environ.get("COMPOSE_PROJECT_NAME") == environ.get(wrapper.PROJECT):
        clean_environ.pop("COMPOSE_PROJECT_NAME", None)
    separator = clean_environ.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
    if _has_own(clean_environ.get("COMPOSE_FILE", "").split(separator)):
        clean_environ = {
            name: value for name, value in clean_environ.items() if name not in LEADING
        }
    if _has_own(clean_environ.get("COMPOSE_ENV_FILES", "").split(",")):
        del clean_environ["COMPOSE_ENV_FILES"]
    profiles = clean_environ.get("COMPOSE_PROFILES", "")
    if is_marked("COMPOSE_PROFILES", profiles, environ.get(MARKER)):
        del clean_environ["COMPOSE_PROFILES"]
    return clean_environ


def _has_own(paths: Iterable[str]) -> bool:
    return any(owner_of(path) is not None for path in paths)


def _own(session: Session, project: str) -> OwnStack:
    record = session.record()
    recorded_files = record.stack.files if record is not None else ()
    files = frozenset(_real((*recorded_files, *session.selection.files)))
    return OwnStack(session.place.directory, files, project)


def _selection(session: Session, call: ComposeCall, own: OwnStack) -> Selection | None:
    """Return the files that the call means; None if it means another project.

    COMPOSE_FILE points at the session's stack in every folder. The call still means the project of
    a sibling folder or a sub-folder if the script changes to that folder or names it.
    """
    cwd, environ = session.context.cwd, session.context.environ

    def select(variables: Mapping[str, str]) -> Selection:
        return select_files(
            cwd,
            variables,
            files=call.files,
            env_files=call.env_files,
            project_directory=call.directory or None,
        )

    selection = select(environ)
    if call.files or not _has_own(selection.files):
        return selection
    plain_selection = select(without_session(environ))
    directory = os.path.realpath(plain_selection.directory)
    if plain_selection.files and not set(_real(plain_selection.files)) & set(own.files):
        is_above = own.directory == directory or own.directory.startswith(
            directory.rstrip("/") + "/"
        )
        return selection if is_above else None
    return selection


def _is_at_home(session: Session, call: ComposeCall, directory: str) -> bool:
    """Return True if Compose finds the session's project directory without an option."""
    own_directory = session.place.directory
    checkout = find_checkout(own_directory)
    is_same_checkout = checkout is not None and checkout == find_checkout(session.context.cwd)
    return not call.directory and directory == own_directory and is_same_checkout


def _real(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(_with_real_folder(paths))


def _with_real_folder(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        yield os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
