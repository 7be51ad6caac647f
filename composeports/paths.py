"""Where the store and the settings file lie; imports almost nothing, for `env`."""

import os
import sys
from collections.abc import Iterator, Mapping

from composeports.errors import UnsafeFileError
from composeports.regular_file import read_regular

SHARED = "/var/lib/composeports"
STORE_FILE = "leases.sqlite3"
SETTINGS_FILE = "composeports.toml"
PYPROJECT = "pyproject.toml"


def state_directory(environ: Mapping[str, str], shared: str = SHARED) -> str:
    """Return the state directory: `COMPOSEPORTS_STATE_DIR`, the `shared` one, or the user's."""
    given = environ.get("COMPOSEPORTS_STATE_DIR")
    if given:
        return os.path.abspath(os.path.expanduser(given))
    if os.path.isdir(shared) and os.access(shared, os.W_OK | os.X_OK):
        return shared
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


def settings_files(start: str, top: str | None) -> Iterator[str]:
    """Yield the files that may hold settings for the folder `start`, first the one that wins.

    They lie in `start` and its parents up to `top`, or to the root. All are real paths. A
    `pyproject.toml` counts where it mentions composeports; whether as a table, only its reader
    can tell.
    """
    folder = os.path.realpath(start)
    while True:
        path = os.path.join(folder, SETTINGS_FILE)
        if os.path.exists(path):
            yield path
        path = os.path.join(folder, PYPROJECT)
        if os.path.exists(path) and mentions(path, b"composeports"):
            yield path
        parent = os.path.dirname(folder)
        if folder in {top, parent}:
            return
        folder = parent


def mentions(path: str, word: bytes, *, beside: bytes = b"") -> bool:
    """Tell whether the file has the word in it (`beside` is another one that contains it).

    True for one that cannot be read, which its reader tells properly.
    """
    try:
        return word in read_regular(path, follow=True).replace(beside, b"")
    except (OSError, UnsafeFileError):
        return True


def seed_record(environ: Mapping[str, str], project: str) -> str:
    """Return where the record of a copy into a project's volumes lies while it is under way."""
    return os.path.join(state_directory(environ), "seeding", project)


def reading_lock(environ: Mapping[str, str], project: str) -> str:
    """Return the lock of whoever copies from a project's volumes, whose containers are paused."""
    return seed_record(environ, project) + ".read"


def recollections(environ: Mapping[str, str]) -> str:
    """Return the folder for what was observed of Compose files, of all worktrees."""
    return os.path.join(state_directory(environ), "observed")


def wrapper_folders(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return where the wrapper of docker may lie, the best place first.

    A state directory that several users share is not safe for what is run.
    """
    return tuple(dict.fromkeys((state_directory(environ), _user_state(environ))))


def session_lock(environ: Mapping[str, str], project: str) -> str:
    """Return where the lock of a project lies, which those who work on its stack hold."""
    return os.path.join(state_directory(environ), "locks", project)


def api_key_file(environ: Mapping[str, str]) -> str:
    """Return where a server keeps the API key that it makes for this user."""
    return os.path.join(state_directory(environ), f"api-key-{os.geteuid()}")


def known_things(environ: Mapping[str, str]) -> str:
    """Return the folder for what is known of the engines and of this machine itself."""
    return os.path.join(state_directory(environ), "known")
