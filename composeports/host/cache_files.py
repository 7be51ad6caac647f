"""Small files of ours in the state directory that save a question; losing one costs nothing."""

import os
from contextlib import suppress

from composeports.errors import UnsafeFileError
from composeports.host.session_folder import TEMPORARY
from composeports.host.state_directory import make_inner_folder
from composeports.regular_file import open_regular, read_open


def read_own(path: str) -> str | None:
    """Return the text of a file that this user wrote; None for any other."""
    try:
        number = open_regular(path)
        try:
            own = os.fstat(number).st_uid == os.geteuid()
            return read_open(path, number).decode() if own else None
        finally:
            os.close(number)
    except (OSError, UnicodeDecodeError, UnsafeFileError):
        return None


def write_own(folder: str, name: str, text: str) -> None:
    """Write a file whole, in a folder of the state directory; OSError or StoreError otherwise."""
    path = os.path.join(folder, name)
    temporary = f"{path}.{os.getpid()}{TEMPORARY}"
    try:
        make_inner_folder(folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        with open(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
