"""The fault harness for a fleet: three engines, one PostgreSQL, and faults between them.

    PYTHONPATH=scripts .venv/bin/python -m tests.fleet [--only WORDS] [--tries N] ...

It needs root, for network namespaces. Exit code 1 unless all counts are zero.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.tally import Tally, table
from tests.fleet.place import Fleet, fleet
from tests.fleet.scenarios import SCENARIOS, Scenario, play

# How many worktrees of each machine start at once where nothing goes wrong, and where things do.
MANY, FEW = 20, 4


def main() -> int:
    """Run what is asked for, print the table, return the exit code."""
    options = _parser().parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    chosen = [each for each in SCENARIOS if options.only in each.name]
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="composeports-fleet.") as name:
        root = Path(name).resolve()
        tallies: list[Tally] = []
        for many in (True, False):
            count = (options.worktrees or MANY) if many else FEW
            some = [each for each in chosen if each.many == many]
            if some:
                with fleet(root / str(count), count) as there:
                    tallies += [_play(each, there, options.tries, seed) for each in some]
    print(f"\n{table(tallies)}\n")
    clean = all(tally.clean and tally.tries for tally in tallies)
    print("all zeros" if clean else f"NOT all zeros; again: --seed {seed} --only ...")
    return 0 if clean else 1


def _play(scenario: Scenario, there: Fleet, tries: int | None, seed: int) -> Tally:
    begun = time.monotonic()
    chance = random.Random(f"{seed} {scenario.name}")
    tally = play(scenario, there, chance, scenario.tries if tries is None else tries)
    seconds = time.monotonic() - begun
    state = "clean" if tally.clean else "WRONG"
    counted = f"{tally.tries} tries, {tally.faults} {tally.kind}"
    print(f"{scenario.name}: {counted}, {state} ({seconds:.0f} s)", flush=True)
    for note in tally.notes:
        print(f"WRONG {note}", flush=True)
    return tally


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fleet", description=__doc__)
    parser.add_argument("--only", default="", help="scenarios whose name has these words")
    parser.add_argument("--tries", type=int, help="tries of each scenario")
    parser.add_argument("--seed", type=int, help="what chance is made from")
    parser.add_argument("--worktrees", type=int, help="of each machine, where all start at once")
    return parser


if __name__ == "__main__":
    sys.exit(main())
