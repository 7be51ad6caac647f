"""Open and read regular files of at most 1 MiB; refuse pipes, devices, links and larger files.

Any user who may write to a repository or to a shared folder may put a named pipe or a link to
/dev/zero there. No read may wait for such a file, and none may use up the memory.
"""

import errno
import os
import stat

from composeports.errors import UnsafeFileError

LIMIT = 1 << 20
KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
# Errors of open(2) for a socket, and for a device without a driver.
NOT_OPENED = frozenset({errno.ENXIO, errno.ENODEV, errno.EOPNOTSUPP})


def open_regular(
    path: str,
    *,
    follow: bool = False,
    dir_fd: int | None = None,
    flags: int = os.O_RDONLY,
    mode: int = 0o600,
) -> int:
    """Return a descriptor of a regular file, or of /dev/null if `follow` is true.

    A file created by O_CREAT gets `mode`. Raise UnsafeFileError for a file of another kind, and for
    a symbolic link unless `follow` is true. Raise OSError as open(2) does, and for a folder.
    """
    flags |= os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        number = os.open(path, flags if follow else flags | os.O_NOFOLLOW, mode, dir_fd=dir_fd)
    except OSError as error:
        if error.errno == errno.ELOOP and not follow:
            raise _unsafe(path, "a symbolic link") from None
        if error.errno in NOT_OPENED:
            raise _unsafe(path, "a socket or a device") from None
        raise
    try:
        _check_kind(path, os.fstat(number), follow=follow)
    except BaseException:
        os.close(number)
        raise
    return number


def read_regular(path: str, *, follow: bool = False, dir_fd: int | None = None) -> bytes:
    """Return the content of the file; raise UnsafeFileError if it is too large.

    Other errors are those of `open_regular`.
    """
    number = open_regular(path, follow=follow, dir_fd=dir_fd)
    try:
        return read_open(path, number)
    finally:
        os.close(number)


def read_open(path: str, number: int) -> bytes:
    """Return the rest of an open file from its position on; raise UnsafeFileError if too large."""
    data = b""
    while piece := os.read(number, LIMIT + 1):
        data += piece
        if len(data) > LIMIT:
            raise UnsafeFileError(
                f"{path} is larger than {LIMIT} bytes, and composeports reads no larger file",
                hint="make it smaller or move it away; nothing was changed",
                path=path,
            )
    return data


def _check_kind(path: str, found: os.stat_result, *, follow: bool) -> None:
    if stat.S_ISREG(found.st_mode):
        return
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    # With `--env-file /dev/null`, users tell Compose to read no file.
    if follow and stat.S_ISCHR(found.st_mode) and found.st_rdev == os.stat(os.devnull).st_rdev:
        return
    raise _unsafe(path, KINDS.get(stat.S_IFMT(found.st_mode), "a device"))


def _unsafe(path: str, kind: str) -> UnsafeFileError:
    return UnsafeFileError(
        f"{path} is {kind}, not a regular file, so that composeports does not read it",
        hint="put a regular file there, or move it away; nothing was changed",
        path=path,
    )
