"""The short form of `make faults`: every scenario once, on a real engine."""

import os
import random
from pathlib import Path

import pytest

from tests.faults.scenarios import SCENARIOS, Scenario, Setting
from tests.faults.tally import Tally
from tests.harness.engine import ENGINE_VARIABLES, Engine
from tests.harness.program import PATH

pytestmark = pytest.mark.e2e

# Blocks that no other test uses; two runs at once start at different places.
BASE, SHARE = 12000 + os.getpid() % 7 * 20, 160
# Where engines are kept and their programs come from, before a guard hides the home.
CACHE = os.environ.get("COMPOSEPORTS_DEV_CACHE", os.path.expanduser("~/.cache/composeports-dev"))
# Disks can be mounted, and engines be started, by root alone.
POSSIBLE = [each for each in SCENARIOS if os.geteuid() == 0 or not each.needs_root]


@pytest.mark.parametrize("scenario", POSSIBLE, ids=[each.name for each in POSSIBLE])
def test_a_fault_leaves_nothing_wrong(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**ENGINE_VARIABLES, "PATH": PATH, "COMPOSEPORTS_DEV_CACHE": CACHE}.items():
        monkeypatch.setenv(name, value)
    number = SCENARIOS.index(scenario)
    tally = scenario.run(
        Setting(
            root=tmp_path / "scene",
            base=BASE + SHARE * number,
            engine=Engine.of(os.environ),
            tries=1,
            chance=random.Random(scenario.name),
        )
    )
    assert not tally.notes, "\n".join(tally.notes)
    assert (tally.tries, tally.clean) == (1, True)
    assert tally.faults


def test_what_is_wrong_is_counted() -> None:
    """Otherwise zeros would prove nothing."""
    tally = Tally("a scenario", "kills")
    assert tally.clean
    tally.note({"leaked": ["one", "two"], "lost": []}, "step 3")
    assert not tally.clean
    assert tally.wrong == {"leaked": 2}
    assert tally.notes[0] == "a scenario [step 3] containers leaked: one"
