"""Copy files, and link folders, from one checkout to another; follow no link, replace nothing.

Both checkouts may change at any moment. So every folder on the way is opened through the descriptor
of the folder above it, and a file appears under its name only when it is whole.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from composeports.errors import UnsafeFileError
from composeports.host.directory import open_folder
from composeports.host.file_lock import lock
from composeports.regular_file import open_regular

# The ioctl of Linux that lets two files share their blocks (ioctl_ficlone(2)).
FICLONE = 0x40049409
CHUNK = 1 << 20
# A file of this name is part of a copy that was killed, where the disk has no files without a name.
TEMPORARY = ".composeports.new"
# Mode bits that a copy keeps: all but set-user-ID, set-group-ID and sticky.
MODE_BITS = 0o777
# Changes the content of a small file; None: the file is not copied.
Edit = Callable[[bytes], bytes | None]


class NotCopiedError(Exception):
    """The reason why a file is not copied, as the end of a sentence that begins with its path."""


@contextmanager
def alone_in(git_dir: str) -> Iterator[None]:
    """Keep other processes from copying into the worktree of this git directory meanwhile."""
    with open_folder(git_dir) as folder:
        lock(folder)
        yield


def is_missing(checkout: str, path: str) -> bool:
    """Return True if nothing has this path in the checkout.

    A path through a link or a file counts as present.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(checkout))
        parent, name = os.path.split(path)
        try:
            for part in _parts(parent):
                folder = stack.enter_context(open_folder(part, dir_fd=folder))
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return True
        except OSError:
            return False
    return False


def size_of(checkout: str, path: str) -> int | None:
    """Return the size of a regular file in bytes; None for a link and everything else."""
    try:
        status = os.lstat(os.path.join(checkout, path))
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def is_folder(checkout: str, path: str) -> bool:
    """Return True if the path is a folder of the checkout that no link leads to."""
    with ExitStack() as stack, suppress(OSError):
        folder = stack.enter_context(open_folder(checkout))
        for part in _parts(path):
            folder = stack.enter_context(open_folder(part, dir_fd=folder))
        return True
    return False


def copy_file(
    source: str, target: str, path: str, edit: Edit | None = None, *, sync: bool = True
) -> bool:
    """Copy one file from the checkout `source` to `target`; return False if it is there already.

    `edit` changes the content of a file of at most 1 MiB. Without `sync`, the file may be empty
    after a power failure; a folder of many files would take minutes with it. Raise NotCopiedError
    with the reason if the file cannot be copied, and OSError if the disk is full and the like.
    """
    with ExitStack() as stack:
        source_folder, target_folder = _both_folders(stack, source, target, os.path.dirname(path))
        name = os.path.basename(path)
        try:
            number = open_regular(name, dir_fd=source_folder)
        except UnsafeFileError as error:
            kind = error.message.removeprefix(f"{name} is ").partition(",")[0]
            raise NotCopiedError(f"is {kind}") from None
        except FileNotFoundError:
            raise NotCopiedError("is gone") from None
        except OSError as error:
            raise NotCopiedError(f"cannot be read ({error.strerror})") from None
        stack.callback(os.close, number)
        return _write_new(target_folder, name, number, edit, sync=sync)


def link_folder(source: str, target: str, path: str) -> bool:
    """Make a symbolic link in `target` to a folder of the checkout `source`.

    Return False if something is there already. Raise NotCopiedError with the reason if the path in
    `source` is no folder, or leads through a link.
    """
    with ExitStack() as stack:
        source_folder, target_folder = _both_folders(stack, source, target, os.path.dirname(path))
        name = os.path.basename(path)
        try:
            stack.enter_context(open_folder(name, dir_fd=source_folder))
        except OSError:
            raise NotCopiedError("is no folder of the main checkout itself") from None
        try:
            os.symlink(os.path.join(source, path), name, dir_fd=target_folder)
        except FileExistsError:
            return False
        return True


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _both_folders(stack: ExitStack, source: str, target: str, path: str) -> tuple[int, int]:
    """Return the descriptors of a folder in both checkouts; make it in `target` if needed."""
    folders = [stack.enter_context(open_folder(top)) for top in (source, target)]
    for part in _parts(path):
        try:
            above = stack.enter_context(open_folder(part, dir_fd=folders[0]))
            with suppress(FileExistsError):
                os.mkdir(part, os.fstat(above).st_mode & MODE_BITS, dir_fd=folders[1])
            folders = [above, stack.enter_context(open_folder(part, dir_fd=folders[1]))]
        except FileNotFoundError:
            raise NotCopiedError("is gone") from None
        except OSError as error:
            if error.errno not in {errno.ELOOP, errno.ENOTDIR}:
                raise
            raise NotCopiedError("is not below a folder, but below a link or a file") from None
    return folders[0], folders[1]


def _write_new(folder: int, name: str, source: int, edit: Edit | None, *, sync: bool) -> bool:
    """Write a new file with the content and mode of the open file `source`."""
    if _exists(folder, name):
        return False
    status = os.fstat(source)
    data = _edited(source, status.st_size, edit)

    def fill(number: int) -> None:
        if data is None:
            copy_data(source, number, status.st_size)
        else:
            _write_all(number, data)
        if os.geteuid() == 0 and status.st_uid != 0:
            os.fchown(number, status.st_uid, status.st_gid)
        os.fchmod(number, status.st_mode & MODE_BITS)
        if sync:
            os.fsync(number)

    return _write_unnamed(folder, name, fill)


def _exists(folder: int, name: str) -> bool:
    with suppress(FileNotFoundError):
        os.stat(name, dir_fd=folder, follow_symlinks=False)
        return True
    return False


def _edited(source: int, size: int, edit: Edit | None) -> bytes | None:
    """Return the content that `edit` makes of a small file; None without a change."""
    if edit is None or size > CHUNK:
        return None
    data = os.pread(source, CHUNK, 0)
    edited = edit(data)
    if edited is None:
        raise NotCopiedError("has only what composeports wrote, or a broken part of it")
    return None if edited == data else edited


def _write_unnamed(folder: int, name: str, fill: Callable[[int], None]) -> bool:
    """Write a file that has no name until it is whole, so that a killed process leaves nothing."""
    flags = os.O_WRONLY | os.O_CLOEXEC
    try:
        number = os.open(".", flags | os.O_TMPFILE, 0o600, dir_fd=folder)
    except (OSError, AttributeError):  # the disk or the system has no such files
        return write_named(folder, name, fill)
    try:
        fill(number)
        try:
            os.link(f"/proc/self/fd/{number}", name, dst_dir_fd=folder, follow_symlinks=True)
        except FileExistsError:
            return False
        except FileNotFoundError:  # no /proc
            return write_named(folder, name, fill)
        return True
    finally:
        os.close(number)


def write_named(folder: int, name: str, fill: Callable[[int], None]) -> bool:
    """Write the file under a temporary name; only one process at a time does so (`alone_in`).

    A killed process leaves that file, and the next copy into the folder replaces it. Raise
    NotCopiedError if the disk cannot give a file its name without replacing another one.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with suppress(FileNotFoundError):
        os.unlink(TEMPORARY, dir_fd=folder)
    number = os.open(TEMPORARY, flags, 0o600, dir_fd=folder)
    try:
        fill(number)
        os.link(TEMPORARY, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    except PermissionError:
        raise NotCopiedError("cannot be made there without the risk to replace a file") from None
    finally:
        os.close(number)
        with suppress(OSError):
            os.unlink(TEMPORARY, dir_fd=folder)
    return True


def copy_data(source: int, target: int, size: int) -> None:
    """Copy the first `size` bytes of an open file to an empty one.

    The files share their blocks if the disk can do that; else the kernel copies; else this process.
    """
    with suppress(OSError):
        fcntl.ioctl(target, FICLONE, source)
        os.ftruncate(target, size)
        return
    os.lseek(source, 0, os.SEEK_SET)
    left = size
    with suppress(OSError, AttributeError):
        while left and (count := os.copy_file_range(source, target, min(left, CHUNK << 6))):
            left -= count
    while left and (piece := os.read(source, min(left, CHUNK))):
        _write_all(target, piece)
        left -= len(piece)


def _write_all(number: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(number, view) :]
