#!/usr/bin/env python3
"""Make the images for the demo and the tests on the current engine; starts no engine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))

from devkit import cache, imaging, lending
from devkit.cache import DevError
from devkit.imaging import IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def provide(names: Iterable[str]) -> None:
    """Load the named images into the engine; keep existing ones."""
    if not lending.engine_answers():
        message = "no Docker engine answers; try: scripts/with-engine scripts/images.py"
        raise DevError(message)
    with cache.locked("images"):
        for name in names:
            imaging.provide(IMAGES[name])


def main(argv: Sequence[str]) -> int:
    """Provide the images named on the command line, or all of them."""
    unknown = [name for name in argv if name not in IMAGES]
    if unknown:
        cache.say(f"error: no image {', '.join(unknown)}; there are {', '.join(IMAGES)}")
        return 2
    try:
        provide(argv or [name for name, image in IMAGES.items() if image.upstream])
    except DevError as error:
        cache.say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
