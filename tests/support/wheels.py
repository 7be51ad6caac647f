"""What pip needs when tests install the project: the fetched wheels, no index."""

import os
from collections.abc import Mapping

from devkit import wheels

# Taken when this file is imported, before any guard hides where the cache is.
FOLDER = wheels.folder()


def offline() -> Mapping[str, str]:
    """Return the environment of a pip that takes what `make fetch` has fetched."""
    return {
        **{name: text for name, text in os.environ.items() if not name.startswith("PIP_")},
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(FOLDER),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
