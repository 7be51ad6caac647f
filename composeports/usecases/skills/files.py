"""The skills that we ship, and copies of them: read, made whole or file by file, taken away again.

A copy that is made, or changed, keeps its folder locked. What a killed process left beside or in it
is locked by nobody, and goes with the next run.
"""

import errno
import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from composeports.errors import FileAccessError, UnsafeFileError
from composeports.host.bundled_files import path_of
from composeports.host.directory import open_folder, write_whole
from composeports.regular_file import read_regular
from composeports.usecases.skills.policy import (
    FOREIGN,
    MARKER,
    MISSING,
    Files,
    SkillCopy,
    SkillDecision,
)

TEMPORARY = ".composeports-new"
UNIQUE_BYTES = 4
# What rename(2) says where something else is in the place already.
OCCUPIED = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})


def shipped_skills() -> dict[str, Files]:
    """Return the skills of this version, "validate-feature" -> its files."""
    folder = path_of("skills")
    skills = {name: _files(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}
    return {
        name: {path: data for path, data in files.items() if data is not None}
        for name, files in skills.items()
        if "SKILL.md" in files
    }


def read_copy(folder: str) -> SkillCopy:
    """Return what lies where a skill goes; FileAccessError where it cannot be read."""
    try:
        found = os.lstat(folder)
    except (FileNotFoundError, NotADirectoryError):
        return SkillCopy()
    except OSError as error:
        raise _unusable(folder, error, "read") from error
    if not stat.S_ISDIR(found.st_mode):
        return SkillCopy(exists=True, is_folder=False)
    try:
        return SkillCopy(exists=True, files=_files(folder))
    except OSError as error:
        raise _unusable(folder, error, "read") from error


def write_copy(folder: str, verdict: SkillDecision) -> bool:
    """Make the copy as the verdict says; False where something took its place since the look.

    Killed at any point, the next try makes it whole. A new copy is made beside and renamed. In an
    empty folder the marker comes first, so that it is known as ours; an outdated copy gets it last,
    so that until then the old digests tell which files are as we wrote them.
    """
    try:
        if not os.path.lexists(folder):
            return _make_beside(folder, verdict.write)
        with _locked(folder):
            _write_inside(folder, verdict)
    except OSError as error:
        raise _unusable(folder, error, "write") from error
    return True


def _write_inside(folder: str, verdict: SkillDecision) -> None:
    data = dict(verdict.write)
    marker = data.pop(MARKER, None)
    is_new = verdict.state == MISSING
    if marker is not None and is_new:
        _write(os.path.join(folder, MARKER), marker)
    for name, content in sorted(data.items()):
        _write(os.path.join(folder, name), content)
    _remove(folder, verdict.remove)
    _remove_folders(folder, verdict.gone)
    if marker is not None and not is_new:
        _write(os.path.join(folder, MARKER), marker)


def _make_beside(folder: str, files: Files) -> bool:
    """Write the files into a folder beside, and rename that; False where the place is taken."""
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with _folder_beside(folder) as beside:
        try:
            for name, content in sorted(files.items()):
                _write(os.path.join(beside, name), content)
            os.rename(beside, folder)
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            if error.errno in OCCUPIED and os.path.lexists(folder):
                return False
            raise
    return True


@contextmanager
def _folder_beside(folder: str) -> Iterator[str]:
    """Make and lock a folder for a copy; another run may remove one that is not locked yet."""
    parent, name = os.path.split(folder)
    while True:
        path = os.path.join(parent, f".{name}.{os.urandom(UNIQUE_BYTES).hex()}{TEMPORARY}")
        os.mkdir(path)
        with _locked(path) as alone:
            if alone is not False and os.path.isdir(path):
                yield path
                return


def remove_leftovers(folder: str, verdict: SkillDecision) -> None:
    """Remove what killed processes left of a copy, beside it and, where it is ours, in it."""
    parent, name = os.path.split(folder)
    hexadecimal = f"[0-9a-f]{{{2 * UNIQUE_BYTES}}}"
    beside = re.compile(rf"\.{re.escape(name)}\.{hexadecimal}{re.escape(TEMPORARY)}")
    try:
        found = [each for each in os.scandir(parent) if beside.fullmatch(each.name)]
    except OSError:
        return  # nothing was ever installed there, or it is told when it is read
    try:
        for path in (each.path for each in found if each.is_dir(follow_symlinks=False)):
            with _locked(path) as alone:
                if alone:
                    with suppress(FileNotFoundError):
                        shutil.rmtree(path)
        if verdict.state == FOREIGN or not os.path.isdir(folder):
            return
        with _locked(folder) as alone:
            for path in list(_walk(folder)) if alone else ():
                if path.endswith(TEMPORARY):
                    os.unlink(path)
    except OSError as error:
        raise _unusable(folder, error, "remove") from error


@contextmanager
def _locked(folder: str) -> Iterator[bool | None]:
    """Try to lock the folder; yield True if this process has the lock.

    Yield False if another process has it, or has renamed or removed the folder since it was seen,
    and None if the folder's disk has no locks.
    """
    with ExitStack() as opened:
        try:
            number = opened.enter_context(open_folder(folder))
        except FileNotFoundError:
            yield False
        else:
            yield _lock(number)


def _lock(number: int) -> bool | None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def remove_copy(folder: str, verdict: SkillDecision, top: str) -> None:
    """Remove our files, what Python made of them, and folders up to `top` that are empty then."""
    try:
        for path in filter(_is_byproduct, list(_walk(folder))):
            os.unlink(path)
            _remove_empty(os.path.dirname(path), folder)
        if verdict.state == MISSING:
            _remove_empty_below(folder)
        _remove(folder, verdict.ours)
        _remove_folders(folder, verdict.gone)
        _remove(folder, (MARKER,))
        _remove_empty(folder, top)
    except OSError as error:
        raise _unusable(folder, error, "remove") from error


def _files(folder: str) -> dict[str, bytes | None]:
    """Return the files below a folder by their path in it; None for links and the like."""
    found: dict[str, bytes | None] = {}
    for path in _walk(folder):
        if _is_byproduct(path):
            continue
        name = os.path.relpath(path, folder)
        with suppress(FileNotFoundError):
            found[name] = _read(path)
    return found


def _walk(folder: str) -> Iterator[str]:
    """Yield the paths of all that is no folder; a link to a folder is one of them."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            else:
                yield entry.path


def _is_byproduct(path: str) -> bool:
    """Tell whether Python made it of a script of ours, or a killed installation left it."""
    folder, name = os.path.split(path)
    compiled = os.path.basename(folder) == "__pycache__" and name.endswith(".pyc")
    return compiled or name.endswith(TEMPORARY)


def _read(path: str) -> bytes | None:
    """Return what is in the file; None for a link, a pipe and the like, and for a larger one."""
    try:
        return read_regular(path)
    except UnsafeFileError:
        return None


def _write(path: str, data: bytes) -> None:
    """Write beside the file and rename."""
    parent, name = os.path.split(path)
    temporary = f"{name}.{os.getpid()}{TEMPORARY}"
    os.makedirs(parent, exist_ok=True)
    with open_folder(parent, follow=True) as folder:
        write_whole(folder, name, data, temporary=temporary, mode=0o666)


def _remove(folder: str, names: tuple[str, ...]) -> None:
    for name in names:
        path = os.path.join(folder, name)
        with suppress(FileNotFoundError):
            os.unlink(path)
        _remove_empty(os.path.dirname(path), folder)


def _remove_folders(folder: str, names: tuple[str, ...]) -> None:
    """Remove the empty folders of files that a killed run has removed; never through a link."""
    top = os.path.realpath(folder)
    for name in names:
        path = os.path.dirname(os.path.join(top, name))
        if os.path.realpath(path) == path:
            _remove_empty(path, top)


def _remove_empty_below(folder: str) -> None:
    """Remove all folders below one without files."""
    for path, _folders, _files in os.walk(folder, topdown=False):
        if path != folder:
            os.rmdir(path)


def _remove_empty(folder: str, top: str) -> None:
    """Remove the folder, and those above it up to `top`, as far as they are empty."""
    while folder != top and folder.startswith(f"{top}/"):
        try:
            os.rmdir(folder)
        except OSError:
            return
        folder = os.path.dirname(folder)


def _unusable(path: str, error: OSError, what: str) -> FileAccessError:
    return FileAccessError(
        f"cannot {what} {error.filename or path}: {error.strerror or error}",
        hint="look at the folder's rights and the space on its disk, and run it again",
        path=path,
    )
