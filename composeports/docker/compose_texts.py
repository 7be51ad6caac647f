"""Reads the texts of Compose files and of included files, only to search for names in them."""

import os
from collections.abc import Iterable

from composeports.core.plan.variable_mentions import mentioned_files
from composeports.errors import UnsafeFileError
from composeports.regular_file import read_regular

# No project includes more files than this; the limit also ends a loop of includes.
MOST = 100


def read_texts(files: Iterable[str]) -> tuple[str, ...]:
    """Return the texts of the files and of the files they name; skip files that cannot be read."""
    waiting = list(files)
    seen: set[str] = set()
    texts: list[str] = []
    while waiting and len(seen) < MOST:
        path = os.path.normpath(waiting.pop(0))
        if path in seen:
            continue
        seen.add(path)
        try:
            text = read_regular(path, follow=True).decode("utf-8", "replace")
        except (OSError, UnsafeFileError):
            continue
        texts.append(text)
        folder = os.path.dirname(path)
        waiting += [os.path.join(folder, name) for name in mentioned_files(text)]
    return tuple(texts)
