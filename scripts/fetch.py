#!/usr/bin/env python3
"""Fetch everything that the demo, the tests and the benchmarks need into the cache.

Run it with .venv/bin/python, whose pip fetches Node.js.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))

from devkit import cache, downloads

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Fetch what the named purposes need, or everything."""
    unknown = [name for name in argv if name not in downloads.PURPOSES]
    if unknown:
        known = ", ".join(downloads.PURPOSES)
        cache.say(f"error: nothing is fetched for {', '.join(unknown)}; there are {known}")
        return 2
    try:
        downloads.fetch(argv or downloads.PURPOSES)
    except cache.DevError as error:
        cache.say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
