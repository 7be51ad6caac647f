"""Let many processes take and release blocks of one store, and time every update and pair.

    .venv/bin/python -m benchmarks.races [--store sqlite|postgres] [--processes N] [--pairs N]

For PostgreSQL it starts a server with fsync, and stops it at the end.
An update is one call: from the request for the lock, including all waiting, until the commit. A
pair is two updates: one that takes a block and one that releases it.

The check does not use the store: each process creates a file for its block; a file that exists
already is an overlap. Exit code 1: an overlap, an error, or a median of the updates over the goal.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from composeports.core.allocation import claim, release
from composeports.core.allocation_request import NOTHING_RUNS, AllocationRequest
from composeports.core.ports import PortGrid
from composeports.errors import ComposeportsError
from composeports.stores.open import open_store

GOALS = {"sqlite": 0.005, "postgres": 0.010}
PROCESSES = {"sqlite": 32, "postgres": 64}
PAIRS = {"sqlite": 10_000, "postgres": 20_000}
DEADLINE = 120


def race(folder: Path, url: str, name: str, pairs: int, slots: int) -> dict[str, object]:
    """Take and give back a block `pairs` times; return the seconds of each, and what went wrong.

    `seconds` are two for a pair.
    """
    store = open_store(url)
    grid = PortGrid(10000, 10, slots)
    seconds: list[tuple[float, float]] = []
    errors: list[str] = []
    overlaps = 0
    (folder / f"ready-{name}").touch()
    _wait_for(folder / "go")
    while len(seconds) + len(errors) < pairs:
        begun = time.perf_counter()
        try:
            asked = AllocationRequest(name, grid, time.time(), 5, NOTHING_RUNS)
            lease = store.update(name, partial(claim, request=asked)).granted
            taken = time.perf_counter() - begun
            overlaps += _had_by_another(folder / f"block-{lease.block.start}")
            begun = time.perf_counter()
            store.update(name, release)
            seconds.append((taken, time.perf_counter() - begun))
        except ComposeportsError as error:
            errors.append(error.message)
    store.close()
    return {"seconds": seconds, "errors": errors, "overlaps": overlaps}


def _had_by_another(witness: Path) -> bool:
    """Hold a block for a moment; return True if another process also has it."""
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


@contextmanager
def store_url(kind: str, folder: Path) -> Iterator[str]:
    """Lend a store that is empty yet; the server of one that needs one is stopped at the end."""
    if kind == "sqlite":
        yield f"sqlite://{folder / 'leases.sqlite3'}"
        return
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
    from devkit import postgres  # noqa: PLC0415 - for this kind alone

    name = f"races-{os.getpid()}"
    try:
        yield postgres.start(name, settings={"fsync": "on"}, bound=True).socket_url()
    finally:
        postgres.stop(name)


Found = tuple[list[tuple[float, float]], list[str], int, float]


def run(processes: int, pairs: int, kind: str = "sqlite", url: str = "") -> Found:
    """Run all processes; return the seconds, all errors, the overlaps, and the duration.

    They race on the store at `url`, where one is given, else on a new one of that kind.
    """
    with tempfile.TemporaryDirectory(prefix="composeports-races.") as name:
        folder = Path(name)
        if url:
            return _run(processes, pairs, folder, url)
        with store_url(kind, folder) as made:
            return _run(processes, pairs, folder, made)


def _run(processes: int, pairs: int, folder: Path, url: str) -> Found:
    argv = [
        sys.executable,
        __file__,
        "--racer",
        str(folder),
        "--pairs",
        str(-(-pairs // processes)),
    ]
    argv += ["--processes", str(processes), "--url", url, "--name"]
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
    seconds = [(taken, given) for each in found for taken, given in each["seconds"]]
    return seconds, errors, sum(each["overlaps"] for each in found), took


def report(found: Found, goal: float) -> int:
    """Print the table; return the exit code."""
    pairs, errors, overlaps, took = found
    updates = sorted(second for pair in pairs for second in pair)
    sums = sorted(map(sum, pairs))
    median = statistics.median(updates)
    figures = {
        "pairs": str(len(pairs)),
        "an update": _spread(updates),
        "a pair": _spread(sums),
        "all": f"{took:.1f} s, {took / len(pairs) * 1000:.2f} ms a pair",
        "overlaps": str(overlaps),
        "errors": str(len(errors)),
    }
    for name, figure in figures.items():
        print(f"{name:<10} {figure}")
    for error in errors[:5]:
        print(f"FAILED     {error}")
    return 1 if overlaps or errors or median > goal else 0


def _spread(seconds: list[float]) -> str:
    median, p99 = statistics.median(seconds), seconds[len(seconds) * 99 // 100]
    said = (("median", median), ("p99", p99), ("max", seconds[-1]))
    return ", ".join(f"{name} {value * 1000:.2f} ms" for name, value in said)


def main() -> int:
    """Race, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=sorted(GOALS), default="sqlite")
    parser.add_argument("--processes", type=int)
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    parser.add_argument("--racer", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--name", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.racer is not None:
        found = race(options.racer, options.url, options.name, options.pairs, options.processes)
        print(json.dumps(found))
        return 0
    processes = options.processes or PROCESSES[options.store]
    pairs = options.pairs or PAIRS[options.store]
    return report(run(processes, pairs, options.store), GOALS[options.store])


if __name__ == "__main__":
    sys.exit(main())
