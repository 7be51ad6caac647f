"""The list of all scenarios: name, how often `make faults` tries it, and what it does."""

import random
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.faults.kills import (
    EVENT_KILLS,
    GC_KILLS,
    STEP_KILLS,
    Kill,
    kill_at_events,
    kill_at_steps,
)
from tests.faults.machine import (
    delete_worktree,
    fill_state,
    fill_worktree,
    lock_store,
    move_clock,
    restart_engine,
)
from tests.faults.observer import Engine
from tests.faults.own_engine import own_engine
from tests.faults.place import Place
from tests.faults.tally import Tally
from tests.faults.thefts import THEFTS, Theft, steal


@dataclass(frozen=True)
class Setting:
    """What a scenario is given: a folder, 400 ports from `base`, an engine, how often, chance.

    `step` is the one step to take again, or 0.
    """

    root: Path
    base: int
    engine: Engine
    tries: int
    chance: random.Random
    step: int = 0


@dataclass(frozen=True)
class Scenario:
    """One kind of fault; with 0 `tries` each of its steps is taken once."""

    name: str
    tries: int
    run: Callable[[Setting], Tally]
    needs_root: bool = False


def _kills(
    how: Callable[[Kill, Place, int, random.Random, int], Tally], kill: Kill, setting: Setting
) -> Tally:
    made = Place(setting.root, setting.base, setting.engine, services=kill.services)
    with closing(made) as place:
        return how(kill, place, setting.tries, setting.chance, setting.step)


def _thefts(theft: Theft, setting: Setting) -> Tally:
    with closing(Place(setting.root, setting.base, setting.engine, slots=30)) as place:
        return steal(theft, place, setting.tries, setting.chance)


def _machine(fault: Callable[[Place, int], Tally], slots: int, setting: Setting) -> Tally:
    with closing(Place(setting.root, setting.base, setting.engine, slots=slots)) as place:
        return fault(place, setting.tries)


def _restarts(setting: Setting) -> Tally:
    with own_engine() as engine:
        made = Place(
            setting.root, setting.base, engine.observed, dict(engine.environ), engine.prefix
        )
        with closing(made) as place:
            return restart_engine(place, setting.tries, engine.halt, engine.start)


SCENARIOS = (
    *(
        Scenario(kill.name, 0, partial(_kills, kill_at_steps, kill))
        for kill in (*STEP_KILLS, *GC_KILLS)
    ),
    *(Scenario(kill.name, 60, partial(_kills, kill_at_events, kill)) for kill in EVENT_KILLS),
    *(Scenario(theft.name, 40, partial(_thefts, theft)) for theft in THEFTS),
    Scenario("store locked", 6, partial(_machine, lock_store, 5)),
    Scenario("disk full, state directory", 40, partial(_machine, fill_state, 5), needs_root=True),
    Scenario("disk full, worktree", 24, partial(_machine, fill_worktree, 5), needs_root=True),
    Scenario("clock moved", 10, partial(_machine, move_clock, 4)),
    Scenario("worktree deleted", 5, partial(_machine, delete_worktree, 4)),
    Scenario("engine restarted", 8, _restarts, needs_root=True),
)
