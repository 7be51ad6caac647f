"""What happens to a fleet, and the expected state afterwards; each scenario returns one tally."""

import random
import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event, Thread

import psycopg

from devkit import postgres
from devkit.postgres import Mode
from tests.faults.tally import Tally
from tests.fleet.place import Ended, Fleet, Machine
from tests.harness.program import Done

# What commands say without the engine, or without the store; the latter may be busy, too.
AWAY, BUSY = 69, 75
DONE = Done(0, "", "")
# Within which most of an `up` of many worktrees happens, in seconds.
DURING = 2.5
UP_AND_DOWN = ("up", "down")
SAID = re.compile(r"[Tt]raceback|postgresql://[^ ]*:[^ .]+@")
# With a next step, or with how the lease stands.
EXPLAINED = re.compile(r"^error: .+\nhint: .|is kept$", re.MULTILINE)


@dataclass
class Run:
    """One scenario on its way."""

    fleet: Fleet
    tally: Tally
    chance: random.Random
    tries: int

    def note(self, found: dict[str, list[str]], step: object) -> None:
        """Count what is wrong."""
        self.tally.note(found, str(step))

    def up_everywhere(self, step: object, only: Sequence[Machine] = ()) -> None:
        """Start every worktree's stack; all of them have to come up and answer."""
        self.see_up(self.fleet.at_once("up", only=only), step)

    def see_up(self, done: Iterable[Ended], step: object) -> None:
        """Check that each of these commands has brought up its stack, and nothing is doubled."""
        done = list(done)
        for machine, tree, each in done:
            if each.code:
                said = f"{machine.session(tree)}: exit {each.code}: {each.err[-500:]}"
                self.note({"failed": [said]}, step)
        with ThreadPoolExecutor(8) as pool:
            checks = pool.map(lambda each: self.fleet.stack_problems(each[0], each[1]), done)
            for found in checks:
                self.note(found, step)
        self.note({"doubled": self.fleet.doubled()}, step)

    def down_everywhere(self, step: object, only: Sequence[Machine] = ()) -> None:
        """Take every stack down; nothing may be left."""
        for machine, tree, done in self.fleet.at_once("down", only=only):
            if done.code:
                said = f"{machine.session(tree)}: down: exit {done.code}: {done.err[-500:]}"
                self.note({"failed": [said]}, step)
            self.note(self.fleet.leftovers(machine, tree), step)

    def clear_words(self, done: Done, step: object) -> None:
        """Check that what a command said of its failure is no traceback and holds no password."""
        secret = self.fleet.server.password in done.err + done.out
        if secret or SAID.search(done.err) or not EXPLAINED.search(done.err):
            self.note({"failed": [f"it said: {done.err[-500:]}"]}, step)


def all_at_once(run: Run) -> None:
    """Start all worktrees of all machines at the same instant, then take all down."""
    for step in range(run.tries):
        run.tally.tries += len([tree for each in run.fleet.machines for tree in each.trees])
        run.up_everywhere(step)
        shared = _ports_in_use_everywhere(run.fleet)
        if not shared:
            run.note({"failed": ["no port is in use on all engines at once"]}, step)
        run.down_everywhere(step)


def _ports_in_use_everywhere(fleet: Fleet) -> set[int]:
    """Return the host ports that every engine publishes."""
    sets = [set(each.engine.published().values()) for each in fleet.machines]
    return set.intersection(*sets)


def share_an_engine(run: Run) -> None:
    """Let two machines start all their worktrees, at the same paths, on one engine at once."""
    machine = run.fleet.machines[0]
    for step in range(run.tries):
        twin = machine.twin(f"{machine.name}-twin-{step}", len(machine.trees))
        both = [machine, twin]
        run.tally.tries += sum(len(each.trees) for each in both)
        run.up_everywhere(step, both)
        listed = twin.run(twin.trees[0], "gc")
        if listed.code or "removed" in listed.out:
            run.note({"lost": [f"gc of another machine says {listed.out}{listed.err}"]}, step)
        run.down_everywhere(step, [twin])
        run.see_up([(machine, tree, DONE) for tree in machine.trees], step)
        run.down_everywhere(step, both)


def restart_database(run: Run, mode: Mode) -> None:
    """Restart the server while every machine's worktrees start, and again while they end."""
    for step in range(run.tries):
        for command in UP_AND_DOWN:
            run.tally.tries += 1
            restarting = _later(
                run.chance.uniform(0, DURING), lambda: postgres.restart(run.fleet.server, mode)
            )
            done = run.fleet.at_once(command)
            restarting.join()
            run.tally.faults += 1
            if command == "up":
                run.see_up(done, step)
            else:
                _see_down(run, done, step)


def stop_engine(run: Run) -> None:
    """Stop one engine while all start; the others notice nothing, and its leases are kept."""
    hit, *others = run.fleet.machines
    for step in range(run.tries):
        run.tally.tries += 1
        stopping = _later(run.chance.uniform(0, DURING), hit.halt_engine)
        done = run.fleet.at_once("up")
        stopping.join()
        run.tally.faults += 1
        run.see_up([each for each in done if each[0] is not hit], step)
        for machine, _, each in done:
            if machine is hit and each.code:
                run.clear_words(each, step)
        held = _held(run.fleet, hit)
        for command in ("status", "gc", "down"):
            said = hit.run(hit.trees[0], command)
            known = run.fleet.row(hit, hit.trees[0]) is not None
            away = command == "gc" or (command == "down" and known)
            if said.code != (AWAY if away else 0):
                run.note({"failed": [f"{command} says {said.code}: {said.err[-300:]}"]}, step)
        if _held(run.fleet, hit) != held:
            run.note({"lost": ["leases of the stopped engine have changed"]}, step)
        hit.start_engine()
        run.up_everywhere(step, [hit])
        run.note({"lost": _lost(held, _held(run.fleet, hit))}, step)
        run.down_everywhere(step, [hit, *others])


def cut_cable(run: Run, seconds: float) -> None:
    """Cut one machine off from the store while all start; it says so, or goes on in time."""
    hit, *others = run.fleet.machines
    for step in range(run.tries):
        run.tally.tries += 1
        cut = Event()

        def cut_off(cut: Event = cut) -> None:
            with hit.cut_off():
                cut.wait(seconds)

        cutting = _later(run.chance.uniform(0, DURING), cut_off)
        done = run.fleet.at_once("up")
        cut.set()
        cutting.join()
        run.tally.faults += 1
        run.see_up([each for each in done if each[0] is not hit], step)
        for machine, _, each in done:
            if machine is hit and each.code:
                run.clear_words(each, step)
                if each.code not in {AWAY, BUSY}:
                    run.note({"failed": [f"exit {each.code}: {each.err[-500:]}"]}, step)
        run.up_everywhere(step, [hit])
        run.down_everywhere(step, [hit, *others])


def kill_backends(run: Run) -> None:
    """Take connections away, again and again, while all start and end."""
    for step in range(run.tries):
        for command in UP_AND_DOWN:
            run.tally.tries += 1
            ended = Event()

            def terminate(ended: Event = ended) -> None:
                while not ended.wait(run.chance.uniform(0.05, 0.4)):
                    run.tally.faults += _terminate_one(run.fleet)

            terminating = _later(0, terminate)
            done = run.fleet.at_once(command)
            ended.set()
            terminating.join()
            if command == "up":
                run.see_up(done, step)
            else:
                _see_down(run, done, step)


def kill_clients(run: Run) -> None:
    """Kill `up` and `down` before each of their steps; the next command puts it right."""
    machine = run.fleet.machines[0]
    tree = machine.trees[0]
    trace = machine.disk.parent / "trace"
    for command in UP_AND_DOWN:
        if command == "down":
            machine.run(tree, "up")
        whole = machine.traced(tree, command, trace=trace)
        count = len(trace.read_text().splitlines())
        if whole.code or count < 1:
            run.note({"failed": [f"{command}: {whole.err[-500:]}"]}, "whole")
            continue
        every = max(1, count // run.tries) if run.tries else 1
        for kill in range(1 + run.chance.randrange(every), count + 1, every):
            if command == "up":
                machine.run(tree, "down")
            else:
                machine.run(tree, "up")
            run.tally.tries += 1
            run.tally.faults += machine.traced(tree, command, trace=trace, kill=kill).killed
            step = f"{command} step {kill}"
            again = machine.run(tree, command)
            if command == "up":
                run.see_up([(machine, tree, again)], step)
            else:
                _see_down(run, [(machine, tree, again)], step)
    machine.run(tree, "down")


def _terminate_one(fleet: Fleet) -> int:
    """End a random client's connection; return how many were ended."""
    words = """
        SELECT count(pg_terminate_backend(pid)) FROM (
            SELECT pid FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
            ORDER BY random() LIMIT 1
        ) AS one
    """
    with psycopg.connect(fleet.server.socket_url()) as connection:
        row = connection.execute(words).fetchone()
    return int(row[0]) if row else 0


def _see_down(run: Run, done: Iterable[Ended], step: object) -> None:
    for machine, tree, each in done:
        if each.code:
            said = f"{machine.session(tree)}: exit {each.code}: {each.err[-500:]}"
            run.note({"failed": [said]}, step)
        run.note(run.fleet.leftovers(machine, tree), step)


def _held(fleet: Fleet, machine: Machine) -> dict[str, tuple[int, str]]:
    """Return block and project of every held lease of a machine's sessions."""
    return {
        name: (row.start, row.project)
        for rows in fleet.rows().values()
        for name, row in rows.items()
        if row.held and name.startswith(f"{machine.name}:")
    }


def _lost(before: dict[str, tuple[int, str]], after: dict[str, tuple[int, str]]) -> list[str]:
    return [
        f"{name} had {held}, has {after.get(name)}"
        for name, held in before.items()
        if after.get(name) != held
    ]


def _later(seconds: float, act: Callable[[], None]) -> Thread:
    """Do something after a while, beside what goes on."""

    def wait_and_act() -> None:
        time.sleep(seconds)  # the moment is what chance chose
        act()

    thread = Thread(target=wait_and_act)
    thread.start()
    return thread


@dataclass(frozen=True)
class Scenario:
    """A fault, how often it is tried, and on how many worktrees of each machine."""

    name: str
    kind: str
    tries: int
    act: Callable[[Run], None]
    many: bool = False


SCENARIOS = (
    Scenario("all at once", "starts", 1, all_at_once, many=True),
    Scenario("two machines, one engine", "shares", 4, share_an_engine),
    Scenario("database restarted", "restarts", 10, lambda run: restart_database(run, "fast")),
    Scenario("database crashed", "crashes", 10, lambda run: restart_database(run, "immediate")),
    Scenario("connections taken away", "cuts", 10, kill_backends),
    Scenario("one engine stopped", "stops", 6, stop_engine),
    Scenario("cut off for a moment", "cuts", 6, lambda run: cut_cable(run, 3)),
    Scenario("cut off until it gives up", "cuts", 2, lambda run: cut_cable(run, 600)),
    Scenario("client killed", "kills", 0, kill_clients),
)


def play(scenario: Scenario, fleet: Fleet, chance: random.Random, tries: int) -> Tally:
    """Do what the scenario does; what it left is taken down."""
    run = Run(fleet, Tally(scenario.name, scenario.kind), chance, tries)
    try:
        scenario.act(run)
    finally:
        fleet.at_once("down")
    return run.tally
