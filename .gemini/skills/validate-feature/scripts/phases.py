"""The phases that work on the stack itself: start it, wait for it, save its logs, take it down."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from readiness import Container, containers_in, silence_of, urls_of
from report import FAIL, PASS, WARN, Phase
from running import NOT_FOUND, TIMED_OUT, Done, Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORT, LONG = 60.0, 600.0
BETWEEN_LOOKS = 0.5


def composeports(runner: Runner, *arguments: str, seconds: float = SHORT) -> Done:
    """Run one composeports command."""
    return runner.run(("composeports", *arguments), seconds)


def deploy(runner: Runner, services: Sequence[str], seconds: float) -> Phase:
    """Start the stack on the ports of this worktree."""
    done = composeports(runner, "up", *services, seconds=seconds)
    return Phase("deploy", word(done), why(done), done.said if done.code else "")


def listing(runner: Runner) -> list[Container]:
    """Return the stack's containers; an empty list if Compose cannot list them."""
    done = composeports(runner, "ps", "--all", "--format", "json")
    return containers_in(done.out) if done.code == 0 else []


def urls(runner: Runner) -> dict[str, str]:
    """Return the URL or host:port of each published port of the stack's services."""
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
    """Return the last log lines of the containers that failed or are not ready."""
    ill = sorted({each.service for each in containers if each.failed or each.waited_for})
    if not ill:
        return ""
    return composeports(runner, "logs", "--no-color", "--tail", "20", *ill).said


def logs(runner: Runner, path: str) -> Phase:
    """Save the logs of the stack's containers in a file next to the report."""
    done = composeports(runner, "logs", "--no-color", "--timestamps")
    if done.code:
        return Phase("logs", WARN, why(done))
    with open(path, "w", encoding="utf-8") as file:
        file.write(done.out)
    return Phase("logs", PASS, f"{len(done.out.splitlines())} lines in {path}")


def teardown(runner: Runner, *, volumes: bool, quickly: bool) -> Phase:
    """Take the stack down and release its ports; try once more after a failure."""
    options = ("--volumes",) * volumes + ("--timeout", "2") * quickly
    for _ in range(2):
        done = composeports(runner, "down", *options, seconds=LONG)
        if done.code in {0, NOT_FOUND}:
            return Phase("teardown", word(done), why(done))
    note = f"{why(done)}; see `composeports doctor`, then run `composeports down` yourself"
    return Phase("teardown", FAIL, note, done.said)


def word(done: Done) -> str:
    """Return the phase result for a command's exit code."""
    return FAIL if done.code else PASS


def why(done: Done) -> str:
    """Return why a command failed; empty if it did not fail."""
    if done.code == TIMED_OUT:
        return "did not end in time"
    return f"exit code {done.code}" if done.code else ""
