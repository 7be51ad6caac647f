"""Machines that share a store: three engines, one PostgreSQL, and faults between them.

A short form of `make fleet`, which starts sixty worktrees at once and tries each fault often.
"""

import random
from collections.abc import Callable

import pytest

from tests.faults.tally import Tally
from tests.fleet.place import Fleet
from tests.fleet.scenarios import (
    Run,
    all_at_once,
    cut_cable,
    restart_database,
    share_an_engine,
    stop_engine,
)

pytestmark = pytest.mark.e2e

ACTS: dict[str, Callable[[Run], None]] = {
    "all at once": all_at_once,
    "two machines on one engine": share_an_engine,
    "the database is restarted": lambda run: restart_database(run, "immediate"),
    "one engine is stopped": stop_engine,
    "a machine is cut off for a moment": lambda run: cut_cable(run, 2),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_nothing_is_lost_doubled_or_left(machines: Fleet, act: Callable[[Run], None]) -> None:
    run = Run(machines, Tally("once", "faults"), random.Random(7), tries=1)
    act(run)
    assert run.tally.notes == []
    assert run.tally.tries
