"""Measure what composeports costs: its start-up against Python's, and `up` against raw Compose.

    scripts/with-engine .venv/bin/python -m benchmarks [--rounds N] [--json FILE]

All figures of a table come from one run, in which the programs take turns: a busy machine
slows all of them equally. wtenv, the most similar tool, is installed from PyPI into a separate
folder.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.harness.program import PROGRAM, neutral_environ, output
from tests.harness.repository import make_repository, stack

COMPOSE_FILE = stack(
    {
        "web": {"ports": ["${WEB_PORT:-8080}:80"]},
        "api": {"ports": ["8081:80"]},
        "worker": {"ports": ["127.0.0.1:8082:80"]},
        "admin": {"ports": ["8083:80"]},
    }
)


@dataclass(frozen=True)
class Place:
    """A throwaway repository, the environment to run in, and the programs to compare."""

    repository: Path
    environ: Mapping[str, str]
    composeports: str
    python: str
    wtenv: str


def timed(argv: Sequence[str], place: Place) -> float:
    """Run a command that has to succeed, and return how many seconds it took."""
    begun = time.perf_counter()
    output(*argv, cwd=place.repository, environ=place.environ)
    return time.perf_counter() - begun


def prepare(folder: Path) -> Place:
    """Make the repository, install the peer, and take a lease."""
    repository = make_repository(folder / "repository", {"compose.yaml": COMPOSE_FILE})
    environ = neutral_environ() | {"COMPOSEPORTS_STATE_DIR": str(folder / "state")}
    environ["PWD"] = str(repository)
    environ["XDG_STATE_HOME"] = environ["XDG_DATA_HOME"] = str(folder / "peer")
    peer = folder / "wtenv"
    output(sys.executable, "-m", "venv", peer)
    output(peer / "bin" / "pip", "install", "--quiet", "wtenv")
    if not PROGRAM.exists():
        sys.exit("composeports is not installed beside this Python; run scripts/setup")
    return Place(repository, environ, str(PROGRAM), sys.executable, str(peer / "bin" / "wtenv"))


def compare(contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Run the programs in turns; return the median seconds of each."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, run in contestants.items():
            seconds = run()
            if number:  # the first round only warms the caches
                taken[name].append(seconds)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def measure_start_up(place: Place, rounds: int) -> dict[str, float]:
    """Return the medians of commands that only start, read and print."""
    ours = place.composeports
    return compare(
        {
            "python -c pass": lambda: timed([place.python, "-c", "pass"], place),
            "composeports env": lambda: timed([ours, "env"], place),
            "composeports url web": lambda: timed([ours, "url", "web"], place),
            "composeports status": lambda: timed([ours, "status"], place),
            "composeports --version": lambda: timed([ours, "--version"], place),
            "wtenv ls": lambda: timed([place.wtenv, "ls"], place),
            "wtenv --version": lambda: timed([place.wtenv, "--version"], place),
        },
        rounds,
    )


def measure_up(place: Place, rounds: int) -> dict[str, float]:
    """Return the medians of first and repeated `up`, ours and raw."""
    raw = ["docker", "compose", "-p", "speed-raw"]
    ours = place.composeports
    found: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        steps = {
            "docker compose up -d": [*raw, "up", "-d"],
            "docker compose up -d, again": [*raw, "up", "-d"],
            "docker compose down": [*raw, "down", "-t", "0"],
            "composeports up": [ours, "up"],
            "composeports up, again": [ours, "up"],
            "composeports down": [ours, "down", "-t", "0"],
        }
        for name, argv in steps.items():
            if name == "composeports up":  # a first `up`, with nothing remembered
                shutil.rmtree(place.environ["COMPOSEPORTS_STATE_DIR"], ignore_errors=True)
            seconds = timed(argv, place)
            if number:
                found.setdefault(name, []).append(seconds)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def report(title: str, medians: Mapping[str, float], base: str) -> None:
    """Print the medians with their ratio to one of them."""
    print(f"\n{title}")
    for name, seconds in medians.items():
        ratio = seconds / medians[base]
        print(f"  {name:<30} {seconds * 1000:8.1f} ms   {ratio:5.2f} x {base}")


def main() -> None:
    """Measure everything and print it; also write JSON if a file is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = prepare(Path(name))
        timed([place.composeports, "up"], place)
        start_up = measure_start_up(place, options.rounds)
        timed([place.composeports, "down", "-t", "0"], place)
        up = measure_up(place, max(3, options.rounds // 2))
    report("Start-up (median)", start_up, "python -c pass")
    report("Stack of four tiny services (median)", up, "docker compose up -d")
    first = up["composeports up"] - up["docker compose up -d"]
    again = up["composeports up, again"] - up["docker compose up -d, again"]
    print(f"\n  first up: {first:+.3f} s over raw; again: {again:+.3f} s over raw")
    if options.json:
        options.json.write_text(json.dumps({"start_up": start_up, "up": up}, indent=2) + "\n")


if __name__ == "__main__":
    main()
