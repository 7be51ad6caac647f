"""Reads the texts of Compose files and of included files, only to search for names in them."""

import os
from collections.abc import Iterable

from composeports.core.plan.variable_mentions import mentioned_files
from composeports.errors import UnsafeFileError
from composeports.regular_file import read_regular

# No project includes more files than this; the limit also ends a loop of includes.
MOST = 100


def own_texts(files: Iterable[str]) -> tuple[str, ...] | None:
    """Return the texts of the files alone; None if one cannot be read as text."""
    try:
        return tuple(read_regular(path, follow=True).decode() for path in files)
    except (OSError, UnicodeDecodeError, UnsafeFileError):
        return None


def read_texts(files: Iterable[str]) -> tuple[str, ...]:
    """Return the texts of the files and of the files they name; skip files that cannot be read."""
    queue = list(files)
    visited_paths: set[str] = set()
    texts: list[str] = []
    while queue and len(visited_paths) < MOST:
        path = os.path.normpath(queue.pop(0))
        if path in visited_paths:
            continue
        visited_paths.add(path)
        try:
            text = read_regular(path, follow=True).decode("utf-8", "replace")
        except (OSError, UnsafeFileError):
            continue
        texts.append(text)
        folder = os.path.dirname(path)
        queue += [os.path.join(folder, name) for name in mentioned_files(text)]
    return tuple(texts)
