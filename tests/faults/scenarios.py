"""The list of all scenarios: name, number of tries in `make faults`, and its function."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.faults.crowd import crowd
from tests.faults.engines import freeze, lose_networks, pause_containers, start_beside
from tests.faults.folders import copy_worktree, kill_skills, lose_submodule, move_repository
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
    down_on_full_disk,
    fill_state,
    fill_worktree,
    lock_readers,
    lock_store,
    move_clock,
    restart_engine,
)
from tests.faults.orphans import leave_at_work
from tests.faults.place import Place
from tests.faults.taken_ports import THEFTS, Theft, steal
from tests.faults.tally import Tally
from tests.harness.engine import Engine
from tests.harness.private_engine import PrivateEngine, private_engine


@dataclass(frozen=True)
class Setting:
    """What a scenario is given: a folder, 400 ports from `base`, an engine, how often, chance.

    `step` is the one step to take again, or 0. A crowd is in so many worktrees for so many seconds.
    """

    root: Path
    base: int
    engine: Engine
    tries: int
    chance: random.Random
    step: int = 0
    worktrees: int = 3
    seconds: float = 4.0


@dataclass(frozen=True)
class Scenario:
    """One kind of fault; with 0 `tries` each of its steps is tried once.

    `checked` says what has to be so after it.
    """

    name: str
    tries: int
    run: Callable[[Setting], Tally]
    checked: str
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


Steps = Callable[[Place, int, random.Random, int], Tally]
OwnSteps = Callable[[PrivateEngine, Place, int, random.Random, int], Tally]


def _steps(fault: Steps, setting: Setting) -> Tally:
    with closing(Place(setting.root, setting.base, setting.engine)) as place:
        return fault(place, setting.tries, setting.chance, setting.step)


@contextmanager
def _own_place(kind: str, setting: Setting) -> Iterator[tuple[PrivateEngine, Place]]:
    """Make a place on a private engine, which may be stopped."""
    with private_engine(kind) as engine:
        environ = dict(engine.environ)
        made = Place(setting.root, setting.base, engine.observed, environ, engine.prefix, slots=20)
        with closing(made) as place:
            yield engine, place


def _own_steps(kind: str, fault: OwnSteps, setting: Setting) -> Tally:
    with _own_place(kind, setting) as (engine, place):
        return fault(engine, place, setting.tries, setting.chance, setting.step)


def _restarts(setting: Setting) -> Tally:
    with _own_place("restarted", setting) as (engine, place):
        return restart_engine(place, setting.tries, engine.halt, engine.restore)


def _crowd(setting: Setting) -> Tally:
    with _own_place("crowd", setting) as (engine, place):
        return crowd(engine, place, setting.worktrees, setting.seconds, setting.chance)


# What has to be so after each; that the bystander is untouched, and no port doubled, always is.
REPAIRED = "the next command repairs what it leaves; nothing is lost or left"
ROBBED = "`up` gets other ports, or says with 75 that none is free and leaves nothing"

SCENARIOS = (
    *(
        Scenario(kill.name, 0, partial(_kills, kill_at_steps, kill), REPAIRED)
        for kill in (*STEP_KILLS, *GC_KILLS)
    ),
    *(
        Scenario(kill.name, 150, partial(_kills, kill_at_events, kill), REPAIRED)
        for kill in EVENT_KILLS
    ),
    *(Scenario(theft.name, 52, partial(_thefts, theft), ROBBED) for theft in THEFTS),
    Scenario(
        "Compose still at work",
        24,
        partial(_steps, leave_at_work),
        "`down`, `release`, `gc` and `up` beside an `up` that is killed or alive: no lease is"
        " released while what can start its stack lives",
    ),
    Scenario(
        "kill skills install",
        0,
        partial(_steps, kill_skills),
        "run again, `skills install` and `init --skills` make the very files of a first run",
    ),
    Scenario(
        "worktree copied",
        30,
        partial(_steps, copy_worktree),
        "what acts in the copy is refused with 75; lease, containers, volumes and files of the"
        " original stay; a copied main checkout is a session of its own",
    ),
    Scenario(
        "repository moved",
        0,
        partial(_steps, move_repository),
        "one stack, on the ports of before; after `down` and `gc` nothing of the old place is left",
    ),
    Scenario(
        "submodule's worktree removed",
        16,
        partial(_steps, lose_submodule),
        "one `gc` in the main checkout removes the stack and ends its lease",
    ),
    Scenario(
        "networks gone",
        0,
        partial(_steps, lose_networks),
        "`up` works, twice, on all networks; ports and volumes stay; off its network is `drifted`",
    ),
    Scenario(
        "containers paused",
        0,
        partial(_steps, pause_containers),
        "`up` lets the same containers go on, and says so; `down` takes them away",
    ),
    Scenario(
        "engine starts the stack",
        24,
        partial(_own_steps, "starting", start_beside),
        "`up` works beside it, and no port moves",
        needs_root=True,
    ),
    Scenario(
        "engine frozen",
        0,
        partial(_own_steps, "frozen", freeze),
        "every command answers within COMPOSEPORTS_ENGINE_TIMEOUT: `unknown` or 69; leases and"
        " containers stay",
        needs_root=True,
    ),
    Scenario(
        "store locked",
        6,
        partial(_machine, lock_store, 5),
        "`up` waits for it, or gives up with 75 and leaves no lease",
    ),
    Scenario(
        "store locked, env",
        0,
        partial(_steps, lock_readers),
        "`env`, `url` and `status` say the same as without the lock, within a second more",
    ),
    Scenario(
        "disk full, state directory",
        40,
        partial(_machine, fill_state, 5),
        "once there is room, `up` and `down` work; no failure is a bug's",
        needs_root=True,
    ),
    Scenario(
        "disk full, down",
        0,
        partial(_steps, down_on_full_disk),
        "with no byte left `down` takes the stack away, and keeps the lease where it says 78",
        needs_root=True,
    ),
    Scenario(
        "disk full, worktree",
        24,
        partial(_machine, fill_worktree, 5),
        "once there is room, `up` and `down` work; no failure is a bug's",
        needs_root=True,
    ),
    Scenario(
        "clock moved",
        10,
        partial(_machine, move_clock, 4),
        "nobody gets a block whose stack runs, or that a session got a moment ago",
    ),
    Scenario(
        "worktree deleted",
        5,
        partial(_machine, delete_worktree, 4),
        "nobody gets the ports of its stack, which can be taken down from elsewhere",
    ),
    Scenario(
        "engine restarted",
        8,
        _restarts,
        "69 while it is away, leases stay, and all goes on once it is back",
        needs_root=True,
    ),
    Scenario(
        "crowd, observed",
        1,
        _crowd,
        "many worktrees, 3 shells in each, engine frozen twice and killed once: no sample has a"
        " doubled port or a container without a lease, no command hangs or has a bug, and after"
        " `down` and `gc` nothing is left (--worktrees, --seconds)",
        needs_root=True,
    ),
)
