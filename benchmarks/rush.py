"""Start 20 worktrees' stacks at the same instant, repeatedly, and compare with `docker compose`.

    scripts/with-engine .venv/bin/python -m benchmarks.rush [--rounds N] [--worktrees N]

Every round starts the same worktrees twice: by `docker compose up -d` with ports that were assigned
by hand, and by `composeports up` without known leases. The order alternates. The published ports
come from the engine. Exit code 1: a stack did not start, or a port was published twice.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.engine import engine
from tests.harness.program import PROGRAM, finish_all, neutral_environ, start
from tests.harness.repository import add_worktree, make_repository, stack

BASE, RANGE = 33000, 20
GOAL = 1.2


@dataclass
class Tally:
    """What one contestant came to."""

    started: int = 0
    doubled: int = 0
    seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def compose_file(services: int) -> str:
    """Return a Compose file whose ports a shell can give, and which hard-codes none."""
    return stack(
        {
            f"s{number}": {"ports": [f"${{S{number}_PORT:-{8080 + number}}}:80"]}
            for number in range(services)
        }
    )


def make_worktrees(root: Path, count: int, services: int) -> list[Path]:
    """Make a repository with `count` linked worktrees."""
    main = make_repository(root / "main", {"compose.yaml": compose_file(services)})
    names = [f"tree-{number:02}" for number in range(count)]
    return [add_worktree(main, root / name, name) for name in names]


def environment(root: Path, count: int) -> dict[str, str]:
    """Return the shell's environment with leases of our own."""
    return {
        **neutral_environ(),
        "COMPOSEPORTS_STATE_DIR": str(root / "state"),
        "PORT_ALLOC_BASE": str(BASE),
        "PORT_ALLOC_RANGE": str(RANGE),
        "PORT_ALLOC_MAX_SESSIONS": str(count),
    }


Command = tuple[Path, list[str], dict[str, str]]


def by_hand(trees: Iterable[Path], environ: Mapping[str, str], services: int) -> list[Command]:
    """Return raw Compose's commands, a block of ports for each worktree."""
    return [
        (
            tree,
            ["docker", "compose", "-p", f"raw-{tree.name}"],
            {**environ}
            | {f"S{each}_PORT": str(BASE + RANGE * number + 4 + each) for each in range(services)},
        )
        for number, tree in enumerate(trees)
    ]


def at_once(commands: Iterable[Command], *words: str) -> tuple[float, list[str]]:
    """Start all commands before the first is waited for; return seconds, and what failed."""
    begun = time.perf_counter()
    done = finish_all(
        [
            start(*argv, *words, cwd=tree, environ={**environ, "PWD": str(tree)})
            for tree, argv, environ in commands
        ]
    )
    seconds = time.perf_counter() - begun
    failed = [f"exit {each.code}: {each.err.strip()[-600:]}" for each in done if each.code]
    return seconds, failed


def published(below: Path) -> list[int]:
    """Return the host ports (IPv4) that are published for what was started below a folder."""
    projects = engine().started_below(below)
    return [port for project in projects for port in engine().published(project).values()]


def rush(
    commands: list[Command], words: tuple[str, ...], tally: Tally, below: Path, services: int
) -> None:
    """Start all at once and count; then take all down."""
    seconds, failed = at_once(commands, *words)
    ports = published(below)
    tally.seconds.append(seconds)
    tally.started += len(commands) - len(failed)
    tally.doubled += sum(count - 1 for count in Counter(ports).values())
    tally.problems += failed
    if len(ports) != services * len(commands) and not failed:
        tally.problems.append(f"{len(ports)} ports are published")
    _, left = at_once(commands, "down", "-t", "0")
    tally.problems += [f"down: {text}" for text in left]


def measure(root: Path, options: argparse.Namespace) -> dict[str, Tally]:
    """Run both in turns, and show each round."""
    trees = make_worktrees(root, options.worktrees, options.services)
    environ = environment(root, options.worktrees)
    hand = by_hand(trees, environ, options.services)
    ours: list[Command] = [(tree, [str(PROGRAM)], environ) for tree in trees]
    tallies = {"docker compose up -d": Tally(), "composeports up": Tally()}

    def raw() -> None:
        rush(hand, ("up", "-d"), tallies["docker compose up -d"], root, options.services)

    def leased() -> None:
        shutil.rmtree(environ["COMPOSEPORTS_STATE_DIR"], ignore_errors=True)
        rush(ours, ("up",), tallies["composeports up"], root, options.services)

    turns: list[Callable[[], None]] = [raw, leased]
    raw()
    tallies["docker compose up -d"] = Tally()  # that one only warmed the caches
    for number in range(options.rounds):
        for turn in turns if number % 2 else reversed(turns):
            turn()
        last = [f"{tally.seconds[-1]:.2f}" for tally in tallies.values()]
        print(f"round {number + 1:>2}: raw {last[0]} s, composeports {last[1]} s", flush=True)
    return tallies


def report(tallies: Mapping[str, Tally], options: argparse.Namespace) -> int:
    """Print the table; return the exit code."""
    wanted = options.rounds * options.worktrees
    print(f"\n{'':<22} {'succeeded':>10} {'doubled':>8} {'median s':>9} {'worst s':>8}")
    for name, tally in tallies.items():
        middle, worst = statistics.median(tally.seconds), max(tally.seconds)
        done = f"{tally.started}/{wanted}"
        print(f"{name:<22} {done:>10} {tally.doubled:>8} {middle:>9.2f} {worst:>8.2f}")
    raw, ours = tallies.values()
    ratio = statistics.median(ours.seconds) / statistics.median(raw.seconds)
    print(f"ratio of the medians: {ratio:.2f} (goal: {GOAL})")
    for text in [*raw.problems, *ours.problems]:
        print(f"FAILED   {text}")
    return 1 if raw.problems or ours.problems or raw.doubled or ours.doubled else 0


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--worktrees", type=int, default=20)
    parser.add_argument("--services", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="composeports-rush.") as name:
        tallies = measure(Path(name).resolve(), options)
    return report(tallies, options)


if __name__ == "__main__":
    sys.exit(main())
