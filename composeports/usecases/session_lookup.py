"""Workspaces for programs that name a session or a worktree: never where the server itself runs.

What the server's own shell says of Compose files, profiles and sessions is left out as well.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from composeports.core.lease import WorktreeLocation
from composeports.core.session import check_session_id
from composeports.core.settings import Settings
from composeports.docker.compose_files import Selection
from composeports.errors import UsageError
from composeports.usecases.options import Options
from composeports.usecases.session import Context, Session

# What chooses files, profiles or a session for whoever started the server.
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
    """A session whose place is known, or known to be none, without a look at the disk."""

    known_place: WorktreeLocation = field(default_factory=WorktreeLocation)

    @cached_property
    def settings(self) -> Settings:
        """The defaults: nothing is planned here, so no repository's settings are read."""
        return Settings()

    @cached_property
    def place(self) -> WorktreeLocation:
        """What is known."""
        return self.known_place

    @cached_property
    def selection(self) -> Selection:
        """No files in the known directory; UsageError where there is none."""
        if not self.known_place.directory:
            raise UsageError(
                f"the session {self.session_id} has no folder, so it has no Compose file",
                hint="give a worktree, or run `composeports up` in it",
            )
        return Selection(self.known_place.directory, (), (), {})


@dataclass(frozen=True)
class _OfItsPlace(_Placed):
    """A session that nobody gave a name: its id came from its place, and stays."""

    known_id: str = ""

    @property
    def given_session(self) -> str | None:
        """Nothing, whatever the server was started with."""
        return None

    @cached_property
    def session_id(self) -> str:
        """What it was when the stack was started, also where git says something else by now."""
        return self.known_id


def session_by_id(context: Context, session_id: str) -> Session:
    """Return the workspace of a session that is only an id, which has no place on disk.

    For allocate, renew, release and status; InvalidSessionError for an id that cannot name one.
    """
    options = Options(session=check_session_id(session_id))
    return _Placed(_apart(context, NOWHERE), options)


def no_session(context: Context) -> Session:
    """Return the workspace of no session at all, for the list of all of them."""
    return _OfItsPlace(_apart(context, NOWHERE))


def session_from_record(context: Context, session_id: str) -> Session:
    """Return the workspace of a session where its stack was started; headless if nowhere.

    For `down`, which needs no Compose file. The place need not exist any more.
    """
    nowhere = session_by_id(context, session_id)
    record = context.store.get(session_id)
    if record is None or not record.place.directory:
        return nowhere
    place = record.place
    context = _apart(context, place.directory)
    if session_id == place.session_id:
        return _OfItsPlace(context, known_place=place, known_id=session_id)
    return _Placed(context, Options(session=session_id), known_place=place)


def session_in_worktree(context: Context, path: str) -> Session:
    """Return the workspace of a worktree on this machine, as a command started there has it.

    UsageError for a path that is not absolute, or no folder.
    """
    if not os.path.isabs(path) or "\0" in path:
        raise UsageError(
            f"{path!a} is no absolute path", hint="give the worktree's full path", path=path
        )
    if not os.path.isdir(path):
        raise UsageError(f"there is no folder {path}", hint="is it on this machine?", path=path)
    return Session(_apart(context, os.path.normpath(path)))


def _apart(context: Context, cwd: str) -> Context:
    """Return doors that lead to the same machine from `cwd`, and not as the server's own shell."""
    return context._replace(
        cwd=cwd,
        environ={**_without_own(context.environ), "PWD": cwd},
        config=replace(context.config, session=None),
    )


def _without_own(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in OF_THE_SERVER}
