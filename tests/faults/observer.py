"""Count what is wrong in the engine, the store and the files, without any code under test."""

import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from itertools import combinations
from pathlib import Path

from tests.harness.engine import PROJECT_LABEL, Engine
from tests.harness.store import STORE, Row, rows

# What may be in a state directory while no command runs.
STATE_FILES = {
    ".": re.compile(r"leases\.sqlite3(-wal|-shm)?|filler"),
    "known": re.compile(r"machine|engine-[0-9a-f]{16}"),
    "locks": re.compile(r"[a-z0-9-]+"),
    "observed": re.compile(r"[0-9a-f]{64}|turns"),
    "wrapper": re.compile(r"docker|docker-compose|composeports-wrapper"),
}
NOTHING = re.compile("")


def overlaps(found: Iterable[Row]) -> list[tuple[Row, Row]]:
    """Return the pairs of held leases that share a port or a project."""
    return [
        (one, two)
        for one, two in combinations([row for row in found if row.held], 2)
        if one.project == two.project
        or (one.start < two.start + two.size and two.start < one.start + one.size)
    ]


def doubled_holds(state: Path) -> int:
    """Return how many pairs of held leases of a store share a port or a project."""
    return len(overlaps(rows(state)))


def doubled_ports(engine: Engine, projects: set[str]) -> int:
    """Return how many host ports more than one container of these projects publishes."""
    published = Counter(
        (port["PublicPort"], port["Type"])
        for each in engine.containers()
        if each["Labels"][PROJECT_LABEL] in projects
        for port in each["Ports"]
        if "PublicPort" in port and ":" not in port.get("IP", "")
    )
    return sum(count - 1 for count in published.values())


def damage(state: Path) -> list[str]:
    """Return what is wrong with the state directory: the store, or files without a use."""
    path = state / STORE
    found: list[str] = []
    if path.exists():
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as store:
            said = str(store.execute("PRAGMA integrity_check").fetchone()[0])
        found += [said] * (said != "ok")
    for folder, _, names in os.walk(state):
        below = os.path.relpath(folder, state)
        known = STATE_FILES.get(below.partition("/")[0], NOTHING)
        found += [f"{below}/{name}" for name in names if not known.fullmatch(name)]
    return found


def contents(worktree: Path) -> dict[str, bytes]:
    """Return every file of a worktree but git's."""
    return {
        str(path.relative_to(worktree)): path.read_bytes()
        for path in sorted(worktree.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }
