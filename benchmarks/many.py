"""Start many stacks of two networks each on one engine, check that all answer, take them down.

    scripts/with-engine .venv/bin/python -m benchmarks.many [--stacks N] [--jobs N]

An engine with default settings has address pools for about 29 networks; more networks use subnets
that the sessions lease. Exit code 1: a stack does not start, another stack answers for it, or it
leaves something behind.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.harness.engine import engine
from tests.harness.program import neutral_environ
from tests.harness.repository import stack, write
from tests.harness.session import Session

COMPOSE_FILE = stack(
    {
        "web": {
            "environment": {"GREETING": "${COMPOSE_PROJECT_NAME}"},
            "ports": ["8080:80"],
            "networks": ["front", "back"],
        }
    },
    networks={"front": {}, "back": {}},
)
ANSWER_SECONDS = 20.0


class Stack(Session):
    """One session in a separate folder; each step returns what went wrong, or nothing."""

    def bring_up(self) -> str:
        """Start the stack; return what went wrong, or nothing."""
        done = self.run("up", "--json")
        return "" if done.code == 0 else f"{self.directory.name}: up: {done.err.strip()}"

    def answer(self) -> str:
        """Ask this stack for an answer; return the error, or an empty text."""
        started = self.json("plan")
        project, port = started["compose_project_name"], started["ports"]["web:80/tcp"]
        said = engine().page(port, ANSWER_SECONDS)
        return "" if project in said else f"{self.directory.name}: {project} said {said!r}"

    def stop(self) -> str:
        """Take the stack down; return what went wrong, or nothing."""
        done = self.run("down", "-v", "-t", "0")
        return "" if done.code == 0 else f"{self.directory.name}: down: {done.err.strip()}"


def _networks(projects: set[str]) -> list[str]:
    return [name for project in projects for name, _ in engine().listed("network", project)]


def _each(jobs: int, steps: Iterable[Callable[[], str]]) -> list[str]:
    """Run the steps, `jobs` at a time; return what went wrong."""
    with ThreadPoolExecutor(jobs) as pool:
        return [said for said in pool.map(lambda step: step(), steps) if said]


def _stacks(root: Path, count: int) -> list[Stack]:
    settings = {
        "COMPOSEPORTS_STATE_DIR": str(root / "state"),
        "PORT_ALLOC_BASE": "36000",
        "PORT_ALLOC_RANGE": "10",
        "PORT_ALLOC_MAX_SESSIONS": str(count),
    }
    environ = neutral_environ() | settings
    made = [Stack(root / f"stack-{number:03}", environ) for number in range(count)]
    for each in made:
        write(each.directory, {"compose.yaml": COMPOSE_FILE})
    return made


def measure(stacks: list[Stack], jobs: int) -> list[str]:
    """Start all, ask all, stop all; print how long each took, and return what went wrong."""
    problems: list[str] = []
    projects: set[str] = set()
    try:
        for name in ("bring_up", "answer"):
            begun = time.monotonic()
            problems += _each(jobs, (getattr(stack, name) for stack in stacks))
            print(f"{name:<8} {len(stacks)} stacks  {time.monotonic() - begun:6.1f} s")
        projects = {row["compose_project_name"] for row in stacks[0].leases()}
        print(f"networks {len(_networks(projects))}")
    finally:
        begun = time.monotonic()
        problems += _each(jobs, (stack.stop for stack in stacks))
        print(f"stop     {len(stacks)} stacks  {time.monotonic() - begun:6.1f} s")
    left = _networks(projects)
    return problems + [f"left behind: {left}"] * bool(left)


def main() -> int:
    """Measure and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stacks", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="composeports-many.") as name:
        problems = measure(_stacks(Path(name).resolve(), options.stacks), options.jobs)
    for said in problems:
        print(f"FAILED   {said}")
    print(f"{options.stacks} stacks: {'all well' if not problems else f'{len(problems)} problems'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
