"""The skills that we ship, and copies of them: read, written file by file, taken away again."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress

from composeports.core.skills import MARKER, Copy, Files, Verdict
from composeports.errors import FileAccessError, UnsafeFileError
from composeports.host.directory import open_folder, write_whole
from composeports.regular_file import read_regular

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# In a wheel, and in a checkout of ours.
SHIPPED = (os.path.join(PACKAGE, "_data", "skills"), os.path.join(PACKAGE, "..", "skills"))
TEMPORARY = ".composeports-new"


def shipped_skills() -> dict[str, Files]:
    """Return the skills of this version, "validate-feature" -> its files."""
    folder = next((each for each in SHIPPED if os.path.isdir(each)), SHIPPED[0])
    skills = {name: _files(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}
    return {
        name: {path: data for path, data in files.items() if data is not None}
        for name, files in skills.items()
        if "SKILL.md" in files
    }


def look_at(folder: str) -> Copy:
    """Return what lies where a skill goes; FileAccessError where it cannot be read."""
    try:
        found = os.lstat(folder)
    except (FileNotFoundError, NotADirectoryError):
        return Copy()
    except OSError as error:
        raise _unusable(folder, error, "read") from error
    if not stat.S_ISDIR(found.st_mode):
        return Copy(exists=True, is_folder=False)
    try:
        return Copy(exists=True, files=_files(folder))
    except OSError as error:
        raise _unusable(folder, error, "read") from error


def write_copy(folder: str, verdict: Verdict) -> None:
    """Make the copy as the verdict says; killed at any point, the next try makes it whole.

    A new copy gets its marker first, so that it is known as ours; an outdated one last, so that
    until then the old digests tell which files are as we wrote them.
    """
    data = dict(verdict.write)
    marker = data.pop(MARKER, None)
    is_new = not os.path.isdir(folder)
    try:
        if marker is not None and is_new:
            _write(os.path.join(folder, MARKER), marker)
        for name, content in sorted(data.items()):
            _write(os.path.join(folder, name), content)
        _remove(folder, verdict.remove)
        if marker is not None and not is_new:
            _write(os.path.join(folder, MARKER), marker)
    except OSError as error:
        raise _unusable(folder, error, "write") from error


def remove_copy(folder: str, verdict: Verdict, top: str) -> None:
    """Remove our files, what Python made of them, and folders up to `top` that are empty then."""
    try:
        for path in filter(_is_byproduct, list(_walk(folder))):
            os.unlink(path)
            _remove_empty(os.path.dirname(path), folder)
        _remove(folder, (*verdict.ours, MARKER))
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
