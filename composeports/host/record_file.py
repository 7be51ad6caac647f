"""Records in the state directory that outlive their process, each in a file that is locked.

A record is this user's own, or it does not count: several users may share the state directory.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from composeports.errors import FileAccessError
from composeports.host.file_lock import lock, try_lock
from composeports.host.state_directory import file_mode, make_inner_folder
from composeports.regular_file import open_regular


def is_on_record(path: str) -> bool:
    """Return True if the record exists and is this user's own."""
    try:
        return is_own(os.stat(path, follow_symlinks=False))
    except OSError:
        return False


def remove_record(path: str) -> None:
    """Remove the record if it exists and is this user's own."""
    if is_on_record(path):
        with suppress(OSError):
            os.unlink(path)


def is_own(found: os.stat_result) -> bool:
    """Return True if the file belongs to this user."""
    return found.st_uid == os.geteuid()


@contextmanager
def hold_file(path: str, waiting: Callable[[], None] | None) -> Iterator[int | None]:
    """Create a file, lock it, and delete it afterwards if it is empty.

    The kernel releases the lock when the process ends. Without `waiting`, yield None if another
    process holds the lock. Raises FileAccessError if the file cannot be written.
    """
    try:
        file = _lock(path, waiting)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror or error}"
        hint = "check the permissions and the space of the state directory; nothing was changed"
        raise FileAccessError(message, hint=hint, path=path) from error
    if file is None:
        yield None
        return
    try:
        yield file
    finally:
        if not os.fstat(file).st_size:
            with suppress(OSError):
                os.unlink(path)
        os.close(file)


def _lock(path: str, waiting: Callable[[], None] | None) -> int | None:
    folder = os.path.dirname(path)
    make_inner_folder(folder)
    mode = file_mode(os.stat(folder).st_mode)
    while True:
        file = open_regular(path, flags=os.O_RDWR | os.O_CREAT, mode=mode)
        try:
            if not _taken(file, waiting):
                os.close(file)
                return None
            if _is_at(file, path):
                return file
            os.close(file)  # the process that held it has removed the file
        except BaseException:
            with suppress(OSError):
                os.close(file)
            raise


def _taken(file: int, waiting: Callable[[], None] | None) -> bool:
    if try_lock(file):
        return True
    if waiting is None:
        return False
    waiting()
    lock(file)
    return True


def _is_at(file: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
