"""Thieves: programs that bind a session's ports as soon as the number is visible anywhere."""

import random
import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.faults.checks import Found, after_down, after_up
from tests.faults.place import Bystander, Place, Tree, finish
from tests.faults.tally import Tally

PORT_TAKEN = 75
OWN_PORT = re.compile(r"^PORT_WEB_80=(\d+)$", re.MULTILINE)


def seen_in_files(tree: Tree) -> int:
    """Return the number of the session's port as its `.env` has it, or 0."""
    with suppress(OSError):
        found = OWN_PORT.search((tree.directory / ".composeports" / ".env").read_text())
        return int(found[1]) if found else 0
    return 0


def seen_in_store(tree: Tree) -> int:
    """Return the number of the session's port as its lease has it, or 0."""
    row = tree.row
    return row.ports.get("web:80/tcp", 0) if row is not None and row.held else 0


@dataclass(frozen=True)
class Theft:
    """Where the thieves find ports, how many ports each takes, and from how many sessions."""

    name: str
    look: Callable[[Tree], int]
    ports: int = 1
    sessions: int = 1
    stopped: bool = False


THEFTS = (
    Theft("steal once, from .env", seen_in_files),
    Theft("steal once, from the store", seen_in_store),
    Theft("steal twice", seen_in_files, ports=2),
    Theft("steal from four at once", seen_in_files, sessions=4),
    Theft("steal from a stopped stack", seen_in_store, stopped=True),
    Theft("steal every port", seen_in_files, ports=100),
)


class Thief:
    """Binds the ports of one session, each new number that it sees, until it has enough."""

    def __init__(self, tree: Tree, theft: Theft) -> None:
        self._tree, self._theft = tree, theft
        self._loot: dict[int, socket.socket] = {}
        self._ended = threading.Event()
        self._robbed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def ports(self) -> frozenset[int]:
        """What it has."""
        return frozenset(self._loot)

    def _watch(self) -> None:
        late: set[int] = set()
        while not self._ended.is_set() and len(self._loot) < self._theft.ports:
            port = self._theft.look(self._tree)
            if port and port not in self._loot and port not in late and not self._take(port):
                late.add(port)
            self._ended.wait(0.001)  # leaves the processor to whom it robs

    def _take(self, port: int) -> bool:
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind(("0.0.0.0", port))
            held.listen()
        except OSError:
            held.close()
            return False
        self._loot[port] = held
        self._robbed.set()
        return True

    def wait_for_one(self, seconds: float = 10) -> None:
        """Wait until it has a port."""
        self._robbed.wait(seconds)

    def stop(self) -> None:
        """Take no more."""
        self._ended.set()
        self._thread.join()

    def release(self) -> None:
        """Give all back."""
        for held in self._loot.values():
            held.close()


def steal(theft: Theft, place: Place, tries: int, chance: random.Random, step: int = 0) -> Tally:
    """Rob `up`, and see that it got through on other ports, or said whose they are."""
    del chance, step
    tally = Tally(theft.name, "taken ports")
    bystander = Bystander.start(place)
    victims = [place.tree(f"victim-{number}") for number in range(theft.sessions)]
    while tally.faults < tries and tally.tries < 2 * tries:
        tally.tries += 1
        thieves = _begin(theft, victims)
        started = [victim.start("up") for victim in victims]
        done = [finish(process) for process in started]
        for thief in thieves:
            thief.stop()
        stolen = sum(len(thief.ports) for thief in thieves)
        tally.faults += stolen
        where = f"try {tally.tries}, {stolen} stolen"
        for victim, one, thief in zip(victims, done, thieves, strict=True):
            robbed = len(thief.ports)
            tally.note(_told(victim, one.code, one.err, robbed, theft), where)
            if not one.code:
                tally.note(after_up(victim, one), where)
        tally.note(bystander.problems(), where)
        for thief in thieves:
            thief.release()
        for victim in victims:
            tally.note(after_down(victim, victim.run("down", "-t", "0")), f"{where}, then down")
            _begin_anew(victim)
    return tally


def _begin(theft: Theft, victims: list[Tree]) -> list[Thief]:
    """Set thieves on the victims; a stopped stack's port is taken before its `up`."""
    if not theft.stopped:
        return [Thief(victim, theft) for victim in victims]
    for victim in victims:
        done = victim.run("up")
        assert done.code == 0, f"cannot begin: {done.err}"
        victim.run("stop", "-t", "0")
    thieves = [Thief(victim, theft) for victim in victims]
    for thief in thieves:
        thief.wait_for_one()
    return thieves


def _begin_anew(victim: Tree) -> None:
    """Forget the session and what was set aside, so that blocks do not run out."""
    victim.forget()
    victim.place.forget_set_aside()


def _told(victim: Tree, code: int, err: str, stolen: int, theft: Theft) -> Found:
    """Check that the session survived a theft, or reported it if every port is stolen."""
    if theft.ports <= 2 or stolen <= 2:  # three tries outlast two taken ports
        return {"failed": [f"up: exit {code}: {err[-800:]}"]} if code else {}
    if code == 0:
        return {}
    found: Found = {"failed": [], "lost": [], "leaked": []}
    if code != PORT_TAKEN or "port" not in err:
        found["failed"].append(f"up: exit {code}, not {PORT_TAKEN}: {err[-800:]}")
    row = victim.row
    if row is not None:
        found["lost"] += ["the lease is held although nothing runs"] * row.held
        left = victim.place.engine.containers(row.project)
        found["leaked"] += [f"{each['Names'][0]} was half-started and is left" for each in left]
    return found
