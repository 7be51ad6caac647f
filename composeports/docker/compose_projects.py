"""Searches a worktree for Compose projects; opens only their Compose files and `.env` files."""

import os
from collections.abc import Collection, Iterator
from itertools import islice

from composeports.docker.compose_files import DEFAULT_NAMES
from composeports.host.session_files import USER_ENV

# Large folders that contain no Compose project of the worktree itself.
SKIPPED = frozenset({"node_modules", "vendor", "venv", "target", "dist", "build", "__pycache__"})
DEEPEST = 5
MOST_FOLDERS = 5000
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def find_projects(worktree: str, names: Collection[str]) -> Iterator[str]:
    """Yield the folders of Compose projects that may create a resource with one of the names.

    A name is that of a network or volume, such as `infra_default`.
    """
    words = frozenset(part for name in names for part in _parts(name))
    for folder, file_names in _folders(worktree):
        files = [name for name in DEFAULT_NAMES if name in file_names]
        if not files:
            continue
        texts = (os.path.join(folder, name) for name in (*files, USER_ENV))
        if default_name(folder) in words or any(_mentions(path, words) for path in texts):
            yield folder


def default_name(folder: str) -> str:
    """Return the project name that Compose derives from the name of a folder."""
    name = os.path.basename(folder).lower()
    return "".join(letter for letter in name if letter in _LETTERS).lstrip("_-")


def _parts(name: str) -> Iterator[str]:
    """Yield the whole name, and each part before an underscore, which may be a project name."""
    yield name
    for index, letter in enumerate(name):
        if letter == "_" and index:
            yield name[:index]


def _folders(worktree: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the folders of the worktree with their file names.

    Hidden folders, SKIPPED folders and folders with a `.git` of their own are left out. The search
    ends at DEEPEST levels and after MOST_FOLDERS folders.
    """
    for folder, subfolders, files in islice(os.walk(worktree), MOST_FOLDERS):
        depth = folder[len(worktree) :].count(os.sep)
        subfolders[:] = [
            name
            for name in sorted(subfolders)
            if depth < DEEPEST
            and name not in SKIPPED
            and not name.startswith(".")
            and not os.path.lexists(os.path.join(folder, name, ".git"))
        ]
        yield folder, frozenset(files)


def _mentions(path: str, words: Collection[str]) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return False
    return any(word in text for word in words)
