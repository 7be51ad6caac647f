"""Files of a user that get or lose a part of ours: written whole or not at all, rights kept."""

import os
import stat
from contextlib import suppress

from composeports.errors import FileAccessError


def read_file(path: str) -> bytes | None:
    """Return what is in the file; None where there is none that can be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def write_file(path: str, data: bytes, mode: int | None = None, scratch: str = "") -> None:
    """Write beside the file and rename; a new one gets `mode`, and the folders that it lies in.

    Without `mode`, mode and owner stay as they are. `scratch` is a folder of the same disk where
    what a killed process leaves would harm nobody.
    """
    beside = os.path.join(scratch or os.path.dirname(path), os.path.basename(path))
    temporary = f"{beside}.{os.getpid()}.new"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with open(os.open(temporary, flags, mode or 0o600), "wb") as file:
            file.write(data)
            if mode is None:
                _keep_rights(file.fileno(), os.stat(path))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise unusable(path, error) from error
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def _keep_rights(file: int, before: os.stat_result) -> None:
    own = os.fstat(file)
    if (own.st_uid, own.st_gid) != (before.st_uid, before.st_gid):
        with suppress(PermissionError):
            os.fchown(file, before.st_uid, before.st_gid)
    os.fchmod(file, stat.S_IMODE(before.st_mode))


def remove_file(path: str) -> None:
    """Remove the file; FileAccessError where that is not possible."""
    try:
        os.unlink(path)
    except OSError as error:
        raise unusable(path, error) from error


def unusable(path: str, error: OSError) -> FileAccessError:
    """Return the error for a file that cannot be written."""
    return FileAccessError(
        f"cannot write {path}: {error.strerror or error}",
        hint="look at the folder's rights and the space on its disk; nothing was changed",
        path=path,
    )
