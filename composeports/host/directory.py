"""Access files through the descriptor of their folder, which stays the same if the path changes.

The kernel resolves a path again at each call, so a symbolic link can replace a folder between a
check and a write. A descriptor always leads to the folder that was checked, or to no folder.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def open_folder(path: str, *, dir_fd: int | None = None, follow: bool = False) -> Iterator[int]:
    """Open the folder and yield its descriptor.

    Raise OSError if `path` is not a folder, and for a symbolic link unless `follow` is true.
    """
    number = os.open(path, FOLDER_FLAGS if follow else FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=dir_fd)
    try:
        yield number
    finally:
        os.close(number)


def write_whole(  # noqa: PLR0913 - most are keywords
    folder: int,
    name: str,
    data: bytes,
    *,
    temporary: str,
    mode: int = 0o600,
    scratch: int | None = None,
    prepare: Callable[[int], None] | None = None,
    sync: bool = True,
) -> None:
    """Write the file `temporary`, sync it to disk, and rename it to `name`, both in `folder`.

    The temporary file lies in `scratch` if that is given: the descriptor of a folder on the same
    disk. `prepare` is called with the descriptor of the new file before the rename. A file that a
    killed process left under the temporary name is replaced. Without `sync`, the file may be empty
    after a power failure.
    """
    scratch_folder = folder if scratch is None else scratch
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=scratch_folder)
    try:
        with open(os.open(temporary, flags, mode, dir_fd=scratch_folder), "wb") as file:
            file.write(data)
            if prepare is not None:
                prepare(file.fileno())
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, name, src_dir_fd=scratch_folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=scratch_folder)
        raise
