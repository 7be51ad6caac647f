"""`allow`: let the commands of a repository's settings run on this machine, for this user."""

import os
import stat
from typing import NamedTuple

from composeports.core.after_up import (
    AfterCommand,
    allowed_key,
    commands_of,
    is_record_of,
    record_text,
    shown,
)
from composeports.errors import NotAllowedError, UnsafeFileError
from composeports.host.atomic_files import remove_file, write_file
from composeports.host.git import repository_of_checkout
from composeports.host.record_file import is_own
from composeports.host.state_directory import make_inner_folder
from composeports.paths import allowed_record
from composeports.regular_file import open_regular, read_open
from composeports.usecases.session import Session

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class RepositoryCommands(NamedTuple):
    """The commands of a repository's settings, and the record by which this user allows them."""

    repository: str
    commands: tuple[AfterCommand, ...]
    key: str
    path: str

    def is_allowed(self) -> bool:
        """Return True if this user has a record with the key that others cannot write to."""
        try:
            file = open_regular(self.path)
        except (OSError, UnsafeFileError):
            return False
        try:
            found = os.fstat(file)
            is_private = is_own(found) and not found.st_mode & OTHERS_WRITE
            return is_private and is_record_of(read_open(self.path, file).decode(), self.key)
        except (OSError, UnsafeFileError, UnicodeDecodeError):
            return False
        finally:
            os.close(file)

    def allow(self) -> None:
        """Write the record; FileAccessError if it cannot be written."""
        make_inner_folder(os.path.dirname(self.path))
        text = record_text(self.key, self.repository, self.commands)
        write_file(self.path, text.encode("utf-8", "surrogateescape"), 0o600, follow=False)

    def revoke(self) -> None:
        """Remove the record if there is one; FileAccessError if it cannot be removed."""
        if os.path.lexists(self.path):
            remove_file(self.path, follow=False)


def repository_commands(session: Session) -> RepositoryCommands:
    """Return the commands of the settings that apply here; there may be none.

    All worktrees of a repository have the same record if the commands are the same.
    """
    commands = commands_of(session.settings)
    folder = session.settings_folder
    repository, place = folder, ""
    if session.checkout is not None:
        worktree, git_dir = session.checkout
        repository = repository_of_checkout(worktree, git_dir) or worktree
        place = os.path.relpath(folder, worktree) if folder else ""
    key = allowed_key(repository, place, commands)
    return RepositoryCommands(
        repository, commands, key, allowed_record(session.context.environ, key)
    )


def refuse_not_allowed(session: Session) -> tuple[AfterCommand, ...]:
    """Return the commands of the settings; NotAllowedError if this user has not allowed them."""
    found = repository_commands(session)
    if not found.commands or found.is_allowed():
        return found.commands
    lines = "\n  ".join(shown(command) for command in found.commands)
    raise NotAllowedError(
        "the settings of this repository name commands that run on this machine after `up`, and "
        f"you have not allowed them:\n  {lines}",
        hint="`composeports allow` allows them; `composeports up --no-after` starts the stack "
        "without them",
        commands=dict(found.commands),
    )
