"""Files that we ship beside the code: in a wheel in one place, in a checkout of ours in another."""

import os

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = (os.path.join(PACKAGE, "_data"), os.path.dirname(PACKAGE))


def shipped(name: str) -> bytes:
    """Return what is in a file of ours, such as `templates/docker-compose.yml`."""
    paths = [os.path.join(folder, name) for folder in FOLDERS]
    found = next((path for path in paths if os.path.exists(path)), paths[0])
    with open(found, "rb") as file:
        return file.read()
