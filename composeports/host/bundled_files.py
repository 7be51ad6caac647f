"""Files that we ship beside the code: in a wheel in one place, in a checkout of ours in another."""

import os

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = (os.path.join(PACKAGE, "_data"), os.path.dirname(PACKAGE))


def path_of(name: str) -> str:
    """Return the path of a bundled file or folder, such as `skills`."""
    paths = [os.path.join(folder, name) for folder in FOLDERS]
    return next((path for path in paths if os.path.exists(path)), paths[0])


def read_bundled(name: str) -> bytes:
    """Return the content of a bundled file, such as `templates/docker-compose.yml`."""
    with open(path_of(name), "rb") as file:
        return file.read()
