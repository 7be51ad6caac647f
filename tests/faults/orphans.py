"""The next command while the Compose of an earlier `up` still works on the stack."""

import random
import subprocess
import threading
from collections.abc import Iterable
from itertools import product

import psutil

from tests.faults.checks import Found, after_down, after_gc, after_up
from tests.faults.kills import chosen_steps
from tests.faults.place import WEB, Bystander, Place, Tree, finish
from tests.faults.tally import Tally
from tests.harness.program import Done
from tests.harness.repository import TINY, Services
from tests.harness.waits import wait_until

BUG, TRY_LATER = 70, 75
BUILD_SECONDS, HEALTH_SECONDS = 12, 8
# Compose works for long because of a build, or because a service waits for another one.
BUILDING: Services = {"web": {**WEB["web"], "build": ".", "image": "faults-slow:dev"}}
WAITING: Services = {
    "db": {"healthcheck": {"test": ["CMD", "true"], "interval": f"{HEALTH_SECONDS}s"}},
    "web": {**WEB["web"], "depends_on": {"db": {"condition": "service_healthy"}}},
}
SLOW = {"a build": (BUILDING, ("up", "--build")), "a health check": (WAITING, ("up",))}
FIRST_UPS = ("killed", "alive")
NEXT = ("down", "up", "release", "gc", "down -v")
# How long after the begin of Compose's work the next command comes, in seconds.
MOMENTS = ((0.0, 0.0), (0.2, 3.0))
VARIATIONS = tuple(product(NEXT, FIRST_UPS, SLOW, MOMENTS))


def leave_at_work(place: Place, tries: int, chance: random.Random, only: int) -> Tally:
    """Leave a running Compose, its `up` killed or alive, and run the next command."""
    tally = Tally("Compose still at work", "kills")
    bystander, victim = Bystander.start(place), place.tree("victim")
    for number in chosen_steps(len(VARIATIONS), tries, chance, only):
        command, first_up, slow, moment = VARIATIONS[number - 1]
        services, words = SLOW[slow]
        victim.describe(services)
        (victim.directory / "Dockerfile").write_text(
            f'FROM {TINY}\nRUN ["sh", "-c", "sleep {BUILD_SECONDS}; echo {chance.random()}"]\n'
        )
        process = victim.start(*words)
        wait_until(lambda process=process: bool(_workers(process)), "Compose at work")  # type: ignore[misc]
        threading.Event().wait(chance.uniform(*moment))
        watch = _Watch(victim, _workers(process))
        if first_up == "killed":
            process.kill()
        tally.tries += 1
        tally.faults += 1
        where = f"step {number}: {command} while {slow} of an up that is {first_up}"
        done = _run(command, victim)
        tally.note(_judged(command, victim, done, watch), where)
        tally.note(after_down(victim, victim.run("down", "-t", "0")), f"{where}, then down")
        first = finish(process)
        if first_up == "alive" and (first.code == BUG or "Traceback" in first.err):
            tally.note({"failed": [f"the first up: exit {first.code}: {first.err[-400:]}"]}, where)
        watch.wait_for_workers()
        tally.note(after_down(victim, Done(0, "", "")), f"{where}, and later")
        tally.note(watch.stop(), where)
        tally.note(bystander.problems(), where)
        victim.forget()
    return tally


def _workers(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Return Compose and the programs that it has started, once it starts the stack.

    The queries of `up` to Compose start nothing, and end by themselves.
    """
    try:
        children = psutil.Process(process.pid).children(recursive=True)
        starting = [each for each in children if {"--project-name", "up"} <= set(each.cmdline())]
        return [each for top in starting for each in (top, *top.children(recursive=True))]
    except psutil.Error:
        return []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


class _Watch:
    """Sees whether the lease is ever released while what may start the stack is alive."""

    def __init__(self, tree: Tree, workers: Iterable[psutil.Process]) -> None:
        self._tree, self._workers = tree, list(workers)
        self._ended = threading.Event()
        self._found: list[str] = []
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> list[psutil.Process]:
        """The programs that still run."""
        return [each for each in self._workers if _is_alive(each)]

    def _look(self) -> None:
        while not self._ended.is_set() and not self._found:
            row = self._tree.row
            alive = self.alive  # after the look at the lease
            if alive and (row is None or not row.held):
                pids = [each.pid for each in alive]
                self._found.append(f"the lease is released, and {pids} can start the stack")
            self._ended.wait(0.02)

    def wait_for_workers(self) -> None:
        """Wait until no program runs any more."""
        wait_until(lambda: not self.alive, "the end of Compose")

    def stop(self) -> Found:
        """Stop observing; return the observations."""
        self._ended.set()
        self._thread.join()
        return {"lost": self._found}


def _run(command: str, victim: Tree) -> Done:
    if command == "gc":
        victim.place.expire(victim)
        return victim.place.main.run("gc")
    return victim.run(*command.split(), *(("-t", "0") if "down" in command else ()))


def _judged(command: str, victim: Tree, done: Done, watch: _Watch) -> Found:
    if done.code == TRY_LATER:  # it may not end the running program: the lease stays
        row = victim.row
        kept = row is not None and row.held
        return {} if kept else {"lost": [f"{command}: exit {TRY_LATER}, and the lease is {row}"]}
    if "down" in command:
        found = after_down(victim, done)
        left = [str(each.pid) for each in watch.alive]
        return {**found, "failed": [*found.get("failed", []), *left]}
    if command == "up":
        return after_up(victim, done)
    if command == "gc":
        return after_gc(victim, done)
    return {"failed": [f"release: exit {done.code}: {done.err[-400:]}"]} if done.code else {}
