"""What an engine looks like: tells engines apart that have one id, since their data was copied.

No trait alone is a proof: machines are renamed and cloned, engines are restarted, their data is
moved. In doubt the answer is UNSURE, and a lease stays.
"""

import math
from typing import NamedTuple

SAME, OTHER, UNSURE = "same", "other", "unsure"
# How far the clocks of machines that share a store may be apart, in seconds.
CLOCKS_APART = 120.0


class EngineTraits(NamedTuple):
    """The traits of an engine; what is not known is empty.

    `run` is a random id that the engine makes at each start, `data` one that is as old as its
    data, `folder` where that is, `name` what its machine calls itself. `reached` is the host where
    a remote engine is reached. Of an engine of this machine: `machine` is a digest of the machine's
    id, `boot` the id of its boot, and `booted` when that was (seconds since the epoch).
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
        """What is kept with a lease: the moment of the boot is only for who looks now."""
        return self._replace(booted=math.inf)


NO_TRAITS = EngineTraits()


def compare(then: EngineTraits, now: EngineTraits, taken: float) -> str:
    """Return whether the engine of a lease that was taken at that time is the one that is asked.

    Both have one id. `taken` is in seconds since the epoch.
    """
    if now.run and then.run == now.run:
        return SAME
    if _differ(then.folder, now.folder):
        return OTHER
    # Since this machine has booted, no engine of it has been seen with another boot.
    if _differ(then.boot, now.boot) and taken > now.booted + CLOCKS_APART:
        return OTHER
    elsewhere = (
        _differ(then.name, now.name)
        or _differ(then.reached, now.reached)
        or _differ(then.machine, now.machine)
    )
    if _differ(then.data, now.data):
        return OTHER if elsewhere else UNSURE
    return UNSURE if elsewhere else SAME


def compare_machines(then: str, now: str, traits: EngineTraits) -> str:
    """Return the same by the names of the machines that took the lease, and that ask.

    A remote engine is that of all machines that reach it.
    """
    is_local = bool(traits.boot or traits.machine)
    return UNSURE if is_local and _differ(then, now) else SAME


def _differ(one: str, other: str) -> bool:
    """Tell whether both are known and not the same."""
    return bool(one and other and one != other)
