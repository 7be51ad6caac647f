"""One of many processes that take and release blocks of one store; run as a program.

Its check does not use the store: each process creates a file for its block. If the file exists
already, two processes have the block at the same time.
"""

import os
import sys
import time
from functools import partial
from pathlib import Path

from composeports.core.allocation import claim, release
from composeports.core.allocation_request import NOTHING_RUNS, AllocationRequest
from composeports.core.ports import PortGrid
from composeports.errors import NoPortsAvailableError
from composeports.stores.sqlite.store import SqliteStore
from tests.harness.waits import HANG


def main(store_path: str, marker_folder: str, name: str, rounds: int, slots: int) -> int:
    """Take a block `rounds` times; return how often another process also had it."""
    store = SqliteStore(store_path)
    grid = PortGrid(10000, 10, slots)
    Path(marker_folder, f"ready-{name}").touch()
    _wait_for(Path(marker_folder, "go"))
    doubled = done = 0
    while done < rounds:
        asked = AllocationRequest(name, grid, time.time(), 5, NOTHING_RUNS)
        try:
            lease = store.update(name, partial(claim, request=asked)).granted
        except NoPortsAvailableError:
            continue
        held = Path(marker_folder, f"block-{lease.block.start}")
        try:
            os.close(os.open(held, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            doubled += 1
        done += 1
        held.unlink(missing_ok=True)
        store.update(name, release)
    return doubled


def _wait_for(path: Path) -> None:
    end = time.monotonic() + HANG
    while not path.exists():
        if time.monotonic() > end:
            sys.exit("nobody said go")
        time.sleep(0.001)


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))  # noqa: T201
