"""Read the small text files of the worktree that containers get: mounts, configs and secrets."""

import os
from collections.abc import Iterator

from composeports.core.compose_project import Project
from composeports.core.folders import is_within
from composeports.errors import UnsafeFileError
from composeports.regular_file import read_regular

# What a file with an address has: a name of this machine, or an IPv4 address.
SIGNS = (
    b"localhost",
    b"internal",
    b"127.0.0.1",
    b"0.0.0.0",
    b"lvh.me",
    b"localtest.me",
    b"172.",
    b"10.",
    b"192.168.",
)
# The names of configuration files, which are read in a mounted folder.
ENDINGS = (".conf", ".cfg", ".cnf", ".ini", ".toml", ".yml", ".yaml", ".properties", ".template")
# Of one mounted folder, at most so many files, without those in sub-folders; of one file, at most
# so many bytes.
MOST_FILES = 50
MOST_BYTES = 1 << 18


def mounted_texts(project: Project, worktree: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of each file below the worktree that may contain an address.

    Links that lead out of the worktree are not followed. Files that cannot be read are left out,
    because Compose or the engine reports them.
    """
    top = os.path.realpath(worktree)
    for path in dict.fromkeys(_paths(project, worktree)):
        place = os.path.realpath(path)
        if not is_within(place, top):
            continue
        try:
            data = read_regular(place)
        except (OSError, UnsafeFileError):
            continue
        if len(data) <= MOST_BYTES and b"\0" not in data and any(sign in data for sign in SIGNS):
            yield path, data.decode("utf-8-sig", "replace")


def _paths(project: Project, worktree: str) -> Iterator[str]:
    yield from project.handed_files.values()
    for service in project.services:
        for mount in service.mounts:
            if mount.kind != "bind" or not is_within(mount.source, worktree):
                continue
            try:
                names = sorted(os.listdir(mount.source))
            except OSError:
                yield mount.source
                continue
            configurations = [name for name in names if name.endswith(ENDINGS)]
            if mount.source != worktree:
                yield from (
                    os.path.join(mount.source, name) for name in configurations[:MOST_FILES]
                )
