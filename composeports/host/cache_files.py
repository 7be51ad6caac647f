"""Read and write cache files in the state directory. They can be deleted at any time.

Each file saves a query; without the file, the query is made again.
"""

import os

from composeports.errors import UnsafeFileError
from composeports.host.directory import open_folder, write_whole
from composeports.host.session_folder import TEMPORARY
from composeports.host.state_directory import make_inner_folder
from composeports.regular_file import open_regular, read_open


def read_own(path: str) -> str | None:
    """Return the text of a file that this user owns; None for any other file.

    None also if the file is missing, is not a regular file or is not UTF-8.
    """
    try:
        number = open_regular(path)
        try:
            is_own = os.fstat(number).st_uid == os.geteuid()
            return read_open(path, number).decode() if is_own else None
        finally:
            os.close(number)
    except (OSError, UnicodeDecodeError, UnsafeFileError):
        return None


def write_own(folder: str, name: str, text: str) -> None:
    """Replace a file atomically in a folder of the state directory, which is made if missing.

    Raise OSError if the file cannot be written, and StoreError if the state directory is not safe.
    """
    make_inner_folder(folder)
    temporary = f"{name}.{os.getpid()}{TEMPORARY}"
    with open_folder(folder, follow=True) as number:
        write_whole(number, name, text.encode(), temporary=temporary, sync=False)
