"""The folder that remembers: made for its owner alone, refused where it could not keep a promise.

Never mended silently: what others may read is told by `composeports doctor`.
"""

import os
import stat
from contextlib import suppress

from composeports.errors import StoreError
from composeports.host.filesystems import file_system_of, is_network

OTHER_FOLDER = "set COMPOSEPORTS_STATE_DIR to another folder"


def prepare_folder(folder: str) -> None:
    """Make the folder, 0700, where there is none; StoreError where it cannot be used safely."""
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
    """Raise StoreError for what is no folder, or one in which others may replace our files.

    It has to belong to this user or to root. A group may share one: with the set-group-ID bit and
    write permission for the group (2770), another member may own it.
    """
    _refuse_open_parents(folder)
    try:
        found = os.stat(folder)
    except FileNotFoundError:
        if os.path.islink(folder):
            raise _leads_nowhere(folder) from None
        return
    except NotADirectoryError:
        raise _no_folder(folder) from None
    if not stat.S_ISDIR(found.st_mode):
        raise _no_folder(folder)
    if is_open(found.st_mode):
        raise StoreError(
            f"every user may write to {folder} and replace what is in it "
            f"({found.st_mode & 0o7777:04o})",
            hint=f"chmod o-w '{folder}'; for several users make it a folder of their group (2770)",
            path=folder,
        )
    if found.st_uid not in {0, os.geteuid()} and not _is_of_own_group(found):
        raise StoreError(
            f"{folder} belongs to another user (uid {found.st_uid}), who may replace what is in it",
            hint=f"{OTHER_FOLDER}; for several users make it a folder of their group (chmod 2770)",
            path=folder,
            owner=found.st_uid,
        )


def is_open(mode: int) -> bool:
    """Tell whether every user may rename and replace what lies in a folder of this mode."""
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


def _is_of_own_group(found: os.stat_result) -> bool:
    """Tell whether the folder is shared by a group of which this user is a member."""
    shared = stat.S_ISGID | stat.S_IWGRP
    is_member = found.st_gid in {os.getegid(), *os.getgroups()}
    return found.st_mode & shared == shared and is_member


def _refuse_open_parents(folder: str) -> None:
    """Raise StoreError where every user may replace one of the folders that the path goes through.

    That is so for the path as it is given, with its links, and for the one without links.
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
    """Make a folder inside the state directory, for those who may write to that one."""
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
    """Return the user's rights alone, and those of others who may write to the folder anyway."""
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
