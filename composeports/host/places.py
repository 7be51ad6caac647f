"""Looks at where a session's worktree is, or was: stat, and git's own files; no process."""

import os
from contextlib import suppress

from composeports.core.cleaning import Sight, Spot
from composeports.core.lease import Place
from composeports.errors import UnsafeFileError
from composeports.host.git import git_dir_at, read_text

# The mount points that this machine should have; a name without its disk is an empty folder.
FSTAB = "/etc/fstab"


def look_at(place: Place, fstab: str = FSTAB) -> Sight:
    """Return what is to be seen of the place now; what cannot be told is not `missing`.

    A file of git's that must not be read tells nothing, and is no failure: the place may be that of
    another session.
    """
    recorded = _spot(place.worktree, fstab)
    directory = place.directory == place.worktree or os.path.isdir(place.directory)
    common, name = os.path.split(os.path.dirname(place.git_dir))
    if name != "worktrees":
        return Sight(recorded, directory=directory)
    if not _exists(place.git_dir):
        # With its last worktree git removes the folder of all of them, too.
        pruned = os.path.isfile(os.path.join(common, "HEAD"))
        return Sight(recorded, pruned=pruned, directory=directory)
    noted = _text(os.path.join(place.git_dir, "gitdir"))
    locked = os.path.lexists(os.path.join(place.git_dir, "locked"))
    # `worktree.useRelativePaths` has it relative to the git directory.
    entry = os.path.join(place.git_dir, (noted or "").rstrip("\n"))
    spot = _spot(os.path.dirname(os.path.abspath(entry)), fstab) if noted else Spot()
    return Sight(recorded, spot, locked=locked, directory=directory)


def _spot(path: str, fstab: str) -> Spot:
    if os.path.isdir(path):
        return Spot(folder=True, git_dir=_git_dir(path))
    return Spot(missing=_is_missing(path) and not _is_unmounted(path, fstab))


def _text(path: str) -> str | None:
    with suppress(UnsafeFileError):
        return read_text(path)
    return None


def _git_dir(path: str) -> str:
    with suppress(UnsafeFileError):
        return git_dir_at(path) or ""
    return ""


def _is_missing(path: str) -> bool:
    """Tell whether the folder above is there and says that it has no such entry."""
    return not _exists(path) and os.path.isdir(os.path.dirname(path))


def _exists(path: str) -> bool:
    """Tell whether there is such an entry, or may be one where we must not look."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _is_unmounted(path: str, fstab: str) -> bool:
    """Tell whether the path lies below a mount point whose disk is not there."""
    points = [line.split()[1] for line in (read_text(fstab) or "").splitlines() if line.split()[1:]]
    return any(
        path.startswith(point.rstrip("/") + "/") and not os.path.ismount(point)
        for point in points
        if point.startswith("/")
    )
