"""Port conflicts: a port was free when probed, but taken when the engine tried to bind it.

Finds the port in the engine's errors, and decides whether to try again, to move to another block,
or to give up.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from composeports.core.lease import Lease
from composeports.core.port_keys import parse_port_key

# Maximum number of moves to another block within one `up`.
MOVES = 3
# Engine errors for a container whose port is in use; the last text is from Docker Desktop.
WORDS = ("port is already allocated", "address already in use", "ports are not available")
# Patterns, which are compiled at their first use, because only failures need them. The first is the
# error of a rootless engine for a port on which it may not listen.
_REFUSED = r"privileged port (\d+)(?!\d)"
_NUMBER = r":(\d+)(?!\d)"


class PortConflict(NamedTuple):
    """A port of the session that something else uses; `key` is for example `web:80/tcp`."""

    number: int
    protocol: str
    key: str
    pinned: bool = False


class ConflictAction(Enum):
    """The action after a port conflict."""

    AGAIN = "try again on the same block"
    MOVE = "try another block"
    GIVE_UP = "give up"


def conflicting_port(
    errors: Iterable[str], lease: Lease, own: Collection[tuple[int, str]]
) -> PortConflict | None:
    """Return the first port of the lease that is in use elsewhere, according to the engine.

    Return None if there is none. `errors` are the engine's messages for containers that did not
    start. `own` are the ports that the session's running containers publish: a port that one of
    them has is not a conflict (replicas of a service with one fixed port).
    """
    for number in _named(errors):
        for conflict in _planned(lease):
            if conflict.number == number and (number, conflict.protocol) not in own:
                return conflict
    return None


def refused_port(errors: Iterable[str], lease: Lease) -> PortConflict | None:
    """Return the first port of the lease on which the engine may not listen, or None."""
    refused_ports = {int(number) for text in errors for number in re.findall(_REFUSED, text)}
    return next(
        (conflict for conflict in _planned(lease) if conflict.number in refused_ports), None
    )


def unreported_conflicts(
    lease: Lease, waiting: Collection[tuple[int, str]], taken: Collection[tuple[int, str]]
) -> tuple[PortConflict, ...]:
    """Return the ports of the lease that containers wait for and that are in use elsewhere.

    This is for an engine that does not report why it did not start the containers.
    """
    return tuple(
        conflict
        for conflict in _planned(lease)
        for port in [(conflict.number, conflict.protocol)]
        if port in waiting and port in taken
    )


def _named(errors: Iterable[str]) -> Iterator[int]:
    for text in errors:
        if any(words in text.lower() for words in WORDS):
            yield from map(int, re.findall(_NUMBER, text))


def _planned(lease: Lease) -> Iterator[PortConflict]:
    for key, number in lease.ports.items():
        protocol = parse_port_key(key).protocol
        yield PortConflict(number, protocol, key, pinned=number in lease.pins.values())


def next_step(
    stolen: PortConflict, *, is_free: bool, tried_again: bool, moves: int
) -> ConflictAction:
    """Return the next action, after `moves` moves to another block in this `up`.

    A port that `is_free` again was taken only for a moment, and is tried once more. A pinned port
    is never moved.
    """
    if stolen.pinned:
        return ConflictAction.GIVE_UP
    if is_free and not tried_again:
        return ConflictAction.AGAIN
    return ConflictAction.MOVE if moves < MOVES else ConflictAction.GIVE_UP
