"""Clock readings: a changed clock or a sleeping machine must not shorten a lease.

Imports nothing.
"""

# A correction of the clock up to this number of seconds is ignored.
TOLERANCE = 5.0
# Maximum age of a store's clock record before it is written again.
RECORD_SECONDS = 60.0


class ClockReading:
    """Two clocks read at the same instant.

    `wall` is in seconds since the epoch, `steady` in seconds since the boot with the id `boot`. The
    steady clock is never set, and it stops while the machine sleeps. `boot` is empty if the system
    has no boot id.
    """

    __slots__ = ("boot", "steady", "wall")

    def __init__(self, boot: str, wall: float, steady: float) -> None:
        self.boot = boot
        self.wall = wall
        self.steady = steady


def jump(before: ClockReading | None, now: ClockReading) -> float:
    """Return by how many seconds the wall clock moved more than the steady clock.

    The result is negative for a clock that was set back. It is 0 for a difference up to TOLERANCE,
    and for readings that cannot be compared: no earlier reading, no boot id, or a boot in between.
    """
    if before is None or not now.boot or before.boot != now.boot:
        return 0.0
    difference = (now.wall - before.wall) - (now.steady - before.steady)
    return difference if abs(difference) > TOLERANCE else 0.0


def is_current(record: ClockReading | None, now: ClockReading) -> bool:
    """Return True if the store does not have to write its clock record again."""
    return (
        record is not None
        and record.boot == now.boot
        and not jump(record, now)
        and 0 <= now.steady - record.steady < RECORD_SECONDS
    )
