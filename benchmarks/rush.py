"""Start 20 worktrees' stacks at the same instant, repeatedly, and compare with `docker compose`.

    scripts/with-engine .venv/bin/python -m benchmarks.rush [--rounds N] [--worktrees N]

Every round starts the same worktrees twice: by `docker compose up -d` with ports that were assigned
by hand, and by `composeports up` without known leases. The order alternates. The published ports
come from the engine. Exit code 1: a stack did not start, or a port was published twice.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

IMAGE = "composeports-dev/tiny:1"
LABEL = "com.docker.compose.project"
PROGRAM = Path(sys.executable).with_name("composeports")
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
    named = {
        f"s{number}": {
            "image": IMAGE,
            "stop_grace_period": "0s",
            "ports": [f"${{S{number}_PORT:-{8080 + number}}}:80"],
        }
        for number in range(services)
    }
    return json.dumps({"services": named}, indent=2)


def make_worktrees(root: Path, count: int, services: int) -> list[Path]:
    """Make a repository with `count` linked worktrees."""
    main = root / "main"
    main.mkdir()
    (main / "compose.yaml").write_text(compose_file(services))
    who = ["-c", "user.name=you", "-c", "user.email=you@localhost"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(main), *words], check=True)
    trees = [root / f"tree-{number:02}" for number in range(count)]
    for tree in trees:
        add = ["worktree", "add", "-q", "-b", tree.name, str(tree)]
        subprocess.run(["git", "-C", str(main), *add], check=True)
    return trees


def environment(root: Path, count: int) -> dict[str, str]:
    """Return the shell's environment with leases of our own."""
    pass_fds = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COMPOSE", "PORT_ALLOC_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    return {
        **pass_fds,
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
    started = [
        subprocess.Popen(
            [*argv, *words],
            cwd=tree,
            env={**environ, "PWD": str(tree)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for tree, argv, environ in commands
    ]
    with ThreadPoolExecutor(len(started)) as readers:
        said = list(readers.map(lambda program: program.communicate()[1], started))
    seconds = time.perf_counter() - begun
    failed = [
        f"exit {program.returncode}: {err.strip()[-600:]}"
        for program, err in zip(started, said, strict=True)
        if program.returncode
    ]
    return seconds, failed


def published(below: Path) -> list[int]:
    """Return the host ports (IPv4) that are published for what was started below a folder."""
    ids = docker("ps", "--quiet", "--filter", f"label={LABEL}").split()
    found = json.loads(docker("container", "inspect", *ids)) if ids else []
    return [
        int(binding["HostPort"])
        for each in found
        if each["Config"]["Labels"][f"{LABEL}.working_dir"].startswith(str(below))
        for bindings in each["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
        if ":" not in binding["HostIp"]
    ]


def docker(*words: str) -> str:
    """Ask the engine, which has to answer."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


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
