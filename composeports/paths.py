"""The paths of the state directory and of settings files. Imports almost nothing, for `env`."""

import os
import sys
from collections.abc import Iterator, Mapping

from composeports.errors import UnsafeFileError
from composeports.regular_file import read_regular

SHARED = "/var/lib/composeports"
STORE_FILE = "leases.sqlite3"
SETTINGS_FILE = "composeports.toml"
PYPROJECT = "pyproject.toml"
# Lists, at the top of a checkout, ignored files that a new worktree gets; other tools read it too.
INCLUDE_FILE = ".worktreeinclude"


def state_directory(environ: Mapping[str, str], shared: str = SHARED) -> str:
    """Return the state directory.

    It is `COMPOSEPORTS_STATE_DIR` if that is set, else `shared` if this user may write there, else
    the user's own one.
    """
    directory = environ.get("COMPOSEPORTS_STATE_DIR")
    if directory:
        return os.path.abspath(os.path.expanduser(directory))
    if os.path.isdir(shared) and os.access(shared, os.W_OK | os.X_OK):
        return shared
    return _user_state(environ)


def _user_state(environ: Mapping[str, str]) -> str:
    """Return the user's own state directory, by the convention of the platform."""
    if sys.platform == "linux":
        # The path that platformdirs returns on Linux, without its import, which takes 13 ms.
        base = environ.get("XDG_STATE_HOME", "")
        home = environ.get("HOME") or os.path.expanduser("~")
        base = base if os.path.isabs(base) else os.path.join(home, ".local", "state")
        return os.path.join(base, "composeports")
    from platformdirs import user_state_path  # noqa: PLC0415 - not needed on Linux

    return str(user_state_path("composeports", appauthor=False))


def machine_settings_file(environ: Mapping[str, str]) -> str:
    """Return the path of the file with this user's settings for the machine."""
    if sys.platform == "linux":
        base = environ.get("XDG_CONFIG_HOME", "")
        home = environ.get("HOME") or os.path.expanduser("~")
        base = base if os.path.isabs(base) else os.path.join(home, ".config")
        return os.path.join(base, "composeports", "config.toml")
    from platformdirs import user_config_path  # noqa: PLC0415 - not needed on Linux

    return str(user_config_path("composeports", appauthor=False) / "config.toml")


def default_store_url(environ: Mapping[str, str]) -> str:
    """Return the URL of the SQLite store in the state directory."""
    path = os.path.join(state_directory(environ), STORE_FILE)
    return "sqlite://" + path.replace("%", "%25").replace("?", "%3F").replace("#", "%23")


def settings_files(start: str, top: str | None) -> Iterator[str]:
    """Yield the files that may hold settings for the folder `start`, highest precedence first.

    They lie in `start` and its parents up to `top`, or to the root. All are real paths. A
    `pyproject.toml` is included if it contains the text `composeports`; only its reader can tell if
    it has such a table.
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
    """Return True if the file contains `word` outside of the text `beside`, which contains it, too.

    Return True also for a file that cannot be read, because its reader reports that properly.
    """
    try:
        return word in read_regular(path, follow=True).replace(beside, b"")
    except (OSError, UnsafeFileError):
        return True


def seed_record(environ: Mapping[str, str], project: str) -> str:
    """Return the path of the record of a running copy into a project's volumes."""
    return os.path.join(state_directory(environ), "seeding", project)


def seed_read_lock(environ: Mapping[str, str], project: str) -> str:
    """Return the path of the lock for copying from a project's volumes.

    The process that copies holds it while the project's containers are paused.
    """
    return seed_record(environ, project) + ".read"


def first_up_record(environ: Mapping[str, str], project: str) -> str:
    """Return the path of the record that a project's command after its first `up` is due."""
    return os.path.join(state_directory(environ), "first-up", project)


def allowed_record(environ: Mapping[str, str], key: str) -> str:
    """Return the path of the record that this user allowed the commands with this key."""
    return os.path.join(state_directory(environ), "allowed", key)


def config_cache_folder(environ: Mapping[str, str]) -> str:
    """Return the folder of the config cache, which all worktrees share."""
    return os.path.join(state_directory(environ), "observed")


def help_folder(environ: Mapping[str, str]) -> str:
    """Return the folder that keeps the help texts of Compose commands, for shell completion."""
    return os.path.join(state_directory(environ), "help")


def wrapper_folders(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the folders for the wrapper of docker, in order of preference.

    A state directory that several users share is not safe for programs, so the user's own is added.
    """
    return tuple(dict.fromkeys((state_directory(environ), _user_state(environ))))


def session_lock(environ: Mapping[str, str], project: str) -> str:
    """Return the path of the session lock of a project."""
    return os.path.join(state_directory(environ), "locks", project)


def api_key_file(environ: Mapping[str, str]) -> str:
    """Return the path of the file for the API key that a server makes for this user."""
    return os.path.join(state_directory(environ), f"api-key-{os.geteuid()}")


def cache_folder(environ: Mapping[str, str]) -> str:
    """Return the folder of the cache files about engines and about this machine."""
    return os.path.join(state_directory(environ), "known")
