#!/usr/bin/env python3
"""Measure composeports on a folder of real Compose files: three sessions of each, compared.

    scripts/with-engine .venv/bin/python benchmarks/corpus.py DIR [--up] [--only GLOB]

DIR has a UNITS.tsv with the columns compose_file, env_file and source. Every unit's repository is
copied; the folder itself is only read. With --up the three stacks run at once, with stand-ins
for their images, and every published port must answer from its own stack.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from corpuskit import report
from corpuskit.cost import Cost, cost_of
from corpuskit.measure import Measured, Measurement
from corpuskit.programs import Programs, StoppedError, environment
from corpuskit.stacks import Ground, Stacks
from corpuskit.units import Unit, read_units


@dataclass
class Run:
    """All units in one place, with one store of leases."""

    options: argparse.Namespace
    place: Path
    programs: Programs
    ground: Ground

    def measure(self, units: Sequence[Unit]) -> list[Measured]:
        """Measure the units in parallel, and report each as it ends."""
        results: list[Measured] = []
        with ThreadPoolExecutor(self.options.jobs) as pool:
            futures = [pool.submit(self._one, *each) for each in enumerate(units)]
            for future in as_completed(futures):
                with suppress(StoppedError):
                    results.append(future.result())
                    self._tell(results[-1], f"[{len(results)}/{len(units)}]")
        return sorted(results, key=lambda result: result.unit.name)

    def _tell(self, result: Measured, progress: str) -> None:
        if result.failures:
            print(report.line(result), flush=True)
        print(progress, report.line(result)[:100], file=sys.stderr)

    def _one(self, number: int, unit: Unit) -> Measured:
        folder = self.place / f"{number:03}"
        folder.mkdir()
        result = Measured(unit)
        measurement = Measurement(unit, folder, self.programs)
        try:
            measurement.measure(result)
            if self.options.up and all(session.merged for session in result.sessions):
                Stacks(measurement, self.ground).try_out(result)
        finally:
            measurement.release(result)
            if not self.options.keep:
                shutil.rmtree(folder, ignore_errors=True)
        return result

    def costs(self, results: Sequence[Measured]) -> list[Cost]:
        """Time the units with the largest merged results, one after the other."""
        largest = sorted(results, key=lambda result: -result.size)[: self.options.cost]
        with suppress(StoppedError):
            return [
                cost_of(result.unit, self.place / f"cost-{number}", self.programs)
                for number, result in enumerate(largest)
            ]
        return []


def main() -> int:
    """Measure every unit and report; return 1 if one fails, 130 if the user stopped it."""
    options = parse()
    if not (options.corpus / "UNITS.tsv").is_file():
        sys.exit(f"{options.corpus} has no UNITS.tsv, which names the files to measure on")
    units = read_units(options.corpus, options.only)
    if not units:
        sys.exit(f"no unit of {options.corpus} matches {options.only}")
    place = Path(tempfile.mkdtemp(prefix="composeports-corpus-"))
    programs = Programs(environment(place / "state"), place)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: programs.stop())
    ground = Ground(programs)
    missing = ground.missing()
    if missing:
        shutil.rmtree(place)
        sys.exit(missing)
    run = Run(options, place, programs, ground)
    try:
        results = run.measure(units)
        costs = run.costs(results)
    finally:
        ground.remove()
        if not options.keep:
            shutil.rmtree(place, ignore_errors=True)
    told = (report.summary(results, up=options.up), report.strict(results), report.costs(costs))
    for line in (each for part in told for each in part):
        print(line)
    if options.keep:
        print(f"kept: {place}")
    if options.json:
        document = {
            "units": [each.as_dict() for each in results],
            "costs": [each.as_dict() for each in costs],
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    if programs.stopping.is_set():
        return 130
    return int(any(each.failures for each in results))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpus", type=Path, metavar="DIR")
    parser.add_argument("--up", action="store_true", help="start the three stacks of each unit")
    parser.add_argument("--only", default="*", metavar="GLOB", help="units with such names")
    parser.add_argument("--jobs", type=int, default=2, help="units at once (2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results there")
    parser.add_argument("--cost", type=int, default=0, metavar="N", help="time the N largest too")
    parser.add_argument("--keep", action="store_true", help="leave the checkouts to look at")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
