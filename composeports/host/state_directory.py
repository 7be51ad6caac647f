"""Make the state directory for its owner alone, and refuse a folder that is not safe to use.

Access rights are never corrected silently; `composeports doctor` reports what other users may read.
"""

import os
import stat
from contextlib import suppress

from composeports.errors import StoreError
from composeports.host.filesystems import file_system_of, is_network

OTHER_FOLDER = "set COMPOSEPORTS_STATE_DIR to another folder"


def prepare_folder(folder: str) -> None:
    """Make the folder with mode 0700 if it is missing; raise StoreError if it is not safe.

    A folder on a network file system is not safe.
    """
    refuse_unsafe(folder)
    os.makedirs(folder, 0o700, exist_ok=True)
    kind = file_system_of(folder)
    if is_network(kind):
        raise StoreError(
            f"{folder} lies on a network file system ({kind}), where locks do not hold and other "
            "machines would use one engine's leases",
            hint="set COMPOSEPORTS_STATE_DIR (or COMPOSEPORTS_STORE, where it is set) to a folder "
            "on a local disk; nothing was changed",
            path=folder,
            file_system=kind,
        )


def refuse_unsafe(folder: str) -> None:
    """Raise StoreError if `folder` is not a folder, or if other users may replace files in it.

    The folder must belong to this user or to root. A group may share one: if it has the
    set-group-ID bit and write permission for the group (2770), another member may own it. A missing
    folder is accepted.
    """
    _refuse_open_parents(folder)
    try:
        status = os.stat(folder)
    except FileNotFoundError:
        if os.path.islink(folder):
            raise _leads_nowhere(folder) from None
        return
    except NotADirectoryError:
        raise _no_folder(folder) from None
    if not stat.S_ISDIR(status.st_mode):
        raise _no_folder(folder)
    if is_open(status.st_mode):
        raise StoreError(
            f"every user may write to {folder} and replace what is in it "
            f"({status.st_mode & 0o7777:04o})",
            hint=f"chmod o-w '{folder}'; for several users make it a folder of their group (2770)",
            path=folder,
        )
    if status.st_uid not in {0, os.geteuid()} and not _is_of_own_group(status):
        raise StoreError(
            f"{folder} belongs to another user (uid {status.st_uid}), who may replace "
            "what is in it",
            hint=f"{OTHER_FOLDER}; for several users make it a folder of their group (chmod 2770)",
            path=folder,
            owner=status.st_uid,
        )


def is_open(mode: int) -> bool:
    """Return True if every user may rename and replace the files in a folder of this mode."""
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


def _is_of_own_group(found: os.stat_result) -> bool:
    """Return True if a group shares the folder and this user is a member of that group."""
    group_bits = stat.S_ISGID | stat.S_IWGRP
    is_member = found.st_gid in {os.getegid(), *os.getgroups()}
    return found.st_mode & group_bits == group_bits and is_member


def _refuse_open_parents(folder: str) -> None:
    """Raise StoreError if every user may replace one of the folders on the path.

    Both the path as given, with its symbolic links, and the real path are checked.
    """
    for path in dict.fromkeys((os.path.abspath(folder), os.path.realpath(folder))):
        parent = os.path.dirname(path)
        while True:
            with suppress(OSError):
                if is_open(os.stat(parent).st_mode):
                    raise StoreError(
                        f"every user may write to {parent} and replace {folder}, which lies in it",
                        hint=f"chmod o-w '{parent}' (or chmod +t), or {OTHER_FOLDER}",
                        path=folder,
                        parent=parent,
                    )
            if parent == os.path.dirname(parent):
                break
            parent = os.path.dirname(parent)


def make_inner_folder(path: str) -> None:
    """Make a folder inside the state directory; do nothing if it exists.

    The users who may write to the state directory may write to the new folder, too.
    """
    parent = os.path.dirname(path)
    prepare_folder(parent)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return
    rights = os.stat(parent).st_mode
    if rights & 0o022:
        os.chmod(path, stat.S_IMODE(rights))


def file_mode(folder_mode: int) -> int:
    """Return 0600, plus read and write for other users who may write to the folder."""
    return 0o600 | (0o060 if folder_mode & 0o020 else 0) | (0o006 if folder_mode & 0o002 else 0)


def _leads_nowhere(folder: str) -> StoreError:
    target = os.path.join(os.path.dirname(folder), os.readlink(folder))
    return StoreError(
        f"{folder} is a link to {target}, which does not exist",
        hint=f"mount its disk or make that folder, or remove the link; or {OTHER_FOLDER}",
        path=folder,
    )


def _no_folder(folder: str) -> StoreError:
    return StoreError(
        f"{folder} is not a folder, or lies below something that is none",
        hint=f"move what is in the way, or {OTHER_FOLDER}; nothing was changed",
        path=folder,
    )
