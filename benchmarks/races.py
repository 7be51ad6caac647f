"""Lets many processes take and give back blocks of one SQLite store, and times every pair.

    .venv/bin/python -m benchmarks.races [--processes N] [--pairs N]

The witness knows nothing of stores: whoever has a block makes a file for it, and a file that is
there already is an overlap. Exit code 1: an overlap, an error, or a median over
the goal.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from composeports.core.block import Grid
from composeports.core.claims import NOTHING_RUNS, Request, claim, release
from composeports.errors import ComposeportsError
from composeports.stores.sqlite import SqliteStore

GOAL = 0.005
DEADLINE = 120


def race(folder: Path, name: str, pairs: int, slots: int) -> dict[str, object]:
    """Take and give back a block `pairs` times; return the seconds of each, and what went wrong."""
    store = SqliteStore(folder / "leases.sqlite3")
    grid = Grid(10000, 10, slots)
    seconds: list[float] = []
    errors: list[str] = []
    overlaps = 0
    (folder / f"ready-{name}").touch()
    _wait_for(folder / "go")
    while len(seconds) + len(errors) < pairs:
        begun = time.perf_counter()
        try:
            asked = Request(name, grid, time.time(), 5, NOTHING_RUNS)
            lease = store.update(name, partial(claim, request=asked)).granted
            taken = time.perf_counter() - begun
            overlaps += _had_by_another(folder / f"block-{lease.block.start}")
            begun = time.perf_counter()
            store.update(name, release)
            seconds.append(taken + time.perf_counter() - begun)
        except ComposeportsError as error:
            errors.append(error.message)
    store.close()
    return {"seconds": seconds, "errors": errors, "overlaps": overlaps}


def _had_by_another(witness: Path) -> bool:
    """Have a block for a moment; tell whether somebody else has it."""
    try:
        os.close(os.open(witness, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return True
    os.unlink(witness)
    return False


def _wait_for(path: Path) -> None:
    end = time.monotonic() + DEADLINE
    while not path.exists():
        if time.monotonic() > end:
            sys.exit("nobody said go")
        time.sleep(0.001)


def run(processes: int, pairs: int) -> tuple[list[float], list[str], int, float]:
    """Let all race; return all seconds, all errors, the overlaps, and how long it took."""
    share = -(-pairs // processes)
    with tempfile.TemporaryDirectory(prefix="composeports-races.") as name:
        folder = Path(name)
        argv = [sys.executable, __file__, "--racer", name, "--pairs", str(share)]
        argv += ["--processes", str(processes), "--name"]
        racers = [
            subprocess.Popen([*argv, f"racer-{number}"], stdout=subprocess.PIPE, text=True)
            for number in range(processes)
        ]
        end = time.monotonic() + DEADLINE
        while len(list(folder.glob("ready-*"))) < processes and time.monotonic() < end:
            time.sleep(0.01)
        begun = time.monotonic()
        (folder / "go").touch()
        said = [racer.communicate()[0] for racer in racers]
        took = time.monotonic() - begun
    errors = [f"a racer ended with {racer.returncode}" for racer in racers if racer.returncode]
    found = [json.loads(text) for text in said if text]
    errors += [error for each in found for error in each["errors"]]
    seconds = sorted(second for each in found for second in each["seconds"])
    return seconds, errors, sum(each["overlaps"] for each in found), took


def report(seconds: list[float], errors: list[str], overlaps: int, took: float) -> int:
    """Print the table; return the exit code."""
    median = statistics.median(seconds)
    figures = {
        "pairs": str(len(seconds)),
        "median": f"{median * 1000:.2f} ms",
        "p99": f"{seconds[len(seconds) * 99 // 100] * 1000:.1f} ms",
        "max": f"{seconds[-1] * 1000:.1f} ms",
        "all": f"{took:.1f} s, {took / len(seconds) * 1000:.2f} ms a pair",
        "overlaps": str(overlaps),
        "errors": str(len(errors)),
    }
    for name, figure in figures.items():
        print(f"{name:<10} {figure}")
    for error in errors[:5]:
        print(f"FAILED     {error}")
    return 1 if overlaps or errors or median > GOAL else 0


def main() -> int:
    """Race, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--racer", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--name", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.racer is not None:
        found = race(options.racer, options.name, options.pairs, options.processes)
        print(json.dumps(found))
        return 0
    return report(*run(options.processes, options.pairs))


if __name__ == "__main__":
    sys.exit(main())
