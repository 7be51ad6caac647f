"""Drift: a stack that publishes other ports than its lease says, as plain Compose leaves one."""

from collections.abc import Iterable
from dataclasses import dataclass

from composeports.core.lease import Lease


@dataclass(frozen=True, slots=True)
class Drift:
    """One published port (`"web:80/tcp"`) with the host ports that it has, and should have."""

    key: str
    actual: tuple[int, ...]
    leased: tuple[int, ...]


def drifts_of(lease: Lease, published: Iterable[tuple[str, int]]) -> tuple[Drift, ...]:
    """Return the ports of a running stack that are not where the lease has them.

    `published` are key and host port of all that its containers publish. A port that the lease
    does not know, since the file leaves it to the engine, is nowhere wrong.
    """
    actual: dict[str, set[int]] = {}
    for key, number in published:
        actual.setdefault(key, set()).add(number)
    leased: dict[str, set[int]] = {}
    for name, number in lease.ports.items():
        leased.setdefault(name.partition("#")[0], set()).add(number)
    return tuple(
        Drift(key, tuple(sorted(numbers)), tuple(sorted(leased[key])))
        for key, numbers in actual.items()
        if key in leased and not numbers <= leased[key]
    )
