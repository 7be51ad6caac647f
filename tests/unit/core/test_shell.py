"""The variables that make a shell use a session's stack, and the marker that lists them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.environment import fixed_variables
from composeports.core.shell import MARKER, is_marked, shell_environment

FIXED = fixed_variables(10000, "ac-1")


def environment(
    planned: tuple[tuple[str, str], ...] = (),
    files: tuple[str, ...] = (),
    env_files: tuple[str, ...] = (),
    profiles: tuple[str, ...] = (),
) -> dict[str, str]:
    return dict(shell_environment(10000, "ac-1", planned, files, env_files, profiles))


def test_without_a_stack_there_are_the_six_variables_and_the_marker() -> None:
    *pairs, (name, _) = shell_environment(10000, "ac-1", (), (), (), ())
    assert tuple(pairs) == FIXED
    assert name == MARKER


def test_what_the_plan_added_follows_the_six() -> None:
    pairs = shell_environment(10000, "ac-1", [["WEB_PORT", "10004"]], (), (), ())
    assert pairs[: len(FIXED) + 1] == (*FIXED, ("WEB_PORT", "10004"))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            ("/a", "/b"), {"COMPOSE_FILE": "/a:/b", "COMPOSE_PATH_SEPARATOR": ":"}, id="plain paths"
        ),
        pytest.param(
            ("/a:1", "/b"),
            {"COMPOSE_FILE": "/a:1;/b", "COMPOSE_PATH_SEPARATOR": ";"},
            id="a colon",
        ),
        pytest.param(
            ("/a:;", "/b"),
            {"COMPOSE_FILE": "/a:;|/b", "COMPOSE_PATH_SEPARATOR": "|"},
            id="a colon and a semicolon",
        ),
        pytest.param(
            ("/a:;|\t", "/b"),
            {"COMPOSE_FILE": "/a:;|\t:/b", "COMPOSE_PATH_SEPARATOR": ":"},
            id="everything that could separate",
        ),
    ],
)
def test_compose_is_pointed_at_the_files(files: tuple[str, ...], expected: dict[str, str]) -> None:
    found = environment(files=files)
    names = ("COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR")
    assert {name: found[name] for name in names if name in found} == expected


def test_compose_is_pointed_at_the_env_files_that_it_can_be_told_of() -> None:
    found = environment(files=("/a",), env_files=("/x", "/y,z", "/w"))
    assert found["COMPOSE_ENV_FILES"] == "/x,/w"


def test_profiles_are_set_where_there_are_some() -> None:
    assert environment(files=("/a",), profiles=("dev", "test"))["COMPOSE_PROFILES"] == "dev,test"
    assert "COMPOSE_PROFILES" not in environment(files=("/a",))


def test_without_files_compose_is_told_nothing() -> None:
    found = environment(env_files=("/x",), profiles=("dev",))
    assert [name for name in found if name.startswith("COMPOSE_")] == ["COMPOSE_PROJECT_NAME"]


names = st.sampled_from(["A", "B", "WEB_PORT", "x"])
values = st.text(" \t\na1=", max_size=6) | st.text()
variables = st.dictionaries(names, values)


@given(variables)
def test_every_variable_of_ours_without_a_blank_is_marked(planned: dict[str, str]) -> None:
    found = environment(tuple(planned.items()))
    for name, value in (*FIXED, *planned.items()):
        assert is_marked(name, value, found[MARKER]) == (" " not in value)


@given(variables, names, values)
def test_a_variable_that_somebody_else_set_is_not_marked(
    planned: dict[str, str], name: str, value: str
) -> None:
    marked = environment(tuple(planned.items()))[MARKER]
    assert is_marked(name, value, marked) == (planned.get(name) == value and " " not in value)


def test_the_files_are_not_marked_since_they_may_be_a_wish_in_part() -> None:
    found = environment(files=("/a",))
    assert not is_marked("COMPOSE_FILE", found["COMPOSE_FILE"], found[MARKER])


def test_without_a_marker_nothing_is_marked() -> None:
    assert not is_marked("API_PORT", "10003", None)
