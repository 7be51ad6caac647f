#!/usr/bin/env python3
"""Write the pages of docs/ that are generated from the program; a test fails if they are stale.

Run it with .venv/bin/python, where the program is installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from docskit import commands, failures, picture, rules, settings

DOCS = Path(__file__).resolve().parents[1] / "docs"
TEMPLATES = DOCS.with_name("templates")


def pages() -> dict[Path, str]:
    """Return the text that every generated page must have."""
    trouble = DOCS / "troubleshooting.md"
    before = trouble.read_text() if trouble.is_file() else ""
    return {
        DOCS / "reference" / "commands.md": commands.page(),
        DOCS / "reference" / "settings.md": settings.page(),
        DOCS / "plan.md": rules.page(),
        TEMPLATES / "composeports.schema.json": settings.schema(),
        trouble: failures.page(before),
    }


def main() -> int:
    """Write the pages, and print which of them changed."""
    for path, text in pages().items():
        if not path.is_file() or path.read_text() != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            sys.stderr.write(f"wrote {path}\n")
    picture.write(DOCS / "images" / "status.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
