"""Find and remove files that ended or killed composeports processes left."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from errno import EWOULDBLOCK

from composeports.errors import UnsafeFileError
from composeports.host.atomic_files import remove_file
from composeports.host.file_lock import try_lock
from composeports.host.session_files import OWN_FOLDER
from composeports.host.session_folder import TEMPORARY, OwnFolder, own_files
from composeports.regular_file import open_regular
from composeports.usecases.doctor.facts import Item, StaleFile
from composeports.usecases.doctor.findings import Fix

INNER_FOLDERS = (
    *("allowed", "first-up", "help", "known", "locks", "observed", "seeding", "tests"),
)


def list_state(folder: str, store: str) -> tuple[Item, ...]:
    """Return the state directory and composeports' files in it; empty if it does not exist.

    The store's files are included if they are in another folder.
    """
    paths = [folder]
    for name in sorted(_names(folder)):
        path = os.path.join(folder, name)
        is_inner = name in INNER_FOLDERS
        if (
            is_inner
            or path.startswith(store)
            or (name.startswith("bug-") and name.endswith(".log"))
        ):
            paths.append(path)
        if is_inner:
            paths += (os.path.join(path, entry) for entry in sorted(_names(path)))
    if os.path.dirname(store) != folder:
        paths += (f"{store}{end}" for end in ("", "-wal", "-shm"))
    return tuple(item for path in paths for item in _item(path))


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _item(path: str) -> Iterator[Item]:
    with suppress(OSError):
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            status = os.stat(path)
        is_mine = status.st_uid == os.geteuid()
        yield Item(path, stat.S_IMODE(status.st_mode), is_mine, stat.S_ISDIR(status.st_mode))


def stray_temporaries(directory: str) -> Iterator[StaleFile]:
    """Yield the files that killed processes left in `.composeports` of a directory."""
    top = os.path.join(directory, OWN_FOLDER)
    for folder in (top, *(os.path.join(top, name) for name in _names(top))):
        yield from temporaries_in(folder)


def temporaries_in(folder: str) -> Iterator[StaleFile]:
    """Yield the temporary files in a folder whose process has ended."""
    for name in _names(folder):
        process = name.removesuffix(TEMPORARY).rpartition(".")[2]
        has_ended = process.isdecimal() and not _lives(int(process))
        if name.endswith(TEMPORARY) and has_ended:
            yield StaleFile(os.path.join(folder, name), "temporary")


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def stray_folder(directory: str, project: str, *, named: bool) -> Iterator[StaleFile]:
    """Yield the session's folder if composeports' files are still in it.

    `named`: the session has a sub-folder of its own, with the name of its project.
    """
    subfolder = project if named else ""
    path = os.path.join(directory, OWN_FOLDER, subfolder).rstrip("/")
    if own_files(directory, subfolder):
        yield StaleFile(path, "folder", project)


def stray_locks(state: str, needed: frozenset[str]) -> Iterator[StaleFile]:
    """Yield lock files (except those of `needed` projects) and copy records that are not held."""
    for folder, kind in (("locks", "lock"), ("seeding", "record")):
        for name in _names(os.path.join(state, folder)):
            path = os.path.join(state, folder, name)
            if (kind == "lock" and name in needed) or _is_held(path):
                continue
            with suppress(OSError):
                has_content = kind == "record" and os.stat(path).st_size
                yield StaleFile(path, "copy" if has_content else kind, name)


def _is_held(path: str) -> bool:
    """Return True if a process holds the lock of the file, or if we may not open the file."""
    try:
        file = open_regular(path)
    except (OSError, UnsafeFileError):
        return True
    try:
        return not try_lock(file, shared=True)
    except OSError:
        return True
    finally:
        os.close(file)


def apply_fix(fix: Fix) -> str:
    """Apply one fix and return a line about it; OSError if it fails."""
    if fix.kind == "mode":
        os.chmod(fix.path, fix.mode)
        return f"{fix.path} has the rights {fix.mode:04o} now"
    if fix.kind == "folder":
        parts = fix.path.rpartition(f"/{OWN_FOLDER}")
        OwnFolder(parts[0], parts[2].strip("/")).remove()
    elif fix.kind == "lock":
        _remove_lock(fix.path)
    else:
        remove_file(fix.path, follow=False)
    return f"removed {fix.path}"


def _remove_lock(path: str) -> None:
    """Remove a lock file while this process holds its lock.

    A process that opened the file before notices the removal and creates a new file.
    """
    file = open_regular(path, flags=os.O_RDWR)
    try:
        if not try_lock(file):
            raise BlockingIOError(EWOULDBLOCK, "another process uses it", path)
        os.unlink(path)
    finally:
        os.close(file)
