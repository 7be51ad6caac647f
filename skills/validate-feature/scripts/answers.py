"""Wait until every URL (or host:port) answers: python3 answers.py URL...

SMOKE_WAIT is the longest wait in seconds, 60 by default.
"""

from __future__ import annotations

import os
import sys
import time

sys.dont_write_bytecode = True

from readiness import silence_of

BETWEEN_LOOKS = 0.5


def main(urls: list[str]) -> int:
    """Return 0 as soon as every URL has answered, 1 if one does not answer in time."""
    deadline = time.monotonic() + float(os.environ.get("SMOKE_WAIT") or 60)
    for url in urls:
        while True:
            missing = silence_of(url)
            if not missing:
                break
            if time.monotonic() > deadline:
                print(missing, file=sys.stderr)
                return 1
            time.sleep(BETWEEN_LOOKS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
