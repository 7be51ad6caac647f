"""Read, replace and remove files of the user atomically, and keep their mode and owner.

These are files to which composeports adds a part, or from which it removes that part.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

from composeports.errors import FileAccessError
from composeports.host.directory import open_folder, write_whole
from composeports.host.session_folder import OwnFolder
from composeports.regular_file import read_regular


def read_file(path: str, *, follow: bool = False) -> bytes | None:
    """Return the content of the file; None if it is missing or cannot be read.

    Raise UnsafeFileError for a pipe, a device and other files that are not regular, for a file
    larger than 1 MiB, and for a symbolic link unless `follow` is true.
    """
    try:
        return read_regular(path, follow=follow)
    except OSError:
        return None


def write_file(
    path: str,
    data: bytes,
    mode: int | None = None,
    scratch: OwnFolder | None = None,
    *,
    follow: bool = True,
) -> None:
    """Write a temporary file and rename it to `path`, so that readers never see a part.

    With `mode`, the file gets this mode; use it for a new file. Without `mode`, the file must
    exist, and it keeps its mode and owner. Missing parent folders are made. `scratch` is a folder
    on the same disk for the temporary file, where a file left by a killed process does no harm; it
    is used only if it exists. Unless `follow` is true, the file's folder must not be a symbolic
    link. Raise FileAccessError if the file cannot be written.
    """
    parent, name = os.path.split(path)
    try:
        os.makedirs(parent, exist_ok=True)
        with open_folder(parent, follow=follow) as folder, _opened(scratch) as scratch_folder:
            prepare = None
            if mode is None:
                old_status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                prepare = partial(_keep_rights, before=old_status)
            write_whole(
                folder,
                name,
                data,
                temporary=f"{name}.{os.getpid()}.new",
                mode=mode or 0o600,
                scratch=scratch_folder,
                prepare=prepare,
            )
    except OSError as error:
        raise unusable(path, error) from error


@contextmanager
def _opened(scratch: OwnFolder | None) -> Iterator[int | None]:
    """Yield the descriptor of `scratch`; None if it is missing or belongs to another user."""
    with ExitStack() as stack:
        number = None
        if scratch is not None:
            with suppress(OSError, FileAccessError):
                number = stack.enter_context(scratch.opened())
        yield number


def _keep_rights(file: int, before: os.stat_result) -> None:
    new_status = os.fstat(file)
    if (new_status.st_uid, new_status.st_gid) != (before.st_uid, before.st_gid):
        with suppress(PermissionError):
            os.fchown(file, before.st_uid, before.st_gid)
    os.fchmod(file, stat.S_IMODE(before.st_mode))


def remove_file(path: str, *, follow: bool = True) -> None:
    """Remove the file; raise FileAccessError if that is not possible.

    Unless `follow` is true, the file's folder must not be a symbolic link.
    """
    parent, name = os.path.split(path)
    try:
        with open_folder(parent, follow=follow) as folder:
            os.unlink(name, dir_fd=folder)
    except OSError as error:
        raise unusable(path, error) from error


def unusable(path: str, error: OSError) -> FileAccessError:
    """Return the error for a file that cannot be written."""
    return FileAccessError(
        f"cannot write {path}: {error.strerror or error}",
        hint="check the folder's permissions and the space on its disk; nothing was changed",
        path=path,
    )
