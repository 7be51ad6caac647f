"""The names of the files that composeports writes into a project's folder, `.composeports`."""

import os

OWN_FOLDER = ".composeports"
OWN_OVERRIDE = "compose.override.yaml"
OWN_ENV = ".env"
USER_ENV = ".env"
# The container names of the files that the session's own replace, in one line, for the wrapper.
OWN_NAMES = "containers"
# The user's env files as they are without our block, for Compose to read while they have one.
OWN_COPIES = ("user.env", "user-2.env")


def owner_of(path: str) -> str | None:
    """Return the project directory of an override document or env file that composeports wrote.

    None for every other file. A session with a name has a folder of its own inside ours.
    """
    folder, name = os.path.split(path)
    if name not in {OWN_OVERRIDE, OWN_ENV}:
        return None
    if os.path.basename(folder) != OWN_FOLDER:
        folder = os.path.dirname(folder)
    return os.path.dirname(folder) if os.path.basename(folder) == OWN_FOLDER else None
