"""The phases of a validation: each does one thing with the stack and says what came of it."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import sys
import time
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from readiness import Container, containers_in, silence_of, smoke_urls, urls_of
from report import FAIL, PASS, SKIP, WARN, Phase
from running import NOT_FOUND, TIMED_OUT, Done, Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

SMOKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "smoke")
SHORT, LONG = 60.0, 600.0
BETWEEN_LOOKS = 0.5
NO_TESTS = 5
E2E_SCRIPTS = ("test:e2e", "e2e")
E2E_FOLDERS = ("tests/e2e", "e2e")


def composeports(runner: Runner, *arguments: str, seconds: float = SHORT) -> Done:
    """Run one composeports command."""
    return runner.run(("composeports", *arguments), seconds)


def deploy(runner: Runner, services: Sequence[str], seconds: float) -> Phase:
    """Start the stack on ports of this worktree's own."""
    done = composeports(runner, "up", *services, seconds=seconds)
    return Phase("deploy", _word(done), _why(done), done.said if done.code else "")


def listing(runner: Runner) -> list[Container]:
    """Return the stack's containers; none where Compose does not tell."""
    done = composeports(runner, "ps", "--all", "--format", "json")
    return containers_in(done.out) if done.code == 0 else []


def urls(runner: Runner) -> dict[str, str]:
    """Return what the stack's services are reached at."""
    services = {container.service for container in listing(runner)}
    done = composeports(runner, "status", "--json")
    return urls_of(done.out, services) if done.code == 0 else {}


def ready(runner: Runner, addresses: dict[str, str], seconds: float) -> Phase:
    """Wait until every container is up and healthy, and every URL answers."""
    deadline = time.monotonic() + seconds
    while True:
        containers = listing(runner)
        failed = [container.failed for container in containers if container.failed]
        if failed:
            return Phase("ready", FAIL, "; ".join(failed), _health(runner, containers))
        missing = [each.waited_for for each in containers if each.waited_for]
        missing += filter(None, map(silence_of, addresses.values()))
        if containers and not missing:
            return Phase("ready", PASS, f"{len(containers)} containers, {len(addresses)} addresses")
        if time.monotonic() > deadline:
            note = f"not within {seconds:.0f} s: {'; '.join(missing) or 'there is no container'}"
            return Phase("ready", FAIL, note, _health(runner, containers))
        time.sleep(BETWEEN_LOOKS)


def _health(runner: Runner, containers: list[Container]) -> str:
    """Return what the containers that are not well have said last."""
    ill = sorted({each.service for each in containers if each.failed or each.waited_for})
    if not ill:
        return ""
    return composeports(runner, "logs", "--no-color", "--tail", "20", *ill).said


def smoke(runner: Runner, addresses: dict[str, str], folder: str) -> Phase:
    """Run the smoke tests on every HTTP URL of the stack."""
    known = smoke_urls(addresses)
    if not known:
        return Phase("smoke", SKIP, "the stack publishes no HTTP port")
    pytest = _pytest()
    if not pytest:
        return Phase("smoke", FAIL, "there is no pytest: install it, or name it in VALIDATE_PYTEST")
    results = os.path.join(folder, "smoke.xml")
    options = ("-c", os.path.join(SMOKE, "pytest.ini"), "--rootdir", SMOKE, f"--junitxml={results}")
    # The tests are ours, so the repository's own pytest settings and plugins are none of theirs.
    done = runner.run(
        (*pytest, "-q", *options, SMOKE),
        LONG,
        SMOKE_URLS=known,
        PYTEST_ADDOPTS="",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        PYTHONDONTWRITEBYTECODE="1",
    )
    return Phase("smoke", _word(done), _counted(results) or _why(done), done.said)


def _pytest() -> list[str]:
    """Return the command that is pytest here; empty where there is none."""
    named = os.environ.get("VALIDATE_PYTEST")
    if named:
        return shlex.split(named)
    if importlib.util.find_spec("pytest"):
        return [sys.executable, "-m", "pytest"]
    if shutil.which("pytest"):
        return ["pytest"]
    return ["uvx", "pytest"] if shutil.which("uvx") else []


def _counted(results: str) -> str:
    """Word what pytest counted; empty where it did not come that far."""
    try:
        suite = ET.parse(results).getroot().find("testsuite")  # noqa: S314 - written by our pytest
    except (OSError, ET.ParseError):
        return ""
    if suite is None:
        return ""
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    skipped = int(suite.get("skipped", 0))
    passed = int(suite.get("tests", 0)) - failed - skipped
    return f"{passed} passed, {failed} failed, {skipped} not configured"


def e2e(runner: Runner, cwd: str, addresses: dict[str, str], seconds: float) -> Phase:
    """Run the repository's own end-to-end tests, with the session's variables."""
    command = _e2e_command(cwd)
    if not command:
        return Phase("e2e", SKIP, "no end-to-end tests found; VALIDATE_E2E names a command")
    known = smoke_urls(addresses)
    done = runner.run(("composeports", "env", "--", *command), seconds, SMOKE_URLS=known)
    if done.code == NO_TESTS and "pytest" in command:
        return Phase("e2e", SKIP, "pytest found no test")
    return Phase("e2e", _word(done), _why(done) or shlex.join(command), done.said)


def _e2e_command(cwd: str) -> list[str]:
    named = os.environ.get("VALIDATE_E2E")
    if named:
        return ["sh", "-c", named]
    for folder in E2E_FOLDERS:
        path = os.path.join(cwd, folder)
        if os.path.isdir(path) and any(
            name.startswith("test_") and name.endswith(".py")
            for _, _, names in os.walk(path)
            for name in names
        ):
            return [*_pytest(), folder]
    try:
        with open(os.path.join(cwd, "package.json"), encoding="utf-8") as file:
            scripts = json.load(file).get("scripts", {})
    except (OSError, ValueError, AttributeError):
        return []
    return next((["npm", "run", name] for name in E2E_SCRIPTS if name in scripts), [])


def logs(runner: Runner, path: str) -> Phase:
    """Keep what the stack's containers have said in a file beside the report."""
    done = composeports(runner, "logs", "--no-color", "--timestamps")
    if done.code:
        return Phase("logs", WARN, _why(done))
    with open(path, "w", encoding="utf-8") as file:
        file.write(done.out)
    return Phase("logs", PASS, f"{len(done.out.splitlines())} lines in {path}")


def checks(runner: Runner) -> Phase:
    """Ask GitHub what CI says of this commit."""
    if not shutil.which("gh"):
        return Phase("ci", SKIP, "gh is not installed")
    commit = runner.run(("git", "rev-parse", "HEAD"), SHORT).out.strip()
    fields = "workflowName,status,conclusion,url"
    done = runner.run(("gh", "run", "list", "--commit", commit, "--json", fields), SHORT)
    if done.code:
        return Phase("ci", SKIP, _first_line(done.err) or _why(done))
    try:
        runs = json.loads(done.out)
    except ValueError:
        return Phase("ci", SKIP, "gh said nothing that can be read")
    lines = [" ".join(str(run.get(name, "")) for name in fields.split(",")) for run in runs]
    if not runs:
        return Phase("ci", SKIP, "there is no run for this commit")
    if any(run.get("conclusion") in {"failure", "timed_out", "startup_failure"} for run in runs):
        return Phase("ci", FAIL, "a run failed", "\n".join(lines))
    if any(run.get("status") != "completed" for run in runs):
        return Phase("ci", WARN, "a run has not ended", "\n".join(lines))
    return Phase("ci", PASS, f"{len(runs)} runs", "\n".join(lines))


def teardown(runner: Runner, *, volumes: bool, quickly: bool) -> Phase:
    """Take the stack down and give its ports back; a failure is tried once more."""
    options = ("--volumes",) * volumes + ("--timeout", "2") * quickly
    for _ in range(2):
        done = composeports(runner, "down", *options, seconds=LONG)
        if done.code in {0, NOT_FOUND}:
            return Phase("teardown", _word(done), _why(done))
    note = f"{_why(done)}; see `composeports doctor`, then run `composeports down` yourself"
    return Phase("teardown", FAIL, note, done.said)


def _word(done: Done) -> str:
    return FAIL if done.code else PASS


def _why(done: Done) -> str:
    if done.code == TIMED_OUT:
        return "did not end in time"
    return f"exit code {done.code}" if done.code else ""


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")
