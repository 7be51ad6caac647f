"""The skills that composeports ships, and copies of them: read, write, and remove.

While a copy is created or changed, its folder is locked. Files that a killed process left beside it
or in it are not locked, and the next run removes them.
"""

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from composeports.errors import FileAccessError, UnsafeFileError
from composeports.host.bundled_files import path_of
from composeports.host.directory import open_folder, write_whole
from composeports.host.file_lock import try_lock
from composeports.regular_file import read_regular
from composeports.usecases.skills.policy import (
    FOREIGN,
    MARKER,
    MISSING,
    Files,
    SkillCopy,
    SkillDecision,
    is_skill_name,
    skill_of,
)

TEMPORARY = ".composeports-new"
UNIQUE_BYTES = 4
# The errors of rename(2) if something else already has the new name.
OCCUPIED = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})


def bundled_skills() -> dict[str, Files]:
    """Return the skills of this version: the name ("validate-feature") and its files."""
    folder = path_of("skills")
    skills = {name: _files(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}
    return {
        name: {path: data for path, data in files.items() if data is not None}
        for name, files in skills.items()
        if "SKILL.md" in files
    }


def read_copy(folder: str) -> SkillCopy:
    """Return what is at the path of a skill; FileAccessError if it cannot be read."""
    try:
        status = os.lstat(folder)
    except (FileNotFoundError, NotADirectoryError):
        return SkillCopy()
    except OSError as error:
        raise _unusable(folder, error, "read") from error
    if not stat.S_ISDIR(status.st_mode):
        return SkillCopy(exists=True, is_folder=False)
    try:
        return SkillCopy(exists=True, files=_files(folder))
    except OSError as error:
        raise _unusable(folder, error, "read") from error


def copies_under_other_names(folder: str) -> dict[str, str]:
    """Return the copies in a folder of skills that have another name: "check-stack" -> its skill.

    Links are left out. Raises FileAccessError if the folder cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _unusable(folder, error, "read") from error
    skills = {name: _skill_at(os.path.join(folder, name, MARKER)) for name in sorted(names)}
    return {name: skill for name, skill in skills.items() if skill and is_skill_name(name)}


def _skill_at(marker: str) -> str:
    """Return the skill that a marker names; empty if there is no such marker."""
    try:
        return skill_of(_read(marker))
    except OSError:
        return ""


def write_copy(folder: str, verdict: SkillDecision) -> bool:
    """Write the copy as the decision says; False if another copy appeared since it was read.

    If the process is killed at any point, the next run completes the copy. A new copy is written to
    a folder beside it, which is then renamed. In an empty folder the marker is written first, so
    that the copy counts as made by composeports. In an outdated copy the marker is written last, so
    that until then the old digests show which files are still as composeports wrote them.
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
    """Write the files to a folder beside `folder` and rename it; False if `folder` exists."""
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with _folder_beside(folder) as temporary_folder:
        try:
            for name, content in sorted(files.items()):
                _write(os.path.join(temporary_folder, name), content)
            os.rename(temporary_folder, folder)
        except OSError as error:
            shutil.rmtree(temporary_folder, ignore_errors=True)
            if error.errno in OCCUPIED and os.path.lexists(folder):
                return False
            raise
    return True


@contextmanager
def _folder_beside(folder: str) -> Iterator[str]:
    """Create and lock a temporary folder for a copy.

    Another run may remove the folder before it is locked; then create another one.
    """
    parent, name = os.path.split(folder)
    while True:
        path = os.path.join(parent, f".{name}.{os.urandom(UNIQUE_BYTES).hex()}{TEMPORARY}")
        os.mkdir(path)
        with _locked(path) as is_locked:
            if is_locked is not False and os.path.isdir(path):
                yield path
                return


def remove_leftovers(folder: str, verdict: SkillDecision) -> None:
    """Remove what killed processes left beside a copy.

    Also remove what they left in the copy, if composeports made the copy.
    """
    parent, name = os.path.split(folder)
    hexadecimal = f"[0-9a-f]{{{2 * UNIQUE_BYTES}}}"
    pattern = re.compile(rf"\.{re.escape(name)}\.{hexadecimal}{re.escape(TEMPORARY)}")
    try:
        entries = [entry for entry in os.scandir(parent) if pattern.fullmatch(entry.name)]
    except OSError:
        return  # no skill was ever installed there, or reading the copy raises the error
    try:
        for path in (entry.path for entry in entries if entry.is_dir(follow_symlinks=False)):
            with _locked(path) as is_locked:
                if is_locked:
                    with suppress(FileNotFoundError):
                        shutil.rmtree(path)
        if verdict.state == FOREIGN or not os.path.isdir(folder):
            return
        with _locked(folder) as is_locked:
            for path in list(_walk(folder)) if is_locked else ():
                if path.endswith(TEMPORARY):
                    os.unlink(path)
    except OSError as error:
        raise _unusable(folder, error, "remove") from error


@contextmanager
def _locked(folder: str) -> Iterator[bool | None]:
    """Lock the folder; yield True if this process got the lock.

    Yield None if the file system has no locks. Yield False if another process holds the lock, or if
    another run has renamed or removed the folder since it was listed.
    """
    with ExitStack() as stack:
        try:
            number = stack.enter_context(open_folder(folder))
        except FileNotFoundError:
            yield False
        else:
            yield _lock(number)


def _lock(number: int) -> bool | None:
    try:
        return try_lock(number)
    except OSError:
        return None


def remove_copy(folder: str, verdict: SkillDecision, top: str) -> None:
    """Remove our files, Python's bytecode of them, and then empty folders up to `top`."""
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
    """Return the files below a folder by relative path; None for links and the like."""
    files: dict[str, bytes | None] = {}
    for path in _walk(folder):
        if _is_byproduct(path):
            continue
        name = os.path.relpath(path, folder)
        with suppress(FileNotFoundError):
            files[name] = _read(path)
    return files


def _walk(folder: str) -> Iterator[str]:
    """Yield the paths of everything but folders; a link to a folder is included."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            else:
                yield entry.path


def _is_byproduct(path: str) -> bool:
    """Return True for bytecode of a script, and for a file of a killed installation."""
    folder, name = os.path.split(path)
    is_bytecode = os.path.basename(folder) == "__pycache__" and name.endswith(".pyc")
    return is_bytecode or name.endswith(TEMPORARY)


def _read(path: str) -> bytes | None:
    """Return the file's content; None for a link, a pipe and the like, and for a file too large."""
    try:
        return read_regular(path)
    except UnsafeFileError:
        return None


def _write(path: str, data: bytes) -> None:
    """Write a temporary file beside the file and rename it."""
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
    """Remove empty folders of files that a killed run removed; never go through a link."""
    top = os.path.realpath(folder)
    for name in names:
        path = os.path.dirname(os.path.join(top, name))
        if os.path.realpath(path) == path:
            _remove_empty(path, top)


def _remove_empty_below(folder: str) -> None:
    """Remove all folders below a folder that has no files."""
    for path, _folders, _files in os.walk(folder, topdown=False):
        if path != folder:
            os.rmdir(path)


def _remove_empty(folder: str, top: str) -> None:
    """Remove the folder, and its parent folders below `top`, as far as they are empty."""
    while folder != top and folder.startswith(f"{top}/"):
        try:
            os.rmdir(folder)
        except OSError:
            return
        folder = os.path.dirname(folder)


def _unusable(path: str, error: OSError, action: str) -> FileAccessError:
    return FileAccessError(
        f"cannot {action} {error.filename or path}: {error.strerror or error}",
        hint="check the folder's permissions and the space on its disk, and run it again",
        path=path,
    )
