"""Measure the time of a plan against the one `docker compose config` that every plan needs."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from corpuskit.measure import Measurement, Session
from corpuskit.programs import PROGRAM, Programs
from corpuskit.units import Unit


@dataclass(frozen=True, slots=True)
class Cost:
    """Median seconds for one unit: raw Compose, a first plan, and one that remembers."""

    unit: Unit
    raw: float
    first: float
    again: float

    def as_dict(self) -> dict[str, object]:
        """Return the unit's entry in the JSON report."""
        figures = {"raw": self.raw, "first": self.first, "again": self.again}
        return {"unit": self.unit.name, **{name: round(each, 4) for name, each in figures.items()}}


def cost_of(unit: Unit, place: Path, programs: Programs, rounds: int = 5) -> Cost:
    """Run the three in turns, and return their medians; the first round warms the caches."""
    place.mkdir()
    measurement = Measurement(unit, place, programs)
    new, known = list(measurement.sessions())[:2]
    measurement.ours(known, "allocate", "--json")
    measurement.ours(known, "config", "--format", "json")
    turns: dict[str, Callable[[], list[str]]] = {
        "raw": lambda: ["docker", "compose", *new.options, "config", "--quiet"],
        "first": lambda: [PROGRAM, *new.options, "plan"],
        "again": lambda: [PROGRAM, *known.options, "plan"],
    }
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(rounds + 1):
        for name, argv in turns.items():
            seconds = _timed(programs, argv(), known if name == "again" else new)
            if number:
                taken[name].append(seconds)
    programs.run([PROGRAM, *known.options, "release"], known.checkout, always=True)
    return Cost(unit, **{name: statistics.median(each) for name, each in taken.items()})


def _timed(programs: Programs, argv: list[str], session: Session) -> float:
    start = time.perf_counter()
    programs.run(argv, session.checkout)
    return time.perf_counter() - start
