"""The fault harness: break composeports in every known way, and count what stays broken.

    scripts/with-engine .venv/bin/python -m tests.faults [--only WORDS] [--tries N] [--seed N]

Exit code 1 unless all counts are zero. `--only "kill up" --step 12 --seed 7` repeats one step.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.scenarios import SCENARIOS, Scenario, Setting
from tests.faults.tally import Tally, table
from tests.harness.engine import Engine

SHARE = 400


def main() -> int:
    """Run the requested scenarios, print the table, return the exit code."""
    options = _parser().parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    chosen = [each for each in SCENARIOS if options.only in each.name]
    if options.list or not chosen:
        print("\n".join(f"{each.name}: {each.checked}" for each in SCENARIOS))
        return 0 if options.list else 2
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="composeports-faults.") as name:
        tallies = _run(chosen, Path(name).resolve(), seed, options)
    print(f"\n{table(tallies)}\n")
    clean = all(tally.clean and tally.tries for tally in tallies)
    print("all zeros" if clean else f"NOT all zeros; again: --seed {seed} --only ... --step ...")
    return 0 if clean else 1


def _run(chosen: list[Scenario], root: Path, seed: int, options: argparse.Namespace) -> list[Tally]:
    engine = Engine.of(os.environ)

    def run(numbered: tuple[int, Scenario]) -> Tally:
        number, scenario = numbered
        setting = Setting(
            root=root / f"scene-{number}",
            base=options.base + SHARE * number,
            engine=engine,
            tries=scenario.tries if options.tries is None else options.tries,
            chance=random.Random(f"{seed} {scenario.name}"),
            step=options.step,
            worktrees=options.worktrees,
            seconds=options.seconds,
        )
        begun = time.monotonic()
        try:
            tally = scenario.run(setting)
        except Exception as error:  # noqa: BLE001 - the others go on, and it is told
            tally = Tally(scenario.name, "faults")
            tally.note({"failed": [f"{type(error).__name__}: {error}"]}, "the harness itself")
        seconds = time.monotonic() - begun
        state = "clean" if tally.clean else "WRONG"
        print(
            f"{scenario.name}: {tally.tries} tries, {tally.faults} {tally.kind}, {state}"
            f" ({seconds:.0f} s)",
            flush=True,
        )
        for remark in tally.remarks:
            print(f"{scenario.name}: {remark}", flush=True)
        for note in tally.notes:
            print(f"WRONG {note}", flush=True)
        return tally

    with ThreadPoolExecutor(options.jobs) as pool:
        return list(pool.map(run, enumerate(chosen)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default="", help="scenarios whose name has these words")
    parser.add_argument("--tries", type=int, help="tries of each scenario (0: every step once)")
    parser.add_argument("--seed", type=int, help="what chance is made from")
    parser.add_argument("--step", type=int, default=0, help="this step alone")
    parser.add_argument("--worktrees", type=int, default=12, help="how many a crowd has")
    parser.add_argument("--seconds", type=float, default=60, help="how long a crowd is at work")
    parser.add_argument("--base", type=int, default=12000, help="the first port that is used")
    parser.add_argument("--jobs", type=int, default=2, help="scenarios side by side")
    parser.add_argument(
        "--list", action="store_true", help="list the scenarios, and what each checks"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
