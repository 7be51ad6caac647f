"""Many worktrees, several shells in each, an engine that fails, and an observer."""

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException

from tests.faults.checks import after_down, after_gc
from tests.faults.observer import damage, doubled_holds, doubled_ports
from tests.faults.place import GREETING, WEB, Place, Tree, finish
from tests.faults.tally import Tally
from tests.harness.private_engine import PrivateEngine
from tests.harness.program import Done
from tests.harness.repository import Services
from tests.harness.store import rows

STACK: Services = {
    "web": {**WEB["web"], "volumes": ["data:/data"]},
    "db": {"ports": ["5432:80"], "environment": GREETING},
}
SHELLS = 3
BUG, HANGS = 70, 124
COMMANDS = (
    *(("up",),) * 6,
    *(("down", "-t", "0"),) * 4,
    *(("down", "-v", "-t", "0"),) * 1,
    *(("stop", "-t", "0"),) * 2,
    *(("start",), ("restart", "-t", "0"), ("ps",), ("plan",), ("doctor",), ("url", "web")),
    *(("env",), ("status",), ("status", "--json"), ("gc",), ("release",), ("allocate",)),
    ("up", "--force-recreate"),
)
# How often a command is ended by SIGKILL, at a moment of its first two seconds.
KILLED = 0.1
# What happens to the engine, as parts of the whole time: when it begins.
FREEZES, DEATH = (0.2, 0.75), 0.5
LONGEST_FREEZE = 20.0
# `docker compose` in front of a dead engine says it in its own words, but no Python does.
TRACEBACK = re.compile(r"^Traceback \(most recent", re.MULTILINE)


@dataclass
class Seen:
    """What the shells and the observer have seen; several threads write to it."""

    tally: Tally
    commands: Counter[str] = field(default_factory=Counter)
    codes: Counter[tuple[str, int]] = field(default_factory=Counter)
    samples: int = 0
    told: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, column: str, text: str, step: str) -> None:
        """Count something that is wrong, once however many samples show it."""
        with self.lock:
            if text not in self.told:
                self.told.add(text)
                self.tally.note({column: [text]}, step)

    def count(self, words: tuple[str, ...], done: Done, tree: Tree) -> None:
        """Count how a command ended."""
        with self.lock:
            self.commands[words[0]] += 1
            self.codes[words[0], done.code] += 1
        if done.code in {BUG, HANGS} or TRACEBACK.search(done.err):
            said = f"{' '.join(words)}: exit {done.code}: {done.err[-600:]}"
            self.note("failed", said, tree.directory.name)


def crowd(
    engine: PrivateEngine, place: Place, worktrees: int, seconds: float, chance: random.Random
) -> Tally:
    """Run commands in shells for the given seconds; then end all, check that nothing is left."""
    tally = Tally("crowd, observed", "engine failures")
    seen = Seen(tally)
    trees = [place.tree(f"tree-{number}") for number in range(worktrees)]
    for tree in trees:
        tree.describe(STACK, volumes={"data": {}})
    ended = threading.Event()
    shells = [
        threading.Thread(target=_shell, args=(tree, seen, ended, random.Random(chance.random())))
        for tree in trees
        for _ in range(SHELLS)
    ]
    observer = threading.Thread(target=_observe, args=(place, seen, ended))
    for thread in (*shells, observer):
        thread.start()
    tally.tries += 1
    try:
        tally.faults += _fail(engine, seconds)
    finally:
        ended.set()
        for thread in (*shells, observer):
            thread.join()
    _end_all(trees, seen)
    said = ", ".join(f"{count} {name}" for name, count in sorted(seen.commands.items()))
    total = sum(seen.commands.values())
    tally.remarks.append(f"{total} commands in {seconds:.0f} s ({said}), {seen.samples} samples")
    tally.remarks.append(f"exit codes: {_shown(seen.codes)}")
    return tally


def _shown(codes: Counter[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {code}: {count}" for (name, code), count in sorted(codes.items()))


def _fail(engine: PrivateEngine, seconds: float) -> int:
    """Freeze the engine twice and kill it once, at parts of the time; return how many it were."""
    begun = time.monotonic()

    def until(part: float) -> None:
        # There is no condition to wait for: when a fault comes is the schedule of the run, whose
        # length the user gave.
        time.sleep(max(0.0, begun + part * seconds - time.monotonic()))

    def freeze() -> None:
        with engine.frozen():
            # How long the engine stands still is the fault itself.
            time.sleep(min(LONGEST_FREEZE, seconds / 10))

    def die() -> None:
        engine.kill()
        engine.restore()

    moments: list[tuple[float, Callable[[], None]]] = [
        (FREEZES[0], freeze),
        (DEATH, die),
        (FREEZES[1], freeze),
    ]
    for part, fail in moments:
        until(part)
        fail()
    until(1.0)
    return len(moments)


def _shell(tree: Tree, seen: Seen, ended: threading.Event, chance: random.Random) -> None:
    while not ended.is_set():
        words = chance.choice(COMMANDS)
        process = tree.start(*words)
        if chance.random() < KILLED:
            ended.wait(chance.uniform(0.1, 2.0))
            process.kill()
            # The programs that it has started continue, so their output must still be read.
            threading.Thread(target=process.communicate, daemon=True).start()
            process.wait()
            seen.count(words, Done(process.returncode, "", ""), tree)
        else:
            seen.count(words, finish(process), tree)


def _observe(place: Place, seen: Seen, ended: threading.Event) -> None:
    """Check store and engine repeatedly: no lease and no port is doubled, nothing is unleased."""
    while not ended.is_set():
        with suppress(
            OSError, HTTPException, AssertionError
        ):  # the engine is on its way down, or up
            _sample(place, seen)
            seen.samples += 1
        ended.wait(0.1)


def _sample(place: Place, seen: Seen) -> None:
    if doubled := doubled_holds(place.state):
        seen.note("doubled", f"{doubled} pairs of leases overlap", "sample")
    projects = {row.project for row in rows(place.state)}
    if doubled := doubled_ports(place.engine, projects):
        seen.note("doubled", f"{doubled} ports are doubled", "sample")
    before = _running(place)
    held = {row.project for row in rows(place.state) if row.held}
    after = _running(place)
    # Running before and after the look at the store, so while it was looked at.
    for container, project in before & after:
        if project in projects and project not in held:
            seen.note("lost", f"{container} runs without a lease of {project}", "sample")


def _running(place: Place) -> set[tuple[str, str]]:
    return {
        (each["Id"], each["Labels"]["com.docker.compose.project"])
        for each in place.engine.containers()
        if each["State"] == "running"
    }


def _end_all(trees: list[Tree], seen: Seen) -> None:
    """Take every stack down, and clean up; nothing of any may be left."""
    place = trees[0].place
    tally = seen.tally
    with ThreadPoolExecutor(4) as pool:
        downs = list(pool.map(lambda tree: tree.run("down", "-v", "-t", "0"), trees))
    for tree, done in zip(trees, downs, strict=True):
        tally.note(after_down(tree, done), f"{tree.directory.name}, the last down")
    tally.note(after_gc(place.main, place.main.run("gc")), "the last gc")
    left = [each["Names"][0] for each in place.engine.containers()]
    left += [each["Name"] for each in place.engine.get("/networks") if _of_compose(each)]
    left += [str(each["Name"]) for each in place.engine.get("/volumes")["Volumes"] or []]
    tally.note({"leaked": [f"{name} is left" for name in left]}, "at the end")
    held = [str(row) for row in rows(place.state) if row.held]
    tally.note({"lost": held, "damaged": damage(place.state)}, "at the end")


def _of_compose(network: dict[str, object]) -> bool:
    labels = network.get("Labels")
    return isinstance(labels, dict) and "com.docker.compose.project" in labels
