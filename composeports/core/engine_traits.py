"""Traits of an engine, to distinguish engines that have the same id after data was copied.

No trait alone is a proof: machines are renamed and cloned, engines are restarted, and their data is
moved. In doubt the answer is UNSURE, and the lease is kept.
"""

import math
from typing import NamedTuple

SAME, OTHER, UNSURE = "same", "other", "unsure"
# Maximum difference between the clocks of machines that share a store, in seconds.
CLOCKS_APART = 120.0


class EngineTraits(NamedTuple):
    """The traits of an engine; an unknown trait is empty (`booted`: infinity).

    `run` is a random id that the engine creates at each start. `data` is a random id that is as old
    as the engine's data, and `folder` is the folder of that data. `name` is the name that the
    engine's machine gives itself. `reached` is the host under which a remote engine is reached. The
    other traits are set for an engine of this machine: `machine` is a digest of the machine's id,
    `boot` is the id of its last boot, and `booted` is the time of that boot (seconds since the
    epoch).
    """

    run: str = ""
    data: str = ""
    folder: str = ""
    name: str = ""
    reached: str = ""
    machine: str = ""
    boot: str = ""
    booted: float = math.inf

    @property
    def kept(self) -> "EngineTraits":
        """Return the traits to store in a lease; `booted` is needed only for the current engine."""
        return self._replace(booted=math.inf)


NO_TRAITS = EngineTraits()


def compare(then: EngineTraits, now: EngineTraits, taken: float) -> str:
    """Return whether the engine of a lease is the current engine: SAME, OTHER or UNSURE.

    Both engines have the same id. `then` are the traits in the lease and `now` the current ones.
    `taken` is when the lease was taken (seconds since the epoch).
    """
    if now.run and then.run == now.run:
        return SAME
    if _differ(then.folder, now.folder):
        return OTHER
    # In a lease taken after its last boot, this machine cannot have stored another boot id.
    if _differ(then.boot, now.boot) and taken > now.booted + CLOCKS_APART:
        return OTHER
    machine_differs = (
        _differ(then.name, now.name)
        or _differ(then.reached, now.reached)
        or _differ(then.machine, now.machine)
    )
    if _differ(then.data, now.data):
        return OTHER if machine_differs else UNSURE
    return UNSURE if machine_differs else SAME


def compare_machines(then: str, now: str, traits: EngineTraits) -> str:
    """Return SAME or UNSURE for a lease without traits, by comparing names of machines.

    `then` is the machine that took the lease, and `now` is this machine. A remote engine is the
    same engine for all machines that reach it.
    """
    is_local = bool(traits.boot or traits.machine)
    return UNSURE if is_local and _differ(then, now) else SAME


def _differ(first: str, second: str) -> bool:
    """Return True if both values are known and they are different."""
    return bool(first and second and first != second)
