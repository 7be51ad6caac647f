#!/usr/bin/env python3
"""Fetch the official MCP Inspector for tests if it is missing, and print where it is.

Run it with .venv/bin/python, whose pip fetches Node.js.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from devkit import cache, nodejs


def main() -> int:
    """Print a command line, as a list in JSON."""
    try:
        argv = nodejs.inspector()
    except cache.DevError as error:
        cache.say(f"error: {error}")
        return 1
    sys.stdout.write(json.dumps(argv) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
