"""Files of a user that get or lose a part of ours: written whole or not at all, rights kept."""

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
    """Return what is in the file; None where there is none that can be read.

    UnsafeFileError for a pipe, a device and the like, and for a link unless `follow`.
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
    """Write beside the file and rename; a new one gets `mode`, and the folders that it lies in.

    Without `mode`, mode and owner stay as they are. `scratch` is a folder of the same disk where
    what a killed process leaves would harm nobody; it is used where it is there. Unless `follow`,
    the file's folder must be no link.
    """
    parent, name = os.path.split(path)
    try:
        os.makedirs(parent, exist_ok=True)
        with open_folder(parent, follow=follow) as folder, _opened(scratch) as beside:
            prepare = None
            if mode is None:
                before = os.stat(name, dir_fd=folder, follow_symlinks=False)
                prepare = partial(_keep_rights, before=before)
            write_whole(
                folder,
                name,
                data,
                temporary=f"{name}.{os.getpid()}.new",
                mode=mode or 0o600,
                scratch=beside,
                prepare=prepare,
            )
    except OSError as error:
        raise unusable(path, error) from error


@contextmanager
def _opened(scratch: OwnFolder | None) -> Iterator[int | None]:
    """Yield the descriptor of a folder of ours; None where it is not there or not ours."""
    with ExitStack() as stack:
        number = None
        if scratch is not None:
            with suppress(OSError, FileAccessError):
                number = stack.enter_context(scratch.opened())
        yield number


def _keep_rights(file: int, before: os.stat_result) -> None:
    own = os.fstat(file)
    if (own.st_uid, own.st_gid) != (before.st_uid, before.st_gid):
        with suppress(PermissionError):
            os.fchown(file, before.st_uid, before.st_gid)
    os.fchmod(file, stat.S_IMODE(before.st_mode))


def remove_file(path: str, *, follow: bool = True) -> None:
    """Remove the file; FileAccessError where that is not possible.

    Unless `follow`, the file's folder must be no link.
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
        hint="look at the folder's rights and the space on its disk; nothing was changed",
        path=path,
    )
