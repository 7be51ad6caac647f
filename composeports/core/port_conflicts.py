"""A port that somebody took between our look and the engine's bind: how it is told, what to do."""

import re
from collections.abc import Collection, Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from composeports.core.lease import Lease

# How often a session moves to another block within one `up`.
MOVES = 3
# What engines say of a container whose port somebody has; Docker Desktop says the last one.
WORDS = ("port is already allocated", "address already in use", "ports are not available")
# What a rootless engine says of a port that it may not listen on.
_REFUSED = re.compile(r"privileged port (\d+)(?!\d)")
_NUMBER = re.compile(r":(\d+)(?!\d)")


class PortConflict(NamedTuple):
    """A port of the session that somebody else has; `key` is `web:80/tcp`."""

    number: int
    protocol: str
    key: str
    pinned: bool = False


class ConflictAction(Enum):
    """What to do about a stolen port."""

    AGAIN = "try again on the same block"
    MOVE = "try another block"
    GIVE_UP = "give up"


def stolen_port(
    errors: Iterable[str], lease: Lease, own: Collection[tuple[int, str]]
) -> PortConflict | None:
    """Return the first port of the lease that the engine says somebody else has.

    `errors` are the engine's words for containers that did not start, `own` what the session's
    running containers publish: where they have it (replicas of one fixed port), nobody stole it.
    """
    for number in _named(errors):
        for stolen in _planned(lease):
            if stolen.number == number and (number, stolen.protocol) not in own:
                return stolen
    return None


def refused_port(errors: Iterable[str], lease: Lease) -> PortConflict | None:
    """Return the first port of the lease that the engine says it may not listen on."""
    refused = {int(number) for text in errors for number in _REFUSED.findall(text)}
    return next((each for each in _planned(lease) if each.number in refused), None)


def silent_thefts(
    lease: Lease, waiting: Collection[tuple[int, str]], taken: Collection[tuple[int, str]]
) -> tuple[PortConflict, ...]:
    """Return the ports of the lease that containers wait for, and somebody else has.

    For an engine that does not tell why it did not start them.
    """
    return tuple(
        stolen
        for stolen in _planned(lease)
        for port in [(stolen.number, stolen.protocol)]
        if port in waiting and port in taken
    )


def _named(errors: Iterable[str]) -> Iterator[int]:
    for text in errors:
        if any(words in text.lower() for words in WORDS):
            yield from map(int, _NUMBER.findall(text))


def _planned(lease: Lease) -> Iterator[PortConflict]:
    for key, number in lease.ports.items():
        protocol = key.rpartition("/")[2].partition("#")[0]
        yield PortConflict(number, protocol, key, pinned=number in lease.pins.values())


def next_step(
    stolen: PortConflict, *, is_free: bool, tried_again: bool, moves: int
) -> ConflictAction:
    """Decide what to do, after `moves` moves to another block in this `up`.

    A port that `is_free` by now had been taken for a moment, and is tried once more. A pinned one
    is never moved.
    """
    if stolen.pinned:
        return ConflictAction.GIVE_UP
    if is_free and not tried_again:
        return ConflictAction.AGAIN
    return ConflictAction.MOVE if moves < MOVES else ConflictAction.GIVE_UP
