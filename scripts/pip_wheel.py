"""Find pip on a Debian without pip: fetch its wheel, install nothing."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from devkit import cache, packages
from devkit.sources import read_machine


def main() -> int:
    """Print the path of a pip wheel."""
    if not packages.available():
        cache.say("error: this Python has no pip, and there is no apt-get to fetch it with")
        return 1
    codename = read_machine().codename
    with cache.fetching("setting up"):
        tree = packages.unpacked("pip-wheel", packages.Wish(codename, ("python3-pip-whl",)))
    sys.stdout.write(f"{next(tree.glob('usr/share/python-wheels/pip-*.whl'))}\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except cache.DevError as error:
        cache.say(f"error: {error}")
        sys.exit(1)
