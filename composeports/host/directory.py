"""Files of a folder by the folder's descriptor: a folder that is swapped meanwhile stays the one.

A path is looked up anew at each call, so that a link may have taken a folder's place between a
check and a write. A descriptor leads to the folder that was checked, or to none.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def open_folder(path: str, *, dir_fd: int | None = None, follow: bool = False) -> Iterator[int]:
    """Yield the folder's descriptor; OSError for a link unless `follow`, and for what is none."""
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
) -> None:
    """Write `temporary` in the folder (or in `scratch`, of the same disk), and rename it to `name`.

    `prepare` gets the new file's descriptor before the rename. What a killed process left under the
    temporary name is replaced.
    """
    beside = folder if scratch is None else scratch
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=beside)
    try:
        with open(os.open(temporary, flags, mode, dir_fd=beside), "wb") as file:
            file.write(data)
            if prepare is not None:
                prepare(file.fileno())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, name, src_dir_fd=beside, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=beside)
        raise
