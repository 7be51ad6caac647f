"""The texts of Compose files, with those that they include; read for names, never for meaning."""

import os
from collections.abc import Iterable

from composeports.core.plan.variable_mentions import mentioned_files
from composeports.errors import UnsafeFileError
from composeports.regular_file import read_regular

# More than that nobody includes; a loop ends by it, too.
MOST = 100


def read_texts(files: Iterable[str]) -> tuple[str, ...]:
    """Return the texts of the files, and of those that they name, as far as they can be read."""
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
