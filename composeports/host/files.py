"""Our folder in the project directory: files written whole or not at all, and only our own."""

import os
import stat
from collections.abc import Container
from contextlib import suppress

from composeports.errors import FileAccessError
from composeports.host.compose_files import (
    OWN_COPIES,
    OWN_ENV,
    OWN_FOLDER,
    OWN_NAMES,
    OWN_OVERRIDE,
)

IGNORE_FILE = ".gitignore"
IGNORE_EVERYTHING = "# Made by composeports, `composeports down` removes it.\n*\n"
TEMPORARY = ".new"
# Versions before this one had it.
EARLIER = "observed.json"
OWN_FILES = frozenset({OWN_ENV, OWN_OVERRIDE, OWN_NAMES, *OWN_COPIES, EARLIER})


class OwnFolder:
    """`.composeports` in one directory, or a sub-folder of it; made at the first `write`.

    FileAccessError where it is a symlink, not a folder or somebody else's, or cannot be written.
    """

    def __init__(self, directory: str, below: str = "") -> None:
        """Name the folder in `directory`; `below` is the sub-folder, where one is wanted."""
        self.path = os.path.join(directory, OWN_FOLDER, below).rstrip("/")
        self._top = os.path.join(directory, OWN_FOLDER)

    def write(self, name: str, text: str) -> None:
        """Put `text` into the file; a reader sees the old text or the new one, never a part."""
        try:
            self._make()
            data = text.encode("utf-8", "surrogateescape")
            if _content(os.path.join(self.path, name)) != data:
                _write_whole(os.path.join(self.path, name), data)
        except OSError as error:
            raise _unusable(error, self.path) from error

    def read(self, name: str) -> str | None:
        """Return the file's text; None where there is none that can be read."""
        data = _content(os.path.join(self.path, name))
        return None if data is None else data.decode("utf-8", "surrogateescape")

    def remove(self) -> None:
        """Remove our files, and the folder where nothing of anybody else lies in it."""
        if _is_foreign(self._top) or _is_foreign(self.path):
            return
        _remove_files(self.path, OWN_FILES)
        if self.path != self._top:
            _remove_folder(self.path)
        with suppress(OSError):
            if all(_is_ours(name, {IGNORE_FILE}) for name in os.listdir(self._top)):
                _remove_files(self._top, {IGNORE_FILE})
                _remove_folder(self._top)

    def _make(self) -> None:
        """Make the folder, ignored by git from its first instant."""
        with suppress(FileExistsError):
            os.mkdir(self._top, 0o755)
        if _is_foreign(self._top):
            raise _not_ours(self._top)
        ignored = os.path.join(self._top, IGNORE_FILE)
        if _content(ignored) is None:
            _write_whole(ignored, IGNORE_EVERYTHING.encode())
        with suppress(FileExistsError):
            os.mkdir(self.path, 0o755)
        if _is_foreign(self.path):
            raise _not_ours(self.path)


def own_files(path: str) -> list[str]:
    """Return the names of the files in a folder of ours that composeports wrote."""
    if _is_foreign(os.path.dirname(path)) or _is_foreign(path):
        return []
    try:
        return [name for name in os.listdir(path) if _is_ours(name, OWN_FILES)]
    except OSError:
        return []


def files_in(folder: str) -> list[str]:
    """Return the paths of what lies in the folder; none where it cannot be read."""
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError:
        return []


def _is_foreign(path: str) -> bool:
    """Tell whether something is there that composeports did not make: a link, a file, another's."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    return not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid()


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _write_whole(path: str, data: bytes) -> None:
    """Write beside the file and rename; 0600, since variables may hold passwords."""
    temporary = f"{path}.{os.getpid()}{TEMPORARY}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with open(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _is_ours(name: str, names: Container[str]) -> bool:
    """Tell whether it is one of our files, or what a killed process left of one."""
    stem, _, process = name.removesuffix(TEMPORARY).rpartition(".")
    return name in names or (name.endswith(TEMPORARY) and process.isdecimal() and stem in names)


def _remove_files(folder: str, names: Container[str]) -> None:
    with suppress(OSError):
        for name in os.listdir(folder):
            if _is_ours(name, names):
                os.unlink(os.path.join(folder, name))


def _remove_folder(path: str) -> None:
    with suppress(OSError):
        os.rmdir(path)


def _not_ours(path: str) -> FileAccessError:
    return FileAccessError(
        f"{path} is a link, a file, or belongs to somebody else: composeports did not make it",
        hint="move it away, or run as its owner; nothing was changed",
        path=path,
    )


def _unusable(error: OSError, path: str) -> FileAccessError:
    return FileAccessError(
        f"cannot write {error.filename or path}: {error.strerror or error}",
        hint="look at the folder's rights and the space on its disk; nothing was changed",
        path=path,
    )


def is_script(path: str) -> bool:
    """Tell whether the program is a script, or cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True
