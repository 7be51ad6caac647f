"""Link a project's own `.env` to a session's stack for plain `docker compose`, and restore it."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from composeports.core.environment import Pair
from composeports.core.marked_block import LINK_MARKS, is_broken, with_block
from composeports.errors import UserFileError
from composeports.host.atomic_files import read_file, remove_file, unusable, write_file
from composeports.host.file_lock import lock
from composeports.host.git import find_checkout, main_git_dir
from composeports.host.git_tracking import check_access, is_tracked
from composeports.host.session_files import USER_ENV
from composeports.host.session_folder import OwnFolder
from composeports.usecases.link import policy

MODE = 0o600  # variables may hold passwords
INSTEAD = '`eval "$(composeports env)"` puts a shell on the stack without any file'


def env_file(directory: str) -> str:
    """Return the path of the `.env` that Compose reads by itself in a project directory."""
    return os.path.join(directory, USER_ENV)


def linked_project(directory: str) -> str:
    """Return the project that the directory's `.env` is linked to; empty if none."""
    return policy.project_of(read_file(env_file(directory), follow=True) or b"")


def put_in(directory: str, project: str, pairs: Iterable[Pair], environ: Mapping[str, str]) -> bool:
    """Link `.env`, and create it if it is missing; return True if the file was changed.

    A created file that git would show as new is added to git's exclude file (`info/exclude`).
    Raises UserFileError if the change could harm the user or another worktree.
    """
    path = env_file(directory)
    checkout = find_checkout(directory)
    if checkout is not None:
        read_file(_exclude_file(checkout[1]))  # git reads it as well, and would wait for a pipe
        check_access(checkout[0], environ)
    text = _checked(path, environ)
    is_missing = not os.path.lexists(path)
    if is_missing:
        # Also where git ignores the file already: that may be the entry of another worktree.
        _exclude(path, project)
    return _write(path, text, project, pairs, made=is_missing or policy.is_made(text))


def renew(directory: str, project: str, pairs: Iterable[Pair]) -> bool:
    """Update the block of a linked `.env`; return True if the file was changed."""
    path = env_file(directory)
    _refuse_special(path)
    text = _text(path)
    return _write(path, text, project, pairs, made=policy.is_made(text))


def take_out(directory: str) -> bool:
    """Restore `.env` as it was before the link; return True if it was linked."""
    path = env_file(directory)
    if not os.path.lexists(path):
        return False
    text = _text(path)
    project = policy.project_of(text)
    if not project:
        return False
    _refuse_special(path)
    if policy.is_all_ours(text):
        remove_file(path)
    else:
        write_file(path, policy.unlinked(text), None, _scratch(path))
    checkout = find_checkout(directory)
    if checkout is not None:
        remove_git_exclusion(checkout[1], project)
    return True


def is_excluded(git_dir: str, project: str) -> bool:
    """Return True if git's exclude file has the project's entry; False if unreadable."""
    text = read_file(_exclude_file(git_dir)) or b""
    return policy.without_exclusion(text, project) != text


def remove_git_exclusion(git_dir: str, project: str) -> None:
    """Remove the project's entry from git's exclude file; the worktree may be deleted."""
    with _exclusions(git_dir) as path:
        text = read_file(path) or b""
        new_text = policy.without_exclusion(text, project)
        if new_text != text:
            write_file(path, new_text)


def _checked(path: str, environ: Mapping[str, str]) -> bytes:
    _refuse_special(path)
    if find_checkout(os.path.dirname(path)) and is_tracked(path, environ):
        raise _refused(
            path,
            "is tracked by git, which would show our variables as a change",
            f"take it out of git (`git rm --cached {USER_ENV}`, and ignore it), or: {INSTEAD}",
        )
    return _text(path)


def _refuse_special(path: str) -> None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if stat.S_ISLNK(status.st_mode):
        reason = f"is a link to {os.path.realpath(path)}, which others may use, too"
        raise _refused(path, reason, f"make it a file of this worktree alone, or: {INSTEAD}")
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        reason = "has another name, too" if stat.S_ISREG(status.st_mode) else "is no file"
        raise _refused(path, reason, f"make it a file of this worktree alone, or: {INSTEAD}")


def _text(path: str) -> bytes:
    text = read_file(path)
    if text is None and os.path.lexists(path):
        raise _refused(path, "cannot be read", "check its permissions")
    if text is not None and b"\0" in text:
        raise _refused(path, "is no UTF-8 text", f"Compose cannot read it, either; or: {INSTEAD}")
    if text is not None and is_broken(text, LINK_MARKS):
        reason = "has a part of our block, but not all of it, or has it twice"
        raise _refused(path, reason, "take the lines with `composeports link` in them out by hand")
    return text or b""


def _write(path: str, text: bytes, project: str, pairs: Iterable[Pair], *, made: bool) -> bool:
    head = policy.head(project, made=made)
    new_text = with_block(text, LINK_MARKS, head, policy.body(pairs, text))
    if new_text == text:
        return False
    write_file(path, new_text, None if os.path.exists(path) else MODE, _scratch(path))
    return True


def _scratch(path: str) -> OwnFolder:
    """Return our folder beside the file, which git ignores and `down` removes."""
    return OwnFolder(os.path.dirname(path))


def _exclude(path: str, project: str) -> None:
    real_path = os.path.join(os.path.realpath(os.path.dirname(path)), USER_ENV)
    checkout = find_checkout(os.path.dirname(real_path))
    if checkout is None or "\n" in real_path:
        return
    with _exclusions(checkout[1]) as file:
        text = read_file(file) or b""
        new_text = policy.with_exclusion(text, project, os.path.relpath(real_path, checkout[0]))
        write_file(file, new_text, None if os.path.exists(file) else 0o644)


@contextmanager
def _exclusions(git_dir: str) -> Iterator[str]:
    """Yield the path of git's exclude file, locked against links of other worktrees."""
    file = _exclude_file(git_dir)
    common_dir = os.path.dirname(os.path.dirname(file))
    try:
        folder = os.open(common_dir, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise unusable(common_dir, error) from error
    try:
        lock(folder)
        yield file
    finally:
        os.close(folder)


def _exclude_file(git_dir: str) -> str:
    """Return the path of git's exclude file.

    The worktree and its git directory may be deleted.
    """
    parent, name = os.path.split(os.path.dirname(git_dir))
    common_dir = parent if name == "worktrees" else main_git_dir(git_dir)
    return os.path.join(common_dir, "info", "exclude")


def _refused(path: str, why: str, hint: str) -> UserFileError:
    return UserFileError(f"{path} {why}; nothing was changed", hint=hint, path=path)
