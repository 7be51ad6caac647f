"""The names of the files that composeports writes into `.composeports`, a folder of the project."""

import os

OWN_FOLDER = ".composeports"
OWN_OVERRIDE = "compose.override.yaml"
OWN_ENV = ".env"
USER_ENV = ".env"
# Holds the names of containers, images, networks and volumes that the session replaces with its
# own, in one line, for the `docker` wrapper.
OWN_NAMES = "containers"
# Copies of the user's env files without the part that composeports added; Compose reads the copies
# while the env files have that part.
OWN_COPIES = ("user.env", "user-2.env")


def owner_of(path: str) -> str | None:
    """Return the project directory of an override document or env file written by composeports.

    Return None for any other file. A session with a name has a sub-folder of its own in
    `.composeports`.
    """
    folder, name = os.path.split(path)
    if name not in {OWN_OVERRIDE, OWN_ENV}:
        return None
    if os.path.basename(folder) != OWN_FOLDER:
        folder = os.path.dirname(folder)
    return os.path.dirname(folder) if os.path.basename(folder) == OWN_FOLDER else None
