"""The folder `.composeports` of a project: write files atomically, remove only own files."""

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
# A file that earlier versions wrote.
EARLIER = "observed.json"
OWN_FILES = frozenset({OWN_ENV, OWN_OVERRIDE, OWN_NAMES, *OWN_COPIES, EARLIER})


class OwnFolder:
    """`.composeports` in one directory, or a sub-folder of it; the first `write` makes it.

    All access uses descriptors of the two folders, so a symbolic link that replaces a folder leads
    nowhere. FileAccessError is raised if a folder is a symbolic link, is not a folder, belongs to
    another user, or cannot be written.
    """

    def __init__(self, directory: str, below: str = "") -> None:
        """Set the path in `directory`; `below` is the name of the sub-folder, empty for none."""
        self.path = os.path.join(directory, OWN_FOLDER, below).rstrip("/")
        self._top = os.path.join(directory, OWN_FOLDER)
        self._below = below

    def write(self, name: str, text: str) -> None:
        """Write `text` to the file atomically: a reader sees the old text or the new text."""
        try:
            with self._made() as folder:
                data = text.encode("utf-8", "surrogateescape")
                if _content(folder, name) != data:
                    _write_own(folder, name, data)
        except OSError as error:
            raise _unusable(error, self.path) from error

    def read(self, name: str) -> str | None:
        """Return the file's text; None if the file is missing or cannot be read."""
        with suppress(OSError, FileAccessError), self.opened() as folder:
            data = _content(folder, name)
            return None if data is None else data.decode("utf-8", "surrogateescape")
        return None

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Yield the folder's descriptor; raise OSError or FileAccessError if it cannot be used."""
        with _own(self._top) as top, self._below_of(top) as folder:
            yield folder

    def remove(self) -> None:
        """Remove the files of composeports, and the folder if no other files are in it."""
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
        """Yield the descriptor of the sub-folder, or of `top` if there is no sub-folder."""
        if not self._below:
            yield top
            return
        with _own(self.path, self._below, top) as subfolder:
            yield subfolder

    @contextmanager
    def _made(self) -> Iterator[int]:
        """Make the folder if it is missing, and yield its descriptor.

        Its .gitignore is written first, so git ignores the folder from the start.
        """
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
    """Return the names of the files in a `.composeports` folder that composeports wrote."""
    with suppress(OSError, FileAccessError), OwnFolder(directory, below).opened() as folder:
        return [name for name in os.listdir(folder) if _is_ours(name, OWN_FILES)]
    return []


def files_in(folder: str) -> list[str]:
    """Return the paths of all entries of the folder; empty if it cannot be read."""
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError:
        return []


@contextmanager
def _own(path: str, name: str = "", above: int | None = None) -> Iterator[int]:
    """Yield the descriptor of a folder that this user owns.

    The folder is `path`, or `name` in the folder `above` if `name` is given. Raise FileAccessError
    for a symbolic link, a file, or a folder of another user.
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
    """Return the content of a file in the folder; None if it is missing, a link, a pipe and so on.

    The next write replaces such a file.
    """
    try:
        return read_regular(name, dir_fd=folder)
    except (OSError, UnsafeFileError):
        return None


def _write_own(folder: int, name: str, data: bytes) -> None:
    """Write the file atomically, with mode 0600 because variables may hold passwords."""
    write_whole(folder, name, data, temporary=f"{name}.{os.getpid()}{TEMPORARY}")


def _is_ours(name: str, names: Container[str]) -> bool:
    """Return True for a file of composeports, or what a killed process left while it wrote one."""
    stem, _, pid = name.removesuffix(TEMPORARY).rpartition(".")
    return name in names or (name.endswith(TEMPORARY) and pid.isdecimal() and stem in names)


def _remove_files(folder: int, names: Container[str]) -> None:
    for name in os.listdir(folder):
        if _is_ours(name, names):
            os.unlink(name, dir_fd=folder)


def _not_ours(path: str) -> FileAccessError:
    return FileAccessError(
        f"{path} is a link, a file, or belongs to another user: composeports did not make it",
        hint="move it away, or run as its owner; nothing was changed",
        path=path,
    )


def _named_by(error: OSError, path: str) -> str:
    """Return the path that the error names; a name relative to a descriptor lies in `path`."""
    return os.path.join(path, error.filename) if isinstance(error.filename, str) else path


def _unusable(error: OSError, path: str) -> FileAccessError:
    return FileAccessError(
        f"cannot write {_named_by(error, path)}: {error.strerror or error}",
        hint="check the folder's permissions and the space on its disk; nothing was changed",
        path=path,
    )


def is_script(path: str) -> bool:
    """Return True if the program is a script, or cannot be read."""
    try:
        number = open_regular(path, follow=True)
    except (OSError, UnsafeFileError):
        return True
    try:
        return os.read(number, 2) == b"#!"
    finally:
        os.close(number)
