"""Write the traceback of a bug in composeports to a file that only its owner can read."""

import os
import tempfile
import traceback
from collections.abc import Mapping

from composeports.paths import state_directory

UNWRITTEN = "(which could not be written)"


def write_bug_log(environ: Mapping[str, str]) -> str:
    """Write the traceback of the current exception to a new file and return its path.

    The file lies in the state directory, else in the system's temporary folder. Return UNWRITTEN if
    neither can be written.
    """
    text = traceback.format_exc()
    for folder in (state_directory(environ), None):
        try:
            number, path = tempfile.mkstemp(prefix="bug-", suffix=".log", dir=folder)
        except OSError:
            continue
        with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        return path
    return UNWRITTEN
