"""Our folder in the project directory: files written whole or not at all, and only our own."""

import errno
import os
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress

from composeports.errors import FileAccessError, UnsafeFileError
from composeports.host.directory import FOLDER_FLAGS, write_whole
from composeports.host.session_files import OWN_COPIES, OWN_ENV, OWN_FOLDER, OWN_NAMES, OWN_OVERRIDE
from composeports.regular_file import open_regular, read_regular

IGNORE_FILE = ".gitignore"
IGNORE_EVERYTHING = "# Made by composeports, `composeports down` removes it.\n*\n"
TEMPORARY = ".new"
# Versions before this one had it.
EARLIER = "observed.json"
OWN_FILES = frozenset({OWN_ENV, OWN_OVERRIDE, OWN_NAMES, *OWN_COPIES, EARLIER})


class OwnFolder:
    """`.composeports` in one directory, or a sub-folder of it; made at the first `write`.

    All is done through descriptors of the two folders, so that a link that takes the place of one
    leads nowhere. FileAccessError where it is a symlink, not a folder or another user's, or cannot
    be written.
    """

    def __init__(self, directory: str, below: str = "") -> None:
        """Name the folder in `directory`; `below` is the sub-folder, where one is wanted."""
        self.path = os.path.join(directory, OWN_FOLDER, below).rstrip("/")
        self._top = os.path.join(directory, OWN_FOLDER)
        self._below = below

    def write(self, name: str, text: str) -> None:
        """Put `text` into the file; a reader sees the old text or the new one, never a part."""
        try:
            with self._made() as folder:
                data = text.encode("utf-8", "surrogateescape")
                if _content(folder, name) != data:
                    _write_own(folder, name, data)
        except OSError as error:
            raise _unusable(error, self.path) from error

    def read(self, name: str) -> str | None:
        """Return the file's text; None where there is none that can be read."""
        with suppress(OSError, FileAccessError), self.opened() as folder:
            data = _content(folder, name)
            return None if data is None else data.decode("utf-8", "surrogateescape")
        return None

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Yield the folder's descriptor; OSError or FileAccessError where there is no such."""
        with _own(self._top) as top, self._below_of(top) as folder:
            yield folder

    def remove(self) -> None:
        """Remove our files, and the folder where nothing of anybody else lies in it."""
        with suppress(OSError, FileAccessError), _own(self._top) as top:
            with self._below_of(top) as folder:
                _remove_files(folder, OWN_FILES)
            if self._below:
                with suppress(OSError):
                    os.rmdir(self._below, dir_fd=top)
            if all(_is_ours(name, {IGNORE_FILE}) for name in os.listdir(top)):
                _remove_files(top, {IGNORE_FILE})
                os.rmdir(self._top)

    @contextmanager
    def _below_of(self, top: int) -> Iterator[int]:
        """Yield the sub-folder's descriptor, or that of `top` where this is no sub-folder."""
        if not self._below:
            yield top
            return
        with _own(self.path, self._below, top) as inner:
            yield inner

    @contextmanager
    def _made(self) -> Iterator[int]:
        """Make the folder, ignored by git from its first instant, and yield its descriptor."""
        with suppress(FileExistsError):
            os.mkdir(self._top, 0o755)
        with _own(self._top) as top:
            if _content(top, IGNORE_FILE) is None:
                _write_own(top, IGNORE_FILE, IGNORE_EVERYTHING.encode())
            if self._below:
                with suppress(FileExistsError):
                    os.mkdir(self._below, 0o755, dir_fd=top)
            with self._below_of(top) as folder:
                yield folder


def own_files(directory: str, below: str = "") -> list[str]:
    """Return the names of the files in a folder of ours that composeports wrote."""
    with suppress(OSError, FileAccessError), OwnFolder(directory, below).opened() as folder:
        return [name for name in os.listdir(folder) if _is_ours(name, OWN_FILES)]
    return []


def files_in(folder: str) -> list[str]:
    """Return the paths of what lies in the folder; none where it cannot be read."""
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError:
        return []


@contextmanager
def _own(path: str, name: str = "", above: int | None = None) -> Iterator[int]:
    """Yield the descriptor of a folder that this user made, `name` in the folder `above`.

    FileAccessError for anything else: a link, a file, another user's.
    """
    try:
        number = os.open(name or path, FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=above)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            raise _not_ours(path) from None
        raise
    try:
        if os.fstat(number).st_uid != os.geteuid():
            raise _not_ours(path)
        yield number
    finally:
        os.close(number)


def _content(folder: int, name: str) -> bytes | None:
    """Return what is in a file of the folder; None where it is missing, a link, a pipe and so on.

    Such a file is replaced by the next write.
    """
    try:
        return read_regular(name, dir_fd=folder)
    except (OSError, UnsafeFileError):
        return None


def _write_own(folder: int, name: str, data: bytes) -> None:
    """Write beside the file and rename; 0600, since variables may hold passwords."""
    write_whole(folder, name, data, temporary=f"{name}.{os.getpid()}{TEMPORARY}")


def _is_ours(name: str, names: Container[str]) -> bool:
    """Tell whether it is one of our files, or what a killed process left of one."""
    stem, _, process = name.removesuffix(TEMPORARY).rpartition(".")
    return name in names or (name.endswith(TEMPORARY) and process.isdecimal() and stem in names)


def _remove_files(folder: int, names: Container[str]) -> None:
    for name in os.listdir(folder):
        if _is_ours(name, names):
            os.unlink(name, dir_fd=folder)


def _not_ours(path: str) -> FileAccessError:
    return FileAccessError(
        f"{path} is a link, a file, or belongs to somebody else: composeports did not make it",
        hint="move it away, or run as its owner; nothing was changed",
        path=path,
    )


def _named_by(error: OSError, path: str) -> str:
    """Return the path that the error names; what it names by a descriptor lies in `path`."""
    return os.path.join(path, error.filename) if isinstance(error.filename, str) else path


def _unusable(error: OSError, path: str) -> FileAccessError:
    return FileAccessError(
        f"cannot write {_named_by(error, path)}: {error.strerror or error}",
        hint="look at the folder's rights and the space on its disk; nothing was changed",
        path=path,
    )


def is_script(path: str) -> bool:
    """Tell whether the program is a script, or cannot be read."""
    try:
        number = open_regular(path, follow=True)
    except (OSError, UnsafeFileError):
        return True
    try:
        return os.read(number, 2) == b"#!"
    finally:
        os.close(number)
