"""The name that a user meant."""

import pytest

from composeports.core.close_names import closest_name, typing_errors


@pytest.mark.parametrize(
    ("typed", "name", "errors"),
    [
        ("", "up", 2),
        ("up", "up", 0),
        ("upp", "up", 1),
        ("statsu", "status", 1),
        ("statsu", "stats", 1),
        ("stpo", "stop", 1),
        ("oplex", "logs", 5),
    ],
)
def test_the_errors_are_counted(typed: str, name: str, errors: int) -> None:
    assert typing_errors(typed, name) == errors


def test_the_first_group_wins_among_equals() -> None:
    assert closest_name("statsu", ["status"], ["stats"]) == "status"
    assert closest_name("statsu", ["store"], ["stats"]) == "stats"
    assert closest_name("statt", [], ["start", "stats"]) == "start"


def test_a_name_with_too_many_errors_is_none() -> None:
    assert closest_name("qqqq", ["up"], ["logs"]) == ""
    assert closest_name("x", ["up"]) == ""
