"""The effect of a changed clock, a sleeping machine and a boot on a lease's remaining time."""

import pytest

from composeports.core.clock import RECORD_SECONDS, TOLERANCE, ClockReading, is_current, jump

NOON = 43200.0
BEFORE = ClockReading("a boot", NOON, 100.0)


def later(seconds: float, *, moved: float = 0.0, boot: str = "a boot") -> ClockReading:
    """Return the reading after `seconds` on a wall clock that was moved by `moved`."""
    return ClockReading(boot, NOON + seconds + moved, 100.0 + seconds)


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        pytest.param(None, BEFORE, 0.0, id="the first time"),
        pytest.param(BEFORE, BEFORE, 0.0, id="the same instant"),
        pytest.param(BEFORE, later(86400), 0.0, id="a day later"),
        pytest.param(BEFORE, later(10, moved=3600), 3600.0, id="set forward"),
        pytest.param(BEFORE, later(10, moved=-3600), -3600.0, id="set back"),
        pytest.param(BEFORE, later(0, moved=30000), 30000.0, id="a night asleep"),
        pytest.param(BEFORE, later(10, moved=TOLERANCE), 0.0, id="corrected a little"),
        pytest.param(BEFORE, later(10, moved=-TOLERANCE), 0.0, id="corrected back a little"),
        pytest.param(BEFORE, later(10, moved=3600, boot="next"), 0.0, id="another boot"),
        pytest.param(
            ClockReading("", NOON, 1.0),
            ClockReading("", NOON + 999, 2.0),
            0.0,
            id="boots without a name",
        ),
    ],
)
def test_how_far_the_wall_clock_jumped(
    before: ClockReading | None, now: ClockReading, moved: float
) -> None:
    assert jump(before, now) == moved


@pytest.mark.parametrize(
    ("record", "now", "current"),
    [
        pytest.param(None, BEFORE, False, id="none yet"),
        pytest.param(BEFORE, later(1), True, id="just written"),
        pytest.param(BEFORE, later(RECORD_SECONDS), False, id="old"),
        pytest.param(BEFORE, later(1, moved=60), False, id="a jump since"),
        pytest.param(BEFORE, later(1, boot="next"), False, id="a boot since"),
        pytest.param(BEFORE, later(-1), False, id="from the future"),
    ],
)
def test_when_the_record_of_the_time_serves_as_it_is(
    record: ClockReading | None, now: ClockReading, *, current: bool
) -> None:
    assert is_current(record, now) is current
