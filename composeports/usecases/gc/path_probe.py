"""Inspect where a session's worktree is or was, with `stat` and git's own files; no subprocess."""

import math
import os
from contextlib import suppress

from composeports.core.folders import is_below
from composeports.core.lease import WorktreeLocation
from composeports.errors import UnsafeFileError
from composeports.host.git import (
    git_dir_at,
    is_made_since,
    notes_worktree,
    read_text,
)
from composeports.usecases.gc.policy import PathProbe, WorktreeProbe

# Lists the mount points that this machine should have. One without its disk is an empty folder.
FSTAB = "/etc/fstab"
# The folder in a checkout's git directory that has the git directories of its submodules.
MODULES = "/modules/"


def probe_worktree(
    place: WorktreeLocation, fstab: str = FSTAB, since: float = math.inf
) -> WorktreeProbe:
    """Return what the disk shows of the session's worktree now.

    `missing` is True only if the disk proves it. A repository that was created after `since`
    (seconds since the epoch) is not the session's own.

    A git file that must not be read counts as unknown and raises no error, because the worktree may
    be another session's.
    """
    recorded_probe = _spot(place.worktree, fstab)
    if not recorded_probe.folder and not recorded_probe.missing and _is_around_lost(place, fstab):
        recorded_probe = PathProbe(missing=True)
    has_directory = place.directory == place.worktree or os.path.isdir(place.directory)
    common_dir, name = os.path.split(os.path.dirname(place.git_dir))
    if name != "worktrees":
        return WorktreeProbe(recorded_probe, directory=has_directory)
    if not _exists(place.git_dir):
        # When git removes the last linked worktree, it removes the folder `worktrees` as well.
        is_pruned = os.path.isfile(os.path.join(common_dir, "HEAD"))
        is_moved = (
            is_pruned and is_made_since(common_dir, since) and _is_moved(place, recorded_probe)
        )
        return WorktreeProbe(
            recorded_probe, pruned=is_pruned, directory=has_directory, moved=is_moved
        )
    noted_path = _noted(place.git_dir)
    is_locked = os.path.lexists(os.path.join(place.git_dir, "locked"))
    noted_probe = _spot(noted_path, fstab) if noted_path else PathProbe()
    return WorktreeProbe(recorded_probe, noted_probe, locked=is_locked, directory=has_directory)


def _is_moved(place: WorktreeLocation, recorded: PathProbe) -> bool:
    """Return True if the worktree is still there, but is another repository's worktree now.

    It has the same name in that repository, and that repository lists this path for it.
    """
    git_dir = recorded.git_dir
    same_name = os.path.basename(git_dir) == os.path.basename(place.git_dir)
    with suppress(UnsafeFileError):
        return same_name and notes_worktree(git_dir, place.worktree)
    return False


def _is_around_lost(place: WorktreeLocation, fstab: str) -> bool:
    """Return True if the checkout around a submodule or a clone is certainly deleted."""
    git_dir = _superproject(place.git_dir) or _superproject(place.around) or place.around
    parent, name = os.path.split(git_dir)
    if name == ".git":
        return _spot(parent, fstab).missing
    repository, kind = os.path.split(parent)
    if kind != "worktrees":
        return False
    if not _exists(git_dir):
        return os.path.isfile(os.path.join(repository, "HEAD"))
    worktree = _noted(git_dir)
    is_locked = os.path.lexists(os.path.join(git_dir, "locked"))
    return bool(worktree) and not is_locked and _spot(worktree, fstab).missing


def _superproject(git_dir: str) -> str:
    """Return the git directory of the outermost checkout around a submodule.

    `git_dir` is the submodule's git directory. Empty if it is not one of a submodule.
    """
    position = git_dir.find(MODULES)
    while position >= 0:
        outer_dir = git_dir[:position]
        parent, name = os.path.split(outer_dir)
        if name == ".git" or os.path.basename(parent) == "worktrees":
            return outer_dir
        position = git_dir.find(MODULES, position + 1)
    return ""


def _noted(git_dir: str) -> str:
    """Return the path that git has for a linked worktree; empty if git has none."""
    text = _text(os.path.join(git_dir, "gitdir"))
    # With `worktree.useRelativePaths` the path is relative to the git directory.
    entry = os.path.join(git_dir, (text or "").rstrip("\n"))
    return os.path.dirname(os.path.abspath(entry)) if text else ""


def leads_to(worktree: str) -> str:
    """Return the git directory that a checkout's `.git` points to; empty if unknown."""
    return _git_dir(worktree) if worktree else ""


def is_lost(git_dir: str) -> bool:
    """Return True if the git directory does not exist."""
    return not _exists(git_dir)


def _spot(path: str, fstab: str) -> PathProbe:
    if os.path.isdir(path):
        return PathProbe(folder=True, git_dir=_git_dir(path))
    return PathProbe(missing=_is_missing(path) and not _is_unmounted(path, fstab))


def _text(path: str) -> str | None:
    with suppress(UnsafeFileError):
        return read_text(path)
    return None


def _git_dir(path: str) -> str:
    with suppress(UnsafeFileError):
        return git_dir_at(path) or ""
    return ""


def _is_missing(path: str) -> bool:
    """Return True if the parent folder exists and has no such entry."""
    return not _exists(path) and os.path.isdir(os.path.dirname(path))


def _exists(path: str) -> bool:
    """Return True if the entry exists, or if the system does not let us check."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _is_unmounted(path: str, fstab: str) -> bool:
    """Return True if the path is below a mount point where nothing is mounted."""
    points = [line.split()[1] for line in (read_text(fstab) or "").splitlines() if line.split()[1:]]
    return any(
        is_below(path, point) and not os.path.ismount(point)
        for point in points
        if point.startswith("/")
    )
