"""Where the store lies when nobody says otherwise; imports almost nothing, for `env`."""

import os
import sys
from collections.abc import Mapping

SHARED = "/var/lib/composeports"
STORE_FILE = "leases.sqlite3"


def state_directory(environ: Mapping[str, str]) -> str:
    """Return the state directory: `COMPOSEPORTS_STATE_DIR`, the shared one, or the user's."""
    given = environ.get("COMPOSEPORTS_STATE_DIR")
    if given:
        return os.path.abspath(os.path.expanduser(given))
    if os.path.isdir(SHARED) and os.access(SHARED, os.W_OK | os.X_OK):
        return SHARED
    return _user_state(environ)


def _user_state(environ: Mapping[str, str]) -> str:
    """Return the user's own state directory, as the platform has it."""
    if sys.platform == "linux":
        # What platformdirs says on Linux, without the 13 ms that its import takes.
        base = environ.get("XDG_STATE_HOME", "")
        home = environ.get("HOME") or os.path.expanduser("~")
        base = base if os.path.isabs(base) else os.path.join(home, ".local", "state")
        return os.path.join(base, "composeports")
    from platformdirs import user_state_path  # noqa: PLC0415 - not needed on Linux

    return str(user_state_path("composeports", appauthor=False))


def default_store_url(environ: Mapping[str, str]) -> str:
    """Return the URL of the SQLite store in the state directory."""
    path = os.path.join(state_directory(environ), STORE_FILE)
    return "sqlite://" + path.replace("%", "%25").replace("?", "%3F").replace("#", "%23")
