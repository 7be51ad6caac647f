#!/usr/bin/env python3
"""Fetch the tools of the page's tests if they are missing, and print where they are.

Run it with .venv/bin/python.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from devkit import browsing, cache


def main() -> int:
    """Print one JSON object: `executable` and `environment` of the browser, and `axe`, a script."""
    try:
        browser, axe = browsing.browser(), browsing.axe()
    except cache.DevError as error:
        cache.say(f"error: {error}")
        return 1
    told = {
        "executable": str(browser.executable),
        "environment": dict(browser.environment),
        "axe": str(axe),
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
