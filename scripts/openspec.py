#!/usr/bin/env python3
"""Run the official openspec command; fetch it first if it is missing.

Run it with .venv/bin/python, whose pip fetches Node.js. It sends no telemetry.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from devkit import cache, nodejs


def main() -> int:
    """Become openspec, with our arguments; without any, only fetch it."""
    try:
        argv = nodejs.openspec()
    except cache.DevError as error:
        cache.say(f"error: {error}")
        return 1
    if len(sys.argv) > 1:
        quiet = {"OPENSPEC_TELEMETRY": "0", "DO_NOT_TRACK": "1", "CI": "1"}
        os.execve(  # noqa: S606 - it takes our place
            argv[0], [*argv, *sys.argv[1:]], {**os.environ, **quiet}
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
