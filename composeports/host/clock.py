"""Read the wall clock and the monotonic clock of this machine at one instant."""

import time
from functools import cache

from composeports.core.clock import ClockReading

BOOT_ID = "/proc/sys/kernel/random/boot_id"


def read_clock() -> ClockReading:
    """Return the time of both clocks and the id of this boot, empty if the platform has none."""
    return ClockReading(_boot(), time.time(), time.clock_gettime(time.CLOCK_MONOTONIC))


@cache
def _boot() -> str:
    try:
        with open(BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""
