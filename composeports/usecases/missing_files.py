"""Find the files that a Compose file names and that do not exist, here and in the main checkout."""

import os
import re
from collections.abc import Iterable, Iterator

from composeports.core.file_patterns import escaped
from composeports.core.folders import is_within
from composeports.core.plan.host_facts import HostFacts, MissingPath
from composeports.core.plan.plan import ObservedConfig
from composeports.core.plan.rules.missing_files import way
from composeports.core.plan.variable_mentions import possible_paths
from composeports.docker.compose_files import known_variables, read_env_file
from composeports.docker.compose_texts import read_texts
from composeports.errors import ComposeFileError, ConfigError, UnsafeFileError
from composeports.host.git import main_checkout
from composeports.host.git_tracking import unignored
from composeports.host.session_files import USER_ENV
from composeports.usecases.session import Session

# Compose's messages for a missing env file of a service, and for one on the command line.
NOT_FOUND = re.compile(r"(?i)env file:? (.+?)(?: not found: stat .*)?$", re.MULTILINE)


def with_missing_files(session: Session, observed: ObservedConfig, facts: HostFacts) -> HostFacts:
    """Return the facts with all that is missing and, for `plan`, with what `up` copies first."""
    incoming = session.incoming or ()
    if session.may_lack_files:
        incoming = _previewed(session)
    main = _main(session)
    sources = _sources(session, observed)
    texts = read_texts(session.selection.files) if main else ()
    names = dict.fromkeys((*sources, *(_env_files(session, texts) if main else ())))
    missing = (
        _missing(session, path, main)
        for path in names
        if _is_absent(path, may_be_folder=not main) and not _is_incoming(session, path, incoming)
    )
    facts = facts._replace(
        incoming=incoming,
        missing=tuple(
            entry
            for entry in missing
            if entry.main or (entry.path in sources and not entry.is_replaced)
        ),
    )
    if not main or _is_incoming(session, _env_path(session), incoming):
        return facts
    return _with_variables(session, observed, facts, main)


def _previewed(session: Session) -> tuple[str, ...]:
    from composeports.usecases.main_files.main_files import preview  # noqa: PLC0415 - rarely due

    return preview(session)


def _main(session: Session) -> str:
    """Return the main checkout, if the project lies in a linked worktree of it; else empty."""
    place = session.place
    if not session.may_use_main or not place.git_dir:
        return ""
    return main_checkout(place.worktree, place.git_dir)


def _sources(session: Session, observed: ObservedConfig) -> dict[str, None]:
    """Return the paths that the engine or Compose opens, if they are paths of this machine."""
    if not session.context.engine.is_local:
        return {}
    project = observed.project
    mounts = (mount for service in project.services for mount in service.mounts)
    paths = (mount.source for mount in mounts if mount.kind == "bind")
    return dict.fromkeys(
        path for path in (*paths, *project.handed_files.values()) if path[:1] == "/"
    )


def _env_files(session: Session, texts: Iterable[str]) -> Iterator[str]:
    """Yield the paths that the texts may name as `env_file`: Compose does not report them."""
    folders = dict.fromkeys(
        (session.selection.directory, *map(os.path.dirname, session.selection.files))
    )
    for text in texts:
        for name in possible_paths(text) if "env_file" in text else ():
            for folder in folders:
                path = os.path.normpath(os.path.join(folder, name))
                if path != _env_path(session):
                    yield path


def _is_absent(path: str, *, may_be_folder: bool) -> bool:
    """Return True if nothing is at the path, or an empty folder, which the engine may have made."""
    if may_be_folder or not os.path.isdir(path):
        return not os.path.exists(path)
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is None
    except OSError:
        return False


def _missing(session: Session, path: str, main: str) -> MissingPath:
    """Return what is known of a path that does not exist."""
    worktree = session.place.worktree
    real_path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    has_parent = os.path.isdir(os.path.dirname(path))
    if not main or not is_within(real_path, worktree) or real_path == worktree:
        return MissingPath(path, has_parent=has_parent, is_replaced=os.path.isdir(path))
    relative_path = os.path.relpath(real_path, worktree)
    there = os.path.join(main, relative_path)
    is_folder = os.path.isdir(there)
    is_replaced = os.path.isdir(path)
    if not os.path.isfile(there) and (is_replaced or not is_folder):
        return MissingPath(path, has_parent=has_parent, is_replaced=is_replaced)
    pattern = ""
    if not os.path.islink(there) and not unignored(main, session.context.environ, [relative_path]):
        base = session.settings_folder or worktree
        below = os.path.relpath(real_path, base)
        pattern = escaped(below) if not below.startswith("../") else ""
    return MissingPath(path, there, pattern, is_folder, has_parent, is_replaced)


def _is_incoming(session: Session, path: str, incoming: Iterable[str]) -> bool:
    worktree = session.place.worktree
    return any(is_within(path, f"{worktree}/{name}".rstrip("/")) for name in incoming)


def _env_path(session: Session) -> str:
    return os.path.join(session.selection.directory, USER_ENV)


def _with_variables(
    session: Session, observed: ObservedConfig, facts: HostFacts, main: str
) -> HostFacts:
    """Return the facts with the variables that only the main checkout's `.env` sets."""
    selection = session.selection
    if selection.env_files and selection.env_files != (_env_path(session),):
        return facts  # the user names other env files
    values = {**observed.values, **dict.fromkeys(_passed_through(observed), "")}
    names = [name for name, value in values.items() if not value or not selection.env_files]
    env_file = _missing(session, _env_path(session), main)
    if not env_file.main or (selection.env_files and not names):
        return facts
    known = known_variables(selection.env_files, session.environ)
    try:
        main_values = read_env_file(env_file.main)
    except UnsafeFileError:
        return facts
    unset = tuple(name for name in names if not known.get(name) and main_values.get(name))
    if selection.env_files:
        env_file = env_file._replace(path="")
    return facts._replace(missing_env=env_file, unset_variables=unset)


def _passed_through(observed: ObservedConfig) -> Iterator[str]:
    """Yield the variables that a service gets without a value in the file (`- TOKEN`)."""
    services = observed.resolved.get("services")
    for spec in services.values() if isinstance(services, dict) else ():
        environment = spec.get("environment") if isinstance(spec, dict) else None
        for name, value in environment.items() if isinstance(environment, dict) else ():
            if value is None:
                yield name


def explained(session: Session, error: ComposeFileError) -> ComposeFileError:
    """Return Compose's error with a hint that says how to copy a missing env file."""
    found = NOT_FOUND.search(error.message)
    main = _main(session) if found else ""
    path = os.path.normpath(os.path.join(session.selection.directory, found[1])) if found else ""
    if not main or os.path.exists(path):
        return error
    missing = _missing(session, path, main)
    if not missing.main:
        return error
    hint = f"the main checkout has it: {way(missing)}"
    try:
        if session.may_lack_files and _is_incoming(session, path, _previewed(session)):
            hint = "`composeports up` first copies it from the main checkout"
    except ConfigError:
        pass
    return ComposeFileError(error.message, hint=hint, **error.details)
