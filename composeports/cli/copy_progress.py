"""Shows the progress of volume copies on stderr, with one line for each volume."""

import sys
import time

from composeports.cli.context import inform, is_quiet
from composeports.core.visible_text import visible
from composeports.usecases.seed.policy import shown_bytes
from composeports.usecases.seed.seed import Seed, Seeded

# On a terminal the line changes at most ten times a second; a log gets only finished volumes.
INTERVAL = 0.1
START_OF_LINE = "\r\x1b[K"


def seed_of(session: str, *, pause: bool) -> Seed:
    """Return the `Seed` for `--seed-from`; it shows its progress on stderr."""
    return Seed(
        session, pause=pause, progress=_Progress(live=sys.stderr.isatty() and not is_quiet())
    )


class _Progress:
    """Writes the line of the volume that is being copied."""

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._next = 0.0

    def __call__(self, so_far: Seeded, *, whole: bool) -> None:
        """Show the bytes copied so far; the line of a finished (`whole`) volume stays."""
        line = f"{so_far.source} -> {so_far.target}  {shown_bytes(so_far.count)}"
        if whole:
            if self._live:
                sys.stderr.write(START_OF_LINE)
            inform(f"copied {line}")
        elif self._live and time.monotonic() >= self._next:
            self._next = time.monotonic() + INTERVAL
            sys.stderr.write(f"{START_OF_LINE}copying {visible(line)}")
            sys.stderr.flush()
