"""Finds programs in PATH, but none that lies in the current folder."""

import os
from collections.abc import Mapping

from composeports.errors import ConfigError


def find_program(name: str, environ: Mapping[str, str], cwd: str | None = None) -> str | None:
    """Return the path of a program found through PATH; None if there is none.

    A name with a slash is returned unchanged. Raise ConfigError if the first match is in a PATH
    entry that is empty or relative: that program lies in the current folder, which may be an
    untrusted repository.
    """
    if os.sep in name:
        return name
    for folder in os.get_exec_path(environ):
        path = os.path.join(folder, name)
        full_path = os.path.join(cwd or "", path)
        if not os.path.isfile(full_path) or not os.access(full_path, os.X_OK):
            continue
        if os.path.isabs(folder):
            return path
        entry = f"the relative folder {folder!r}" if folder else "an empty entry"
        message = f"PATH has {entry}, which leads to a `{name}` of the current folder"
        hint = f"take it out of PATH, or put it behind the folder of your own `{name}`"
        raise ConfigError(message, hint=hint, setting="PATH")
    return None
