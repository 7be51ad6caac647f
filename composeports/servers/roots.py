"""The folders that `--root` limits a server to; worktrees outside them are refused."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from composeports.core.session import check_session_id
from composeports.errors import ConfigError, OutsideRootsError
from composeports.usecases.context import Context
from composeports.usecases.session import Session
from composeports.usecases.session_lookup import find_started_session


@dataclass(frozen=True, slots=True)
class Roots:
    """The allowed folders, as real paths; without any, every worktree is allowed."""

    folders: tuple[str, ...] = ()

    @classmethod
    def of(cls, paths: Iterable[str]) -> Self:
        """Return the folders with symbolic links resolved; ConfigError if one is not a folder."""
        for path in paths:
            if not os.path.isdir(path):
                raise ConfigError(
                    f"--root: there is no folder {path!a}",
                    hint="give a folder of this machine that has the worktrees in it",
                    path=path,
                )
        return cls(tuple(os.path.realpath(path) for path in paths))

    def check_paths(self, session: Session) -> None:
        """Raise OutsideRootsError if a path of the session is outside the folders.

        Checked are the worktree, the Compose files, the env files and the folder of the stack.
        """
        if not self.folders:
            return
        self._check(session.context.cwd)
        selection = session.selection
        for path in (selection.directory, *selection.files, *selection.env_files):
            self._check(os.path.join(session.context.cwd, path))
        self._check(session.place.directory)
        for candidate in (session, find_started_session(session)):
            self.check_session(session.context, candidate.session_id)

    def check_session(self, context: Context, session_id: str) -> None:
        """Raise OutsideRootsError if the stack that the store has for the session is outside."""
        if not self.folders:
            return
        record = context.store.get(check_session_id(session_id))
        if record is not None and record.place.directory:
            self._check(record.place.directory)

    def has(self, path: str) -> bool:
        """Return True if the path is in one of the folders, or if every folder is allowed."""
        real_path = os.path.realpath(path)
        return not self.folders or any(
            os.path.commonpath((real_path, folder)) == folder for folder in self.folders
        )

    def _check(self, path: str) -> None:
        if self.has(path):
            return
        folder_list = ", ".join(self.folders)
        raise OutsideRootsError(
            f"{path} is outside of the folders that this server works in: {folder_list}",
            hint="give a worktree below one of them, or start the server with another --root",
            path=path,
        )


ANYWHERE = Roots()
