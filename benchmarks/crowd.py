"""Measure the cost of one update on PostgreSQL with a small table and with a large one.

    .venv/bin/python -m benchmarks.crowd [--updates N]

Most leases in the table are remembered ones of the same engine; the rest are held on other
engines. Exit code 1: an update with the large table costs 50 % more than with the small one.
"""

import argparse
import os
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import psycopg

from composeports.core.allocation import claim, release
from composeports.core.allocation_request import NOTHING_RUNS, AllocationRequest
from composeports.core.engine_identity import EngineIdentity
from composeports.core.lease import Lease
from composeports.core.ports import PortGrid
from composeports.stores.postgres.queries import write_lease
from composeports.stores.postgres.store import PostgresStore

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from devkit import postgres

SIZES = (20, 200, 1000, 5000)
GRID = PortGrid(10000, 100, 20)
OWN = EngineIdentity("one", "host", "host.example", local=False)
GOAL = 1.5


def fill(url: str, number: int) -> None:
    """Put leases into the table until it has `number` of them; three of four are this engine's."""
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE composeports.leases")
        for each in range(number):
            held = each % 4 == 0
            # Twenty leases are held on each of the others.
            space = f"other-{each // 80}" if held else OWN.id
            slot = each // 4 % 20 if held else each % 20
            lease = Lease(
                f"/srv/{space}/{each}/.git",
                GRID.block(slot),
                f"ac-{each:08x}",
                1.0,
                2.0,
                held=held,
            )
            write_lease(connection, space, lease, 0)


def measure(url: str, updates: int) -> float:
    """Return the median seconds of an update while no other process uses the store."""
    store = PostgresStore(url, engine=lambda: OWN)
    seconds: list[float] = []
    for turn in range(updates // 2):
        name = f"session-{turn % 20}"
        asked = AllocationRequest(name, GRID, time.time(), 5, NOTHING_RUNS)
        for decide in (partial(claim, request=asked), release):
            begun = time.perf_counter()
            store.update(name, decide)
            seconds.append(time.perf_counter() - begun)
    store.close()
    return statistics.median(seconds)


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=400)
    options = parser.parse_args()
    name = f"crowd-{os.getpid()}"
    try:
        url = postgres.start(name, settings={"fsync": "on"}, bound=True).socket_url()
        PostgresStore(url, engine=lambda: OWN).create()
        found = {}
        for size in SIZES:
            fill(url, size)
            found[size] = measure(url, options.updates)
            print(f"{size:>5} leases  {found[size] * 1000:.2f} ms an update")
    finally:
        postgres.stop(name)
    return 1 if found[SIZES[-1]] > found[SIZES[0]] * GOAL else 0


if __name__ == "__main__":
    sys.exit(main())
