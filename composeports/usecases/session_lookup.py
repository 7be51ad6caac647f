"""Find a session by its id, its record, its worktree, or the stack that was started here.

A session that a server's client names does not depend on the server's own working directory, nor
on its shell's variables for Compose files, profiles and sessions.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from composeports.core.folders import is_within
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.session import check_session_id
from composeports.core.settings import Settings
from composeports.docker.compose_files import Selection
from composeports.errors import UsageError
from composeports.host.git import find_checkout
from composeports.usecases.context import Context
from composeports.usecases.options import Options
from composeports.usecases.session import Session

# Variables that select files, profiles or a session in the shell that started the server.
OF_THE_SERVER = frozenset(
    {
        "COMPOSE_FILE",
        "COMPOSE_PATH_SEPARATOR",
        "COMPOSE_ENV_FILES",
        "COMPOSE_PROFILES",
        "COMPOSE_PROJECT_NAME",
        "COMPOSEPORTS_SESSION",
    }
)
NOWHERE = "/"


@dataclass(frozen=True)
class _Placed(Session):
    """A session whose worktree is known, or known not to exist, without reading the disk."""

    known_place: WorktreeLocation = field(default_factory=WorktreeLocation)

    @cached_property
    def settings(self) -> Settings:
        """Return the defaults: nothing is planned here, so no repository's settings are read."""
        return self.context.config.default_settings

    def leaves_project(self, record: Lease) -> bool:  # noqa: ARG002 - the same as of a Session
        """Return False: the settings that give the session another name are not read here."""
        return False

    @property
    def may_lack_files(self) -> bool:
        """Return False: nothing is planned here."""
        return False

    @cached_property
    def place(self) -> WorktreeLocation:
        """Return the known location."""
        return self.known_place

    @cached_property
    def selection(self) -> Selection:
        """Return the known directory without files; UsageError if there is no directory."""
        if not self.known_place.directory:
            raise UsageError(
                f"the session {self.session_id} has no folder, so it has no Compose file",
                hint="give a worktree, or run `composeports up` in it",
            )
        return Selection(self.known_place.directory, (), (), {})


@dataclass(frozen=True)
class _OfItsPlace(_Placed):
    """A session without a given id: its id came from its worktree and does not change."""

    known_id: str = ""

    @property
    def given_session(self) -> str | None:
        """Return None, even if the server was started with a session id."""
        return None

    @cached_property
    def session_id(self) -> str:
        """Return the id from the start of the stack, even if git now gives another one."""
        return self.known_id


def session_by_id(context: Context, session_id: str) -> Session:
    """Return a session that is only an id and has no worktree on disk.

    For allocate, renew, release and status. InvalidSessionError if the id is not valid.
    """
    options = Options(session=check_session_id(session_id))
    return _Placed(apart(context, NOWHERE), options)


def no_session(context: Context) -> Session:
    """Return a session with an empty id, for the list of all sessions."""
    return _OfItsPlace(apart(context, NOWHERE))


def session_from_record(context: Context, session_id: str) -> Session:
    """Return a session in the directory where its stack was started.

    For `down`, which needs no Compose file. The directory need not exist any more. If no directory
    is known, return a session that is only an id.
    """
    bare_session = session_by_id(context, session_id)
    record = context.store.get(session_id)
    if record is None or not record.place.directory:
        return bare_session
    place = record.place
    context = apart(context, place.directory)
    if session_id == place.session_id:
        return _OfItsPlace(context, known_place=place, known_id=session_id)
    return _Placed(context, Options(session=session_id), known_place=place)


def session_in_worktree(context: Context, path: str) -> Session:
    """Return the session of a worktree on this machine, as a command in that worktree has it.

    UsageError if the path is not absolute or is not a folder.
    """
    if not os.path.isabs(path) or "\0" in path:
        raise UsageError(
            f"{path!a} is no absolute path", hint="give the worktree's full path", path=path
        )
    if not os.path.isdir(path):
        raise UsageError(f"there is no folder {path}", hint="is it on this machine?", path=path)
    return Session(apart(context, os.path.normpath(path)))


def find_started_session(session: Session) -> Session:
    """Return the session of the stack that was started here; usually `session` itself.

    Without the Compose file, Compose searches the parent folders and may find the file of another
    worktree. Without `.git`, the folder is another session. Therefore compare the folder with the
    leases in the store.
    """
    options = session.options
    if session.given_session or options.files or options.project_directory:
        return session
    if "COMPOSE_FILE" in session.environ:
        return session
    cwd = os.path.realpath(session.context.cwd)
    leases = [
        lease
        for lease in session.context.store.held()
        if lease.place.is_on(session.machine) and _was_started_at(lease, cwd)
    ]
    nearest_lease = max(leases, key=lambda lease: len(lease.place.directory), default=None)
    if nearest_lease is None or nearest_lease.session_id == session.session_id:
        return session
    directory = session.place.directory
    is_deeper = nearest_lease.place.directory != directory and is_within(
        nearest_lease.place.directory, directory
    )
    if is_deeper or (nearest_lease.place.directory == directory and session.record() is None):
        return replace(session, options=options._replace(session=nearest_lease.session_id))
    return session


def _was_started_at(lease: Lease, cwd: str) -> bool:
    """Return True if the lease is of `cwd` or a folder above and no other worktree is there now."""
    place = lease.place
    if lease.session_id != place.session_id or not is_within(cwd, place.directory):
        return False
    checkout = find_checkout(cwd)
    return (
        checkout is None
        or checkout[1] == place.git_dir
        or not is_within(checkout[0], place.worktree)
    )


def apart(context: Context, cwd: str) -> Context:
    """Return the context for `cwd`, without the settings of the server's own shell."""
    return context._replace(
        cwd=cwd,
        environ={**_without_own(context.environ), "PWD": cwd},
        config=context.config._replace(session=None),
    )


def _without_own(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in OF_THE_SERVER}
