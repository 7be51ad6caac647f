"""Drift: a stack publishes host ports that its lease does not have, as after plain Compose."""

from collections.abc import Iterable
from typing import NamedTuple

from composeports.core.lease import Lease
from composeports.core.port_keys import parse_port_key


class Drift(NamedTuple):
    """A published port (`"web:80/tcp"`) with its actual and its leased host ports."""

    key: str
    actual: tuple[int, ...]
    leased: tuple[int, ...]


def drifts_of(lease: Lease, published: Iterable[tuple[str, int]]) -> tuple[Drift, ...]:
    """Return the ports of a running stack whose host ports are not those of the lease.

    `published` are the key and host port of each port that the stack's containers publish. A port
    that is not in the lease is never wrong, because the Compose file leaves it to the engine.
    """
    actual_ports: dict[str, set[int]] = {}
    for key, number in published:
        actual_ports.setdefault(key, set()).add(number)
    leased_ports: dict[str, set[int]] = {}
    for name, number in lease.ports.items():
        leased_ports.setdefault(parse_port_key(name).base, set()).add(number)
    return tuple(
        Drift(key, tuple(sorted(numbers)), tuple(sorted(leased_ports[key])))
        for key, numbers in actual_ports.items()
        if key in leased_ports and not numbers <= leased_ports[key]
    )
