"""The folders that a server is limited to with `--root`; a worktree elsewhere is refused."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from composeports.core.session import check_session_id
from composeports.errors import ConfigError, OutsideRootsError
from composeports.usecases.session import Context, Session
from composeports.usecases.started_session import find_started_session


@dataclass(frozen=True, slots=True)
class Roots:
    """Real paths of folders; none means that every worktree is allowed."""

    folders: tuple[str, ...] = ()

    @classmethod
    def of(cls, paths: Iterable[str]) -> Self:
        """Return the folders with links resolved; ConfigError for a path that is no folder."""
        for path in paths:
            if not os.path.isdir(path):
                raise ConfigError(
                    f"--root: there is no folder {path!a}",
                    hint="give a folder of this machine that has the worktrees in it",
                    path=path,
                )
        return cls(tuple(os.path.realpath(path) for path in paths))

    def check_workspace(self, session: Session) -> None:
        """Raise OutsideRootsError where the worktree, a Compose file or the stack lies outside."""
        if not self.folders:
            return
        self._check(session.context.cwd)
        selection = session.selection
        for path in (selection.directory, *selection.files, *selection.env_files):
            self._check(os.path.join(session.context.cwd, path))
        self._check(session.place.directory)
        for asked in (session, find_started_session(session)):
            self.check_session(session.context, asked.session_id)

    def check_session(self, context: Context, session_id: str) -> None:
        """Raise OutsideRootsError where the store has the session's stack outside."""
        if not self.folders:
            return
        record = context.store.get(check_session_id(session_id))
        if record is not None and record.place.directory:
            self._check(record.place.directory)

    def _check(self, path: str) -> None:
        real = os.path.realpath(path)
        if any(os.path.commonpath((real, folder)) == folder for folder in self.folders):
            return
        allowed = ", ".join(self.folders)
        raise OutsideRootsError(
            f"{path} is outside of the folders that this server works in: {allowed}",
            hint="give a worktree below one of them, or start the server with another --root",
            path=path,
        )


ANYWHERE = Roots()
