"""Validate a feature on the repository's Compose stack, and take the stack down at the end.

    python3 validate.py [--report FILE] [--volumes] [--timeout SECONDS] [SERVICE...]

Needs composeports on PATH, and pytest for the smoke tests. Exit code 0: passed, 1: failed,
128 + n: ended by signal n; in these cases the stack is taken down. 2: the validation could not
begin, and has started nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

sys.dont_write_bytecode = True

import destination
import phases
import suites
from report import FAIL, INTERRUPTED, PASS, SKIP, TITLE, Phase, Report
from running import Guard, Runner, Stopped, say

if TYPE_CHECKING:
    from collections.abc import Callable

BY_SIGNAL = 128
OWN_FOLDER = destination.OWN_FOLDER


def main() -> int:
    """Run the validation and return the exit code."""
    options = arguments()
    guard = Guard()
    runner = Runner(guard, os.getcwd(), os.environ)
    top = runner.run(("git", "rev-parse", "--show-toplevel"), phases.SHORT).out.strip()
    branch = runner.run(("git", "branch", "--show-current"), phases.SHORT).out.strip()
    where = destination.report_path(options.report, os.environ, top or os.getcwd(), branch)
    path, problem = os.path.abspath(where.path), where.problem
    problem = problem or obstacle(path)
    if problem:
        say(f"validate: {problem}")
        return 2
    report = Report(facts=facts(runner))
    if not written(path, report):
        return 2
    Validation(runner, guard, options, report, path).run()
    whole = written(path, report)
    say(f"validate: {report.result}, see {path}")
    if guard.signal:
        return BY_SIGNAL + guard.signal
    return 0 if whole and report.result == "PASS" else 1


class Validation:
    """One running validation."""

    def __init__(
        self, runner: Runner, guard: Guard, options: argparse.Namespace, report: Report, path: str
    ) -> None:
        """Keep what the phases need; `path` is the report's file."""
        self.runner = runner
        self.guard = guard
        self.options = options
        self.report = report
        self.path = path

    def run(self) -> None:
        """Run the phases; always run the teardown, whatever happened before."""
        try:
            try:
                self.guard.work()
                self.examine()
            finally:
                self.guard.pause()
        except Stopped:
            self.report.stopped = True
        except Exception as error:  # noqa: BLE001 - the stack has to be taken down anyway
            self.note(Phase("validate", FAIL, f"{type(error).__name__}: {error}"))
        self.take_down()
        self.report.stopped = bool(self.guard.signal)
        self.report.finished = True

    def take_down(self) -> None:
        """Take the stack down; if that raises (a full disk, say), call `composeports down` only."""
        volumes, quickly = self.options.volumes, bool(self.guard.signal)
        try:
            self.phase(
                "teardown", lambda: phases.teardown(self.runner, volumes=volumes, quickly=quickly)
            )
        except Exception as error:  # noqa: BLE001 - the same
            code = subprocess.call(("composeports", "down"))
            self.note(Phase("teardown", FAIL if code else PASS, f"after {error!r}"))

    def examine(self) -> None:
        """Run all phases between the start of the stack and its teardown."""
        services, seconds = self.options.services, self.options.timeout
        up = self.phase("deploy", lambda: phases.deploy(self.runner, services, seconds))
        if up and self.phase("ready", self.get_ready):
            self.phase("smoke", self.smoke)
            urls = self.report.urls
            self.phase("security", lambda: suites.security(self.runner, urls, seconds))
            self.phase("e2e", lambda: suites.e2e(self.runner, os.getcwd(), urls, seconds))
        else:
            self.note(Phase("smoke", SKIP, "the stack is not ready"))
            self.note(Phase("security", SKIP, "the stack is not ready"))
            self.note(Phase("e2e", SKIP, "the stack is not ready"))
        log = os.path.splitext(self.path)[0] + ".log"
        self.phase("logs", lambda: phases.logs(self.runner, log))
        self.phase("ci", lambda: suites.checks(self.runner))

    def get_ready(self) -> Phase:
        """Read the stack's URLs, and wait until they answer."""
        self.report.urls = phases.urls(self.runner)
        return phases.ready(self.runner, self.report.urls, self.options.timeout)

    def smoke(self) -> Phase:
        """Run the smoke tests; their results file is in a temporary folder."""
        with tempfile.TemporaryDirectory() as folder:
            return suites.smoke(self.runner, self.report.urls, folder)

    def phase(self, name: str, work: Callable[[], Phase]) -> bool:
        """Run one phase; return True if it did not fail."""
        begun = time.monotonic()
        try:
            done = work()
        except Stopped:
            self.note(Phase(name, INTERRUPTED, seconds=time.monotonic() - begun))
            raise
        done.seconds = time.monotonic() - begun
        self.note(done)
        return done.result != FAIL

    def note(self, phase: Phase) -> None:
        """Add a phase to the report, and print its result."""
        self.report.phases.append(phase)
        say(f"validate: {phase.name}: {phase.result}" + (f" ({phase.note})" if phase.note else ""))


def arguments() -> argparse.Namespace:
    """Parse the command line; exit with code 2 if it is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--report", metavar="FILE", help=f"default: VALIDATE_REPORT, or {destination.DEFAULT}"
    )
    parser.add_argument("--volumes", action="store_true", help="remove the stack's data at the end")
    parser.add_argument(
        "--timeout",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="limit for each of: start, wait until ready, scan, end-to-end tests (600)",
    )
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="start only these")
    return parser.parse_args()


def obstacle(path: str) -> str:
    """Return why the validation cannot begin; empty if it can."""
    if not shutil.which("composeports"):
        return "composeports is not installed: pip install composeports"
    try:
        with open(path, encoding="utf-8") as file:
            if not file.readline().startswith(TITLE):
                return f"{path} is not a validation report; choose another file with --report"
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        return f"{path} cannot be read: {error}"
    return ""


def facts(runner: Runner) -> dict[str, str]:
    """Return the folder, branch, commit and start time for the report."""

    def git(*words: str) -> str:
        return runner.run(("git", *words), phases.SHORT).out.strip()

    return {
        "folder": os.getcwd(),
        "branch": git("branch", "--show-current"),
        "commit": git("rev-parse", "--short", "HEAD")
        + (" and uncommitted changes" if git("status", "--porcelain") else ""),
        "started": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
    }


def written(path: str, report: Report) -> bool:
    """Write the report and return True; print the reason and return False if that fails."""
    try:
        write(path, report)
    except OSError as error:
        say(f"validate: the report cannot be written: {error}")
        return False
    return True


def write(path: str, report: Report) -> None:
    """Write the report atomically; create its folder, with a .gitignore if it is .composeports."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    ignored = os.path.join(folder, ".gitignore")
    if os.path.basename(folder) == OWN_FOLDER and not os.path.exists(ignored):
        with open(ignored, "w", encoding="utf-8") as file:
            file.write("# Created for the validation report.\n*\n")
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(report.text())
    os.replace(f"{path}.new", path)


if __name__ == "__main__":
    sys.exit(main())
