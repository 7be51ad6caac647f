#!/usr/bin/env python3
"""Fetch the shells of the tests if they are missing, and print where they are."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from devkit import cache, shells


def main() -> int:
    """Print one JSON object: executable, environment and preamble of each program, by name."""
    try:
        found = shells.programs()
    except cache.DevError as error:
        cache.say(f"error: {error}")
        return 1
    told = {name: asdict(program) for name, program in found.items()}
    sys.stdout.write(json.dumps(told, default=str) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
