"""What an engine does to a session: starts its stack, does not answer, pauses, loses networks."""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Any

from tests.faults.checks import Found, after_down, after_up
from tests.faults.kills import chosen_steps
from tests.faults.place import GREETING, WEB, Bystander, Place, Tree, finish
from tests.faults.tally import Tally
from tests.harness.private_engine import PrivateEngine
from tests.harness.program import Done
from tests.harness.repository import Services

BUG, AWAY, HANGS = 70, 69, 124
HANGS_SECONDS = 60.0

# Stacks whose ports the engine's own proxies hold.
ALWAYS = {"restart": "always"}
TCP: Services = {"web": {**WEB["web"], **ALWAYS}}
UDP: Services = {"web": {**WEB["web"], "ports": ["8080:80", "5353:53/udp"], **ALWAYS}}
SEVERAL: Services = {
    **UDP,
    "db": {"ports": ["5432:80", "5433:5433", "5434:5434"], "environment": GREETING, **ALWAYS},
    "dns": {"ports": ["5354:53/udp", "5354:53"], **ALWAYS},
}
STACKS = {"tcp": TCP, "tcp and udp": UDP, "several containers": SEVERAL}
STARTS = ("docker start", "docker compose start", "docker restart", "a restart of the engine")
STARTED = tuple(product(STARTS, STACKS))


def start_beside(
    engine: PrivateEngine, place: Place, tries: int, chance: random.Random, only: int
) -> Tally:
    """Run `up` while the engine starts the session's own containers: no port may move."""
    tally = Tally("engine starts the stack", "starts")
    bystander, victim = Bystander.start(place), place.tree("victim")
    for number in chosen_steps(len(STARTED), tries, chance, only):
        way, stack = STARTED[number - 1]
        victim.describe(STACKS[stack])
        assert (begun := victim.run("up")).code == 0, f"cannot begin: {begun.err}"
        before = victim.row
        starter = threading.Thread(target=_starter(way, engine, victim))
        starter.start()
        threading.Event().wait(chance.uniform(0.05, 0.6))
        done = _up_once_there(victim)
        starter.join()
        tally.tries += 1
        tally.faults += 1
        where = f"step {number}: {way}, {stack}"
        tally.note(after_up(victim, done), where)
        if (row := victim.row) != before:
            tally.note({"lost": [f"the lease was {before} and is {row}: {done.err[-400:]}"]}, where)
        if way == STARTS[-1]:
            tally.note(after_up(place.main, place.main.run("up")), f"{where}, the bystander's up")
        tally.note(bystander.problems(), where)
        tally.note(after_down(victim, victim.run("down", "-t", "0")), f"{where}, then down")
        victim.forget()
    return tally


def _starter(way: str, engine: PrivateEngine, victim: Tree) -> Callable[[], None]:
    """Stop the stack, and return the command that starts it without composeports."""
    place, project = victim.place, victim.project
    ids = [each["Id"] for each in place.engine.containers(project)]
    if way == "a restart of the engine":
        engine.halt()
        return engine.restore
    if way == "docker restart":
        return lambda: _quietly(place, "restart", "-t", "0", *ids)
    place.docker("stop", "-t", "0", *ids)
    words = ("start", *ids) if way == "docker start" else ("compose", "-p", project, "start")
    return lambda: _quietly(place, *words)


def _quietly(place: Place, *words: str) -> None:
    with suppress(AssertionError):  # `up` may have begun the same thing
        place.docker(*words)


def _up_once_there(victim: Tree) -> Done:
    """Run `up`, again as long as the engine is away."""
    deadline = time.monotonic() + 60
    while (done := victim.run("up")).code == AWAY and time.monotonic() < deadline:
        pass
    return done


PATIENCE, SLACK = 2, 3.0
READING = ("status", "status --json", "doctor", "plan", "env", "url web", "gc --dry-run")
CHANGING = ("down -t 0", "up", "release", "gc", "allocate", "down -v -t 0")
# Those may answer from what they know: they give nothing away that is in use.
KNOWN = frozenset({"gc", "allocate"})
BEGUN = ("up", "down -t 0")
STATES = ("running", "stopped", "allocated")
FROZEN = (
    *((command, state, False) for command, state in product(READING + CHANGING, STATES)),
    *((command, "begun", True) for command in BEGUN),
)


def freeze(
    engine: PrivateEngine, place: Place, tries: int, chance: random.Random, only: int
) -> Tally:
    """Freeze the engine before or during a command, and unfreeze it later."""
    tally = Tally("engine frozen", "freezes")
    place.environ["COMPOSEPORTS_ENGINE_TIMEOUT"] = str(PATIENCE)
    bystander, victim = Bystander.start(place), place.tree("victim")
    # Beside the engine's time: what a command takes on this machine, some times over.
    limit = PATIENCE + SLACK + 4 * _timed(place.main, "status", HANGS_SECONDS)[1]
    for number in chosen_steps(len(FROZEN), tries, chance, only):
        command, state, begun = FROZEN[number - 1]
        where = f"step {number}: {command}, {state}"
        tally.tries += 1
        tally.faults += 1
        if begun:
            tally.note(_frozen_meanwhile(engine, victim, command, chance), where)
        else:
            _bring_to(victim, state)
            before, stack = victim.row, _ids(victim)
            with engine.frozen():
                done, seconds = _timed(victim, command, limit)
            tally.note(_answered(command, done, seconds), where)
            if victim.row != before or _ids(victim) != stack:
                said = f"was {before} with {stack}, is {victim.row} with {_ids(victim)}"
                tally.note({"lost": [said]}, where)
        tally.note(bystander.problems(), where)
        tally.note(after_down(victim, victim.run("down", "-t", "0")), f"{where}, then down")
    return tally


def _bring_to(victim: Tree, state: str) -> None:
    done = victim.run("allocate" if state == "allocated" else "up")
    if state == "stopped":
        done = victim.run("stop", "-t", "0")
    assert done.code == 0, f"cannot begin: {done.err}"


def _ids(tree: Tree) -> list[tuple[str, str]]:
    return sorted(
        (each["Id"], each["State"]) for each in tree.place.engine.containers(tree.project)
    )


def _timed(tree: Tree, command: str, limit: float) -> tuple[Done, float]:
    """Run a command for `limit` seconds at most; return how it ended, and after which time."""
    process = tree.start(*command.split())
    begun = time.monotonic()
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Done(HANGS, "", ""), time.monotonic() - begun
    return Done(process.returncode, out, err), time.monotonic() - begun


def _answered(command: str, done: Done, seconds: float) -> Found:
    """Check that it answered in time: 69, or what it knows without the engine."""
    if done.code == HANGS:
        return {"failed": [f"{command} did not answer within {seconds:.0f} s"]}
    if done.code == BUG or "Traceback" in done.err:
        return {"failed": [f"{command}: exit {done.code}: {done.err[-400:]}"]}
    if command.startswith("status") and (done.code or "unknown" not in done.out):
        return {"failed": [f"{command}: exit {done.code}: {done.out[-400:]}{done.err[-200:]}"]}
    if command == "env" and done.code:
        return {"failed": [f"{command}: exit {done.code}: {done.err[-400:]}"]}
    if command in CHANGING and done.code not in ({0, AWAY} if command in KNOWN else {AWAY}):
        return {"failed": [f"{command}: exit {done.code}, not {AWAY}: {done.err[-400:]}"]}
    return {}


def _frozen_meanwhile(
    engine: PrivateEngine, victim: Tree, command: str, chance: random.Random
) -> Found:
    """Freeze the engine during a command, which continues, and ends well or says why not."""
    if command.startswith("down"):
        _bring_to(victim, "running")
    process = victim.start(*command.split())
    threading.Event().wait(chance.uniform(0.05, 1.2))
    with engine.frozen():
        threading.Event().wait(PATIENCE + 2.0)
        row = victim.row
    done = finish(process)
    if done.code == BUG or "Traceback" in done.err or done.code not in {0, AWAY}:
        return {"failed": [f"{command}: exit {done.code}: {done.err[-400:]}"]}
    if done.code:
        kept = command == "up" or (row is not None and row.held)
        return {} if kept else {"lost": [f"{command}: exit {done.code}, lease {row}"]}
    return after_up(victim, done) if command == "up" else after_down(victim, done)


@dataclass(frozen=True)
class Wired:
    """A stack and its networks: how many it makes, and whether there is an external one."""

    networks: dict[str, Any]
    own: int

    def services(self) -> Services:
        """Return services that are on all of them, and have data."""
        names = list(self.networks)
        on = {"networks": names} if names != ["default"] else {}
        web = {**WEB["web"], **on, "volumes": ["data:/data", "/more"]}
        return {"web": web, "db": {"environment": GREETING, "networks": names[:1]}}


EXTERNAL = "faults-external"
WIRED = {
    "the default network": Wired({"default": {}}, 1),
    "two networks": Wired({"front": {}, "back": {}}, 2),
    "one of its own and an external one": Wired({"default": {}, "outer": {"external": True}}, 1),
}
LOSSES = ("all are removed", "one is removed", "one is made anew", "a container is off it")
LOST = tuple(product(LOSSES, WIRED))


def lose_networks(place: Place, tries: int, chance: random.Random, only: int) -> Tally:
    """Take networks away from a stack that is stopped, or running: the next `up` works."""
    tally = Tally("networks gone", "losses")
    bystander, victim = Bystander.start(place), place.tree("victim")
    outer = f"{EXTERNAL}-{place.base}"
    place.docker("network", "create", outer)
    try:
        for number in chosen_steps(len(LOST), tries, chance, only):
            loss, wired = LOST[number - 1]
            _wire(victim, WIRED[wired], outer)
            assert (begun := victim.run("up")).code == 0, f"cannot begin: {begun.err}"
            row, data = victim.row, place.engine.volumes(victim.project)
            _lose(victim, loss, outer, chance)
            tally.tries += 1
            tally.faults += 1
            where = f"step {number}: {loss}, {wired}"
            if loss == "a container is off it":
                tally.note(_drifted(victim), where)
            tally.note(after_up(victim, victim.run("up")), where)
            tally.note(_on_all_networks(victim, WIRED[wired]), where)
            tally.note(after_up(victim, victim.run("up")), f"{where}, up again")
            if victim.row != row or place.engine.volumes(victim.project) != data:
                now = place.engine.volumes(victim.project)
                said = f"was {row} with {data}, is {victim.row} with {now}"
                tally.note({"lost": [said]}, where)
            tally.note(after_down(victim, victim.run("down", "-v", "-t", "0")), where)
            tally.note(bystander.problems(), where)
            victim.forget()
    finally:
        place.docker("network", "rm", outer)
    return tally


def _wire(victim: Tree, wired: Wired, outer: str) -> None:
    networks = {
        name: {**each, "name": outer} if each else each for name, each in wired.networks.items()
    }
    victim.describe(wired.services(), wired.own, networks=networks, volumes={"data": {}})


def _lose(victim: Tree, loss: str, outer: str, chance: random.Random) -> None:
    """Do to the networks what `docker network prune`, or a person, does."""
    place, project = victim.place, victim.project
    own = sorted(each["Id"] for each in place.engine.networks(project))
    if loss == "a container is off it":
        web = next(each for each in place.engine.containers(project) if "web" in each["Names"][0])
        place.docker("network", "disconnect", chance.choice(own), web["Id"])
        return
    assert victim.run("stop", "-t", "0").code == 0
    if loss == "one is made anew":
        with suppress(AssertionError):  # it is external, or the stack has none of that kind
            place.docker("network", "rm", outer)
            place.docker("network", "create", outer)
    for each in own if loss == "all are removed" else [chance.choice(own)]:
        place.docker("network", "rm", each)


def _drifted(victim: Tree) -> Found:
    listed = victim.run("status", "--json").document
    states = [each["state"] for each in listed if each["current"]]
    return {} if states == ["drifted"] else {"failed": [f"off its network it is {states}"]}


def _on_all_networks(victim: Tree, wired: Wired) -> Found:
    """Check that every container is on as many networks as its service has."""
    want = {"web": len(wired.networks), "db": 1}
    found = {
        each["Labels"]["com.docker.compose.service"]: len(each["NetworkSettings"]["Networks"])
        for each in victim.place.engine.containers(victim.project)
    }
    return {} if found == want else {"failed": [f"on {found} networks, not on {want}"]}


PAUSES = ("docker pause, all", "docker pause, one", "composeports pause")
AFTER_PAUSE = ("up", "down", "up of a changed file", "down -v")
PAUSED = tuple(product(AFTER_PAUSE, PAUSES))


def pause_containers(place: Place, tries: int, chance: random.Random, only: int) -> Tally:
    """Pause containers of a stack: `up` unpauses them, and `down` removes them."""
    tally = Tally("containers paused", "pauses")
    bystander, victim = Bystander.start(place), place.tree("victim")
    for number in chosen_steps(len(PAUSED), tries, chance, only):
        command, way = PAUSED[number - 1]
        victim.describe(place.services)
        assert (begun := victim.run("up")).code == 0, f"cannot begin: {begun.err}"
        ids = [each["Id"] for each in place.engine.containers(victim.project)]
        if way == "composeports pause":
            assert victim.run("pause").code == 0
        else:
            place.docker("pause", *(ids if way.endswith("all") else [chance.choice(ids)]))
        tally.tries += 1
        tally.faults += 1
        where = f"step {number}: {command} after {way}"
        if "changed" in command:
            services = {
                name: {**each, "environment": {**GREETING, "EDIT": str(number)}}
                for name, each in place.services.items()
            }
            victim.describe(services)
        if command.startswith("up"):
            done = victim.run("up")
            tally.note(after_up(victim, done), where)
            now = [each["Id"] for each in place.engine.containers(victim.project)]
            if command == "up" and (sorted(now) != sorted(ids) or "paused" not in done.err):
                tally.note({"failed": [f"they are others, or it said: {done.err}"]}, where)
        else:
            tally.note(after_down(victim, victim.run(*command.split(), "-t", "0")), where)
        tally.note(bystander.problems(), where)
        tally.note(after_down(victim, victim.run("down", "-t", "0")), f"{where}, then down")
    return tally
