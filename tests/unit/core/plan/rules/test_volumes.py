"""Volumes that are filled when they are made, as the settings say: a note of the plan."""

import pytest

from composeports.core.settings import Settings
from tests.support.planning import plan_of


@pytest.mark.parametrize(
    ("seed", "volumes", "noted"),
    [
        ("main", {"data": {}, "others": {"external": True}}, True),
        ("", {"data": {}}, False),
        ("main", {"others": {"external": True}}, False),
        ("main", {}, False),
    ],
)
def test_a_seed_in_the_settings_is_noted(
    seed: str, volumes: dict[str, object], *, noted: bool
) -> None:
    made = plan_of({"services": {"web": {}}, "volumes": volumes}, settings=Settings(seed=seed))
    notes = [note for note in made.plan.notes if "seed" in note]
    assert [("(data)" in note, "data of main" in note) for note in notes] == [(True, True)] * noted
