"""The phases that test the stack: smoke tests, scans, end-to-end tests, and the CI result."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import sys
import xml.etree.ElementTree as ET
from typing import Any

from phases import LONG, SHORT, why, word
from readiness import smoke_urls
from report import FAIL, PASS, SKIP, WARN, Phase
from running import Runner

SMOKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "smoke")
NO_TESTS = 5
NOT_SCANNED = 11
E2E_SCRIPTS = ("test:e2e", "e2e")
E2E_FOLDERS = ("tests/e2e", "e2e")
RUN_FIELDS = ("workflowName", "status", "conclusion", "url")


def smoke(runner: Runner, addresses: dict[str, str], folder: str) -> Phase:
    """Run the smoke tests on every HTTP URL of the stack."""
    known = smoke_urls(addresses)
    if not known:
        return Phase("smoke", SKIP, "the stack publishes no HTTP port")
    pytest = _pytest()
    if not pytest:
        return Phase("smoke", FAIL, "pytest not found: install it, or set VALIDATE_PYTEST")
    results = os.path.join(folder, "smoke.xml")
    options = ("-c", os.path.join(SMOKE, "pytest.ini"), "--rootdir", SMOKE, f"--junitxml={results}")
    # These tests belong to the skill, so the repository's pytest settings must not apply to them.
    done = runner.run(
        (*pytest, "-q", *options, SMOKE),
        LONG,
        SMOKE_URLS=known,
        PYTEST_ADDOPTS="",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        PYTHONDONTWRITEBYTECODE="1",
    )
    return Phase("smoke", word(done), _counted(results) or why(done), done.said)


def _pytest() -> list[str]:
    """Return the command that runs pytest; empty if there is none."""
    named = os.environ.get("VALIDATE_PYTEST")
    if named:
        return shlex.split(named)
    if importlib.util.find_spec("pytest"):
        return [sys.executable, "-m", "pytest"]
    if shutil.which("pytest"):
        return ["pytest"]
    return ["uvx", "pytest"] if shutil.which("uvx") else []


def _counted(results: str) -> str:
    """Return pytest's counts as text; empty if pytest wrote no results."""
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


def security(runner: Runner, addresses: dict[str, str], seconds: float) -> Phase:
    """Run the repository's security scan, VALIDATE_SECURITY, with the session's variables."""
    command = os.environ.get("VALIDATE_SECURITY")
    if not command:
        return Phase("security", SKIP, "no scan is configured; set VALIDATE_SECURITY to a command")
    known = smoke_urls(addresses)
    scan = ("composeports", "env", "--", "sh", "-c", command)
    done = runner.run(scan, seconds, SMOKE_URLS=known)
    if done.code == NOT_SCANNED:
        return Phase("security", WARN, "a scanner could not run", done.said)
    return Phase("security", word(done), why(done) or command, done.said)


def e2e(runner: Runner, cwd: str, addresses: dict[str, str], seconds: float) -> Phase:
    """Run the repository's end-to-end tests with the session's variables."""
    command = _e2e_command(cwd)
    if not command:
        return Phase("e2e", SKIP, "no end-to-end tests found; set VALIDATE_E2E to a command")
    known = smoke_urls(addresses)
    done = runner.run(("composeports", "env", "--", *command), seconds, SMOKE_URLS=known)
    if done.code == NO_TESTS and "pytest" in command:
        return Phase("e2e", SKIP, "pytest found no test")
    return Phase("e2e", word(done), why(done) or shlex.join(command), done.said)


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


def checks(runner: Runner) -> Phase:
    """Ask GitHub for the CI runs of this commit."""
    if not shutil.which("gh"):
        return Phase("ci", SKIP, "gh is not installed")
    commit = runner.run(("git", "rev-parse", "HEAD"), SHORT).out.strip()
    fields = ",".join(RUN_FIELDS)
    done = runner.run(("gh", "run", "list", "--commit", commit, "--json", fields), SHORT)
    try:
        runs = json.loads(done.out) if not done.code else []
    except ValueError:
        runs = []
    if not runs:
        return Phase("ci", SKIP, _first_line(done.err) or "gh lists no run for this commit")
    return _judged(runs)


def _judged(runs: list[dict[str, Any]]) -> Phase:
    lines = "\n".join(" ".join(str(run.get(name, "")) for name in RUN_FIELDS) for run in runs)
    if any(run.get("conclusion") in {"failure", "timed_out", "startup_failure"} for run in runs):
        return Phase("ci", FAIL, "a run failed", lines)
    if any(run.get("status") != "completed" for run in runs):
        return Phase("ci", WARN, "a run has not ended", lines)
    return Phase("ci", PASS, f"{len(runs)} runs", lines)


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")
