"""Start many stacks of two networks each on one engine, check that all answer, take them down.

    scripts/with-engine .venv/bin/python -m benchmarks.many [--stacks N] [--jobs N]

An engine with default settings has address pools for about 29 networks; more networks use subnets
that the sessions lease. Exit code 1: a stack does not start, another stack answers for it, or it
leaves something behind.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

IMAGE = "composeports-dev/tiny:1"
SERVICE = {"image": IMAGE, "stop_grace_period": "0s"}
COMPOSE_FILE = {
    "services": {
        "web": {
            **SERVICE,
            "environment": {"GREETING": "${COMPOSE_PROJECT_NAME}"},
            "ports": ["8080:80"],
            "networks": ["front", "back"],
        }
    },
    "networks": {"front": {}, "back": {}},
}
ANSWER_SECONDS = 20.0


@dataclass(frozen=True)
class Stack:
    """One session in a separate folder."""

    folder: Path
    environ: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run composeports here."""
        program = str(Path(sys.executable).with_name("composeports"))
        environ = {**self.environ, "PWD": str(self.folder)}
        return subprocess.run(
            [program, *arguments],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self) -> str:
        """Start the stack; return what went wrong, or nothing."""
        done = self.run("up", "--json")
        return "" if done.returncode == 0 else f"{self.folder.name}: up: {done.stderr.strip()}"

    def answer(self) -> str:
        """Ask this stack for an answer; return the error, or an empty text."""
        started = json.loads(self.run("plan", "--json").stdout)
        project, port = started["compose_project_name"], started["ports"]["web:80/tcp"]
        said = _page(f"http://localhost:{port}")
        return "" if project in said else f"{self.folder.name}: {project} said {said!r}"

    def stop(self) -> str:
        """Take the stack down; return what went wrong, or nothing."""
        done = self.run("down", "-v", "-t", "0")
        return "" if done.returncode == 0 else f"{self.folder.name}: down: {done.stderr.strip()}"


def _page(url: str) -> str:
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own
                return str(answer.read(), "utf-8").strip()
        except OSError as error:
            if time.monotonic() > deadline:
                return str(error)
            time.sleep(0.1)


def _projects(stacks: list[Stack]) -> set[str]:
    rows = json.loads(stacks[0].run("status", "--json").stdout)
    return {row["compose_project_name"] for row in rows}


def _networks(projects: set[str]) -> list[str]:
    argv = ["docker", "network", "ls", "--format", "{{.Name}}"]
    names = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    return sorted(name for name in names if name.partition("_")[0] in projects)


def _each(jobs: int, steps: Iterable[Callable[[], str]]) -> list[str]:
    """Run the steps, `jobs` at a time; return what went wrong."""
    with ThreadPoolExecutor(jobs) as pool:
        return [said for said in pool.map(lambda step: step(), steps) if said]


def _stacks(root: Path, count: int) -> list[Stack]:
    pass_fds = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COMPOSE", "PORT_ALLOC_"))
    }
    settings = {
        "COMPOSEPORTS_STATE_DIR": str(root / "state"),
        "PORT_ALLOC_BASE": "36000",
        "PORT_ALLOC_RANGE": "10",
        "PORT_ALLOC_MAX_SESSIONS": str(count),
    }
    made = [Stack(root / f"stack-{number:03}", pass_fds | settings) for number in range(count)]
    for stack in made:
        stack.folder.mkdir()
        (stack.folder / "compose.yaml").write_text(json.dumps(COMPOSE_FILE))
    return made


def measure(stacks: list[Stack], jobs: int) -> list[str]:
    """Start all, ask all, stop all; print how long each took, and return what went wrong."""
    problems: list[str] = []
    projects: set[str] = set()
    try:
        for name in ("start", "answer"):
            begun = time.monotonic()
            problems += _each(jobs, (getattr(stack, name) for stack in stacks))
            print(f"{name:<8} {len(stacks)} stacks  {time.monotonic() - begun:6.1f} s")
        projects = _projects(stacks)
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
