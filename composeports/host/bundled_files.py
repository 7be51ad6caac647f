"""Read the files that composeports ships beside its code.

A wheel has them in `_data`, a checkout of composeports has them in its top folder.
"""

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
