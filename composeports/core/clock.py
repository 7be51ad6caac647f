"""Time that neither a clock set anew nor a sleeping machine takes from a lease; imports nothing."""

# What a clock may be corrected by without anybody noticing.
TOLERANCE = 5.0
# How old a store's record of the time may get before it is written anew.
RECORD_SECONDS = 60.0


class ClockReading:
    """Two clocks at one instant: `wall` since the epoch, `steady` since the boot named `boot`.

    Both are seconds; the steady clock is never set and stands still while the machine sleeps.
    `boot` is empty where boots cannot be told apart.
    """

    __slots__ = ("boot", "steady", "wall")

    def __init__(self, boot: str, wall: float, steady: float) -> None:
        self.boot = boot
        self.wall = wall
        self.steady = steady


def jump(before: ClockReading | None, now: ClockReading) -> float:
    """Return the seconds by which the wall clock has moved on without time having passed.

    It is negative for a clock that was set back, and 0 where nobody can know: after a boot.
    """
    if before is None or not now.boot or before.boot != now.boot:
        return 0.0
    moved = (now.wall - before.wall) - (now.steady - before.steady)
    return moved if abs(moved) > TOLERANCE else 0.0


def is_current(record: ClockReading | None, now: ClockReading) -> bool:
    """Tell whether a store's record of the time still serves as it is."""
    return (
        record is not None
        and record.boot == now.boot
        and not jump(record, now)
        and 0 <= now.steady - record.steady < RECORD_SECONDS
    )
