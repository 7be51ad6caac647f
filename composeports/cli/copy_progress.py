"""How the copy of volumes looks while it is under way: a line for each volume, on stderr."""

import sys
import time

from composeports.cli.context import inform, is_quiet
from composeports.cli.output import visible
from composeports.usecases.seed.policy import shown_bytes
from composeports.usecases.seed.seed import Seed, Seeded

# A terminal is shown ten pictures a second; a log only what is done.
INTERVAL = 0.1
START_OF_LINE = "\r\x1b[K"


def seed_of(session: str, *, pause: bool) -> Seed:
    """Return what `--seed-from` asks for, with its progress shown on stderr."""
    return Seed(
        session, pause=pause, progress=_Progress(live=sys.stderr.isatty() and not is_quiet())
    )


class _Progress:
    """The line of the volume that is under way."""

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._next = 0.0

    def __call__(self, so_far: Seeded, *, whole: bool) -> None:
        """Show how far it is; a volume that is whole keeps its line."""
        line = f"{so_far.source} -> {so_far.target}  {shown_bytes(so_far.count)}"
        if whole:
            if self._live:
                sys.stderr.write(START_OF_LINE)
            inform(f"copied {line}")
        elif self._live and time.monotonic() >= self._next:
            self._next = time.monotonic() + INTERVAL
            sys.stderr.write(f"{START_OF_LINE}copying {visible(line)}")
            sys.stderr.flush()
