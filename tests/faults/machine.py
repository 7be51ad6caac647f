"""What the machine does to a session: a locked store, full disks, a moved clock, a lost folder."""

import os
import random
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from tests.faults.checks import Found, after_allocate, after_down, after_release, after_up
from tests.faults.kills import chosen_steps
from tests.faults.place import Bystander, Place, Tree, finish
from tests.faults.tally import Tally
from tests.harness.disks import small_disk
from tests.harness.program import Done
from tests.harness.waits import wait_until

BUG = 70
TRY_LATER = 75
UNUSABLE = 78
BLOCK = 4096
DAY = 86400.0
Switch = Callable[[], None]
# Longer than any command waits for the store.
LONG_SECONDS = 34.0


def lock_store(place: Place, tries: int) -> Tally:
    """Hold the store's write lock for a moment: `up` waits; for long: it gives up, and says so."""
    tally = Tally("store locked", "locks")
    bystander, victim = Bystander.start(place), place.tree("victim")
    for number in range(tries):
        long = number % 3 == 2  # every third
        seconds = LONG_SECONDS if long else 2.0
        with _locked(place.state, seconds):
            done = victim.run("up")
        tally.tries += 1
        tally.faults += 1
        where = f"try {number + 1}, locked for {seconds:.0f} s"
        if long:
            tally.note(_gave_up(victim, done), where)
            done = victim.run("up")
        tally.note(after_up(victim, done), where)
        tally.note(after_down(victim, victim.run("down", "-t", "0")), f"{where}, then down")
        tally.note(bystander.problems(), where)
    return tally


@contextmanager
def _locked(state: Path, seconds: float) -> Iterator[None]:
    """Hold the write lock for so long, as another process would."""
    store = sqlite3.connect(state / "leases.sqlite3", check_same_thread=False, isolation_level=None)
    store.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(seconds, lambda: store.execute("ROLLBACK"))
    timer.start()
    try:
        yield
    finally:
        timer.join()
        store.close()


QUICK = (
    ("env",),
    ("env", "--format", "json"),
    ("env", "--", "true"),
    ("status", "--json"),
    ("url", "web"),
)
# How much longer it may take than without the lock, in seconds.
MORE_SECONDS = 1.0


def lock_readers(place: Place, tries: int, chance: random.Random, only: int) -> Tally:
    """Hold the store's write lock while a command only has to read: it answers within a second."""
    tally = Tally("store locked, env", "locks")
    bystander, victim = Bystander.start(place), place.tree("victim")
    tally.note(after_up(victim, victim.run("up")), "before")
    for number in chosen_steps(len(QUICK), tries, chance, only):
        words = QUICK[number - 1]
        free, seconds = _timed(victim, words)
        limit = MORE_SECONDS + 2 * seconds  # twice, since the machine has more to do
        with _locked(place.state, limit + 1.0 + chance.random()):
            done, later = _timed(victim, words)
        tally.tries += 1
        tally.faults += 1
        where = f"step {number}: {' '.join(words)}"
        if (done.code, done.out) != (free.code, free.out) and words[0] != "status":
            said = f"exit {done.code}: {done.out[-300:]}{done.err[-400:]}"
            tally.note({"failed": [said]}, where)
        if done.code or later > limit:
            said = f"exit {done.code} after {later:.1f} s, not locked {seconds:.1f} s"
            tally.note({"failed": [said]}, where)
        tally.note(bystander.problems(), where)
    tally.note(after_down(victim, victim.run("down", "-t", "0")), "then down")
    return tally


def _timed(tree: Tree, words: tuple[str, ...]) -> tuple[Done, float]:
    begun = time.monotonic()
    return tree.run(*words), time.monotonic() - begun


def _gave_up(tree: Tree, done: Done) -> Found:
    found: Found = {"failed": [], "lost": []}
    if done.code != TRY_LATER or "locked" not in done.err:
        found["failed"].append(f"up: exit {done.code}, not {TRY_LATER}: {done.err[-400:]}")
    if (row := tree.row) is not None and row.held:
        found["lost"].append("a lease is held although nothing was started")
    return found


@dataclass(frozen=True)
class Disk:
    """A small disk on a folder, and a file that fills it."""

    folder: Path
    filler: Path

    def fill(self, free: int) -> None:
        """Leave `free` bytes of it."""
        with self.filler.open("wb") as file:
            there = os.statvfs(self.folder)
            room = there.f_bavail * there.f_frsize - free
            while room > 0:
                room -= file.write(bytes(min(room, BLOCK)))

    def clear(self) -> None:
        """Free it again."""
        self.filler.unlink(missing_ok=True)


@contextmanager
def full_disk(folder: Path, filler: str) -> Iterator[Disk]:
    """Mount a disk of one megabyte on a folder, which a scenario may fill."""
    with small_disk(folder, "1m"):
        yield Disk(folder, folder / filler)


def fill_state(place: Place, tries: int) -> Tally:
    """Run `up` and `down` with little disk space for the store; with more space, both work."""
    tally = Tally("disk full, state directory", "full disks")
    with full_disk(place.state, "filler") as disk:
        bystander, victim = Bystander.start(place), place.tree("victim")
        _starve(tally, disk, bystander, victim, tries)
        place.close()
    return tally


def fill_worktree(place: Place, tries: int) -> Tally:
    """Run `up` with less and less room in the worktree."""
    tally = Tally("disk full, worktree", "full disks")
    bystander = Bystander.start(place)
    with full_disk(place.root / "victim", ".git-filler") as disk:
        victim = place.tree("victim")
        _starve(tally, disk, bystander, victim, tries)
    return tally


DOWNS = ("down -t 0", "down -v -t 0", "gc", "release")
BEFORE_DOWN = ("running", "stopped", "killed while it started")
FULL = tuple(product(DOWNS, BEFORE_DOWN))


def down_on_full_disk(place: Place, tries: int, chance: random.Random, only: int) -> Tally:
    """End a session with no byte left for the store: the stack is removed, the lease stays."""
    tally = Tally("disk full, down", "full disks")
    with full_disk(place.state, "filler") as disk:
        bystander, victim = Bystander.start(place), place.tree("victim")
        for number in chosen_steps(len(FULL), tries, chance, only):
            command, state = FULL[number - 1]
            if command == "gc" or not victim.directory.exists():  # gc is of a worktree that is gone
                victim = place.tree(f"victim-{tally.tries}")
            _begin_down(victim, state)
            if command == "gc":
                shutil.rmtree(victim.directory)
            worker = place.main if command == "gc" else victim
            disk.fill(0)
            done, listed = worker.run(*command.split()), worker.run("status")
            tally.tries += 1
            tally.faults += 1
            where = f"step {number}: {command}, {state}"
            disk.clear()  # first, since without room the observer cannot read the store either
            tally.note(_ended_on_full_disk(command, victim, done, listed), where)
            last = worker.run(*(("gc",) if command == "gc" else ("down", "-t", "0")))
            tally.note(after_down(victim, last), f"{where}, then with room")
            tally.note(bystander.problems(), where)
            victim.forget()
            place.prune()
        place.close()
    return tally


def _begin_down(victim: Tree, state: str) -> None:
    process = victim.start("up")
    if state == "killed while it started":
        wait_until(lambda: has_containers(victim.place, victim), "the first container")
        process.kill()
        finish(process)
        return
    done = finish(process)
    if state == "stopped":
        done = victim.run("stop", "-t", "0")
    assert done.code == 0, f"cannot begin: {done.err}"


def _ended_on_full_disk(command: str, victim: Tree, done: Done, listed: Done) -> Found:
    """Check that `down` removed the stack, kept the lease, and said so."""
    found: Found = {"failed": [], "lost": [], "leaked": []}
    for name, each in ((command, done), ("status", listed)):
        if each.code == BUG or "Traceback" in each.err:
            found["failed"].append(f"{name}: exit {each.code}: {each.err[-400:]}")
    row, project = victim.row, victim.project
    left = [each["Names"][0] for each in victim.place.engine.containers(project)]
    if done.code == 0 and command != "gc":  # there was room for it all the same
        found["lost"] += [f"exit 0, and the lease is {row}"] * (row is not None and row.held)
        found["leaked"] += [f"{name} is left" for name in left]
    elif row is None or not row.held:
        found["lost"].append(f"{command}: exit {done.code}, and the lease is {row}")
    if command.startswith("down"):
        found["leaked"] += [f"after down {name} is left: {done.err[-400:]}" for name in left]
        if done.code not in {0, UNUSABLE}:
            found["failed"].append(f"{command}: exit {done.code}: {done.err[-400:]}")
    return found


def _starve(tally: Tally, disk: Disk, bystander: Bystander, victim: Tree, tries: int) -> None:
    for number in range(tries):
        free = BLOCK * number
        words = (("up",), ("down", "-t", "0"))[number % 2]
        if words[0] == "down":
            tally.note(after_up(victim, victim.run("up")), f"before try {number + 1}")
        disk.fill(free)
        done = victim.run(*words)
        disk.clear()
        tally.tries += 1
        tally.faults += 1
        where = f"try {number + 1}, {words[0]} with {free} bytes left"
        if done.code == BUG or "Traceback" in done.err:
            tally.note({"failed": [f"exit {done.code}: {done.err[-400:]}"]}, where)
        if number % 4 < 2:  # up and down have to repair in turn
            tally.note(after_up(victim, victim.run("up")), f"{where}, then up")
        tally.note(after_down(victim, victim.run("down", "-t", "0")), f"{where}, then down")
        tally.note(bystander.problems(), where)


def move_clock(place: Place, tries: int) -> Tally:
    """Set the clock forward and back: no session gets a block that another session has."""
    tally = Tally("clock moved", "jumps")
    bystander, holder = Bystander.start(place), place.tree("holder")
    needy = [place.tree(f"needy-{number}") for number in range(place.slots - 1)]
    for number in range(tries):
        offset = (DAY, -DAY, 400 * DAY, -400 * DAY, 3 * 3600.0)[number % 5]
        tally.note(after_allocate(holder, holder.run("allocate")), "before")
        held = holder.row
        for tree in needy:
            done = tree.traced("allocate", trace=place.root / "trace", clock=offset)
            if tree is needy[-1] and done.code != TRY_LATER:
                tally.note({"failed": [f"allocate: exit {done.code}: {done.err}"]}, "all held")
        tally.tries += 1
        tally.faults += 1
        where = f"try {number + 1}, clock off by {offset:.0f} s"
        if holder.row != held:
            tally.note({"lost": [f"the lease was {held} and is {holder.row}"]}, where)
        tally.note(bystander.problems(), where)
        for tree in (*needy, holder):
            tally.note(after_release(tree, tree.run("release")), where)
    return tally


def delete_worktree(place: Place, tries: int) -> Tally:
    """Delete a worktree whose stack runs: no session gets its ports, the stack can be removed."""
    tally = Tally("worktree deleted", "deletions")
    bystander = Bystander.start(place)
    others = [place.tree(f"other-{number}") for number in range(place.slots - 1)]
    for number in range(tries):
        victim = place.tree(f"victim-{number}")
        tally.note(after_up(victim, victim.run("up")), "before")
        row = victim.row
        assert row is not None
        shutil.rmtree(victim.directory)
        place.expire(victim)
        tally.tries += 1
        tally.faults += 1
        where = f"try {number + 1}"
        codes = [tree.run("allocate").code for tree in others]
        if victim.row != row or codes != [0] * (len(others) - 1) + [TRY_LATER]:
            tally.note({"lost": [f"others: {codes}; was {row}, is {victim.row}"]}, where)
        victim.directory.mkdir()
        done = place.main.run("--session", victim.session_id, "down", "-t", "0")
        tally.note(after_down(victim, done), f"{where}, then down from elsewhere")
        for tree in others:
            tally.note(after_release(tree, tree.run("release")), where)
        tally.note(bystander.problems(), where)
        victim.forget()
        place.prune()
    return tally


def has_containers(place: Place, tree: Tree) -> bool:
    """Return True if the engine has a container of the session's stack."""
    return bool(tree.project and place.engine.containers(tree.project))


def restart_engine(place: Place, tries: int, halt: Switch, start: Switch) -> Tally:
    """Stop the engine during `up`: leases stay, and commands work once it is back."""
    tally = Tally("engine restarted", "restarts")
    bystander, victim = Bystander.start(place), place.tree("victim")
    plan = victim.directory / ".composeports" / ".env"
    for number in range(tries):
        process = victim.start("up")
        # In turn: its files are there and Compose is about to start; its first container is there.
        moment = plan.exists if number % 2 == 0 else lambda: has_containers(place, victim)
        wait_until(moment, "the moment to stop the engine")
        halt()
        try:
            out, err = process.communicate(timeout=60)
            done = Done(process.returncode, out, err)
            tally.tries += 1
            tally.faults += 1
            where = f"try {number + 1}"
            if done.code == BUG or "Traceback" in err:
                tally.note({"failed": [f"exit {done.code}: {err[-400:]}"]}, where)
            tally.note(_engine_away(bystander.tree), where)
        finally:
            start()
        again = bystander.tree.run("up")
        tally.note(after_up(bystander.tree, again), f"{where}, the bystander's up")
        tally.note(bystander.problems(), where)
        tally.note(after_up(victim, victim.run("up")), f"{where}, then up")
        tally.note(after_down(victim, victim.run("down", "-t", "0")), f"{where}, then down")
    return tally


def _engine_away(tree: Tree) -> Found:
    """Every command says that the engine is away, and leaves the lease as it is."""
    before = tree.row
    codes = {word: tree.run(word).code for word in ("up", "down")}
    found: Found = {"failed": [], "lost": []}
    if set(codes.values()) != {69}:
        found["failed"].append(f"with the engine away: {codes}, not 69")
    if tree.row != before:
        found["lost"].append(f"with the engine away the lease is {tree.row}")
    return found
