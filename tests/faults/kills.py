"""Kill composeports at each of its steps, and at each event of the engine while it works."""

import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.faults.checks import AFTER
from tests.faults.place import BUILT, WEB, WEB_AND_DB, Bystander, Place, Tree, finish
from tests.faults.tally import Tally
from tests.harness.engine import Engine
from tests.harness.program import Done
from tests.harness.repository import Services, stack

# Events of the engine that are steps of a stack.
EVENTS = frozenset({"create", "start", "die", "destroy", "connect", "disconnect", "kill"})


@dataclass(frozen=True)
class Kill:
    """A command, the state before it, and the command that must repair the state after its end."""

    name: str
    words: tuple[str, ...]
    before: str = "nothing"
    repairs: tuple[str, ...] = ("up", "down")
    changed: bool = False
    services: Services = field(default_factory=lambda: WEB)
    own_services: Services | None = None


STEP_KILLS = (
    Kill("kill up", ("up",)),
    Kill("kill up again", ("up",), before="up"),
    Kill("kill up, file changed", ("up",), before="up", changed=True),
    Kill("kill up --build", ("up", "--build"), own_services=BUILT),
    Kill("kill down", ("down", "-t", "0"), before="up", repairs=("down", "up")),
    Kill("kill allocate", ("allocate",), repairs=("allocate", "up", "release", "down")),
    Kill("kill release", ("release",), before="allocated", repairs=("release", "allocate", "up")),
    Kill("kill link", ("link",), before="unlinked", repairs=("down",)),
    Kill("kill unlink", ("unlink",), before="linked", repairs=("unlink", "link", "down")),
)
GC_KILLS = (Kill("kill gc", ("gc",), before="deleted", repairs=("gc",)),)
EVENT_KILLS = (
    Kill("engine event, up", ("up",), services=WEB_AND_DB),
    Kill("engine event, up, changed", ("up",), "up", changed=True, services=WEB_AND_DB),
    Kill("engine event, down", ("down", "-t", "0"), "up", ("down", "up"), services=WEB_AND_DB),
)


class Scene:
    """A place with a bystander and a victim, for the tries of one scenario."""

    def __init__(self, kill: Kill, place: Place, tally: Tally) -> None:
        self.kill, self.place, self.tally = kill, place, tally
        self.bystander = Bystander.start(place)
        self.victim = place.tree("victim")
        if kill.own_services is not None:
            self.victim.write(stack(kill.own_services))
        self.trace = place.root / "trace"
        self._edits = self._deleted = 0

    @property
    def worker(self) -> Tree:
        """The command's folder: the victim, or the main checkout if the victim is gone."""
        return self.place.main if self.kill.before == "deleted" else self.victim

    def prepare(self) -> None:
        """Bring the victim into the state that is needed before the command."""
        if self.kill.before == "deleted":
            self._delete()
            return
        row = self.victim.row
        standing = bool(row and row.held and self.place.engine.containers(row.project))
        if self.kill.before in {"up", "linked", "unlinked"}:
            done = self.victim.run("up") if not standing else Done(0, "", "")
        else:
            done = self.victim.run("down", "-t", "0")
            self.victim.forget()
        if self.kill.before == "allocated":
            done = self.victim.run("allocate")
        if self.kill.before in {"linked", "unlinked"}:
            done = self.victim.run(self.kill.before.removesuffix("ed"))
        assert done.code == 0, f"{self.kill.name}: cannot begin: {done.err}"
        if self.kill.changed:
            self._edits += 1
            extra = {"EDIT": str(self._edits)}
            services = {
                name: {**each, "environment": {"GREETING": "${COMPOSE_PROJECT_NAME}", **extra}}
                for name, each in self.place.services.items()
            }
            self.victim.write(stack(services))

    def _delete(self) -> None:
        """Start a new victim, and delete its worktree."""
        self._deleted += 1
        self.victim = self.place.tree(f"victim-{self._deleted}")
        done = self.victim.run("up")
        assert done.code == 0, f"{self.kill.name}: cannot begin: {done.err}"
        shutil.rmtree(self.victim.directory)

    def repair(self, command: str, step: str) -> None:
        """Run the command that has to put things right, and see that it did."""
        words = {"down": ("down", "-t", "0")}.get(command, (command,))
        done = self.worker.run(*words)
        self.tally.note(AFTER[command](self.victim, done), f"{step}, then {command}")
        self.tally.note(self.bystander.problems(), f"{step}, then {command}")
        if command == "up" and not self.tally.clean:
            return
        if command in {"up", "allocate"} and self.kill.before == "nothing":
            done = self.victim.run("down", "-t", "0")
            self.tally.note(AFTER["down"](self.victim, done), f"{step}, {command}, then down")
        if command == "gc":
            self.tally.note(AFTER["down"](self.victim, done), f"{step}, then gc")
            self.victim.forget()
            self.place.prune()


def kill_at_steps(
    kill: Kill, place: Place, tries: int, chance: random.Random, only: int = 0
) -> Tally:
    """Trace the command once; then end it before one step after the other."""
    tally = Tally(kill.name, "kills")
    scene = Scene(kill, place, tally)
    scene.prepare()
    done = scene.worker.traced(*kill.words, trace=scene.trace)
    assert done.code == 0, f"{kill.name}: the traced run failed: {done.err}"
    steps = scene.trace.read_text().splitlines()
    for index, number in enumerate(chosen_steps(len(steps), tries, chance, only)):
        scene.prepare()
        done = scene.worker.traced(*kill.words, trace=scene.trace, kill=number)
        tally.tries += 1
        tally.faults += done.killed
        last = scene.trace.read_text().splitlines()[-1]
        scene.repair(kill.repairs[(index + number) % len(kill.repairs)], f"step {last}")
    return tally


def chosen_steps(count: int, tries: int, chance: random.Random, only: int) -> list[int]:
    """Return the steps to try, in turn: each step once if there are enough tries."""
    if only:
        return [only] * max(1, tries)
    if tries == 0:
        return list(range(1, count + 1))
    whole, rest = divmod(tries, count)
    return [*range(1, count + 1)] * whole + sorted(chance.sample(range(1, count + 1), rest))


def kill_at_events(
    kill: Kill, place: Place, tries: int, chance: random.Random, only: int = 0
) -> Tally:
    """Count the engine's events of the command; then end it at one after the other.

    In turn alone, so that Compose goes on as an orphan, and with all that it has started.
    """
    tally = Tally(kill.name, "kills")
    scene = Scene(kill, place, tally)
    scene.prepare()
    count = until_event(scene.victim, kill.words, 0, _end_alone)[1]
    assert count, f"{kill.name}: the engine told of no event"
    for index, number in enumerate(chosen_steps(2 * count, tries, chance, only)):
        scene.prepare()
        group = number > count
        end = _end_group if group else _end_alone
        done, seen = until_event(scene.victim, kill.words, (number - 1) % count + 1, end)
        tally.tries += 1
        tally.faults += done.killed
        who = "with its children" if group else "alone"
        step = f"step {number}: event {seen}, {who}"
        scene.repair(kill.repairs[(index // 2) % len(kill.repairs)], step)
    return tally


def _end_alone(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)


def _end_group(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def until_event(
    tree: Tree,
    words: tuple[str, ...],
    number: int,
    action: Callable[["subprocess.Popen[str]"], None],
) -> tuple[Done, int]:
    """Run the command, and act once the engine has sent `number` events (0: never).

    Return how it ended, and how many events there were.
    """
    seen = 0
    since = time.time()
    process = tree.start(*words)
    ended = threading.Event()

    def watch() -> None:
        nonlocal seen
        project = ""
        for event in _events(tree.place.engine, since):
            if ended.is_set():
                return
            project = project or tree.project
            if not project or not _is_of(event, project):
                continue
            seen += 1
            if seen == number:
                action(process)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    done = finish(process)
    # The last events may still be on their way, and the action has to be over.
    watcher.join(60 if number and seen >= number else 0.3)
    ended.set()
    return done, seen


def _events(engine: Engine, since: float) -> Iterator[dict[str, Any]]:
    with suppress(OSError, ValueError):
        yield from engine.events(since)


def _is_of(event: dict[str, Any], project: str) -> bool:
    facts = event.get("Actor", {}).get("Attributes", {})
    ours = facts.get("com.docker.compose.project") == project
    ours = ours or str(facts.get("name", "")).startswith(f"{project}_")
    return bool(ours and event.get("Action") in EVENTS)
