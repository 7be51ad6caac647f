"""The settings of a machine's user: which variables they stand for, and how one is written."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.machine_settings import KEYS, as_toml, key_of, variables_of, with_value
from composeports.errors import ConfigError

PATH = "/home/me/.config/composeports/config.toml"


def test_a_document_stands_for_variables() -> None:
    document = {"max_sessions": 100, "store": "postgresql://db/leases"}
    assert variables_of(document, PATH) == {
        "PORT_ALLOC_MAX_SESSIONS": "100",
        "COMPOSEPORTS_STORE": "postgresql://db/leases",
    }


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"max_session": 5}, f"{PATH}: there is no setting 'max_session'"),
        ({"max_sessions": "5"}, f"{PATH}: max_sessions must be a whole number, got '5'"),
        ({"max_sessions": True}, f"{PATH}: max_sessions must be a whole number, got True"),
        ({"max_sessions": 5.0}, f"{PATH}: max_sessions must be a whole number, got 5.0"),
        ({"store": 5}, f"{PATH}: store must be a text, got 5"),
        ({"store": ""}, f"{PATH}: store must be a text, got ''"),
    ],
)
def test_a_key_or_value_of_another_kind_is_refused(
    document: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as told:
        variables_of(document, PATH)
    assert told.value.message == message
    assert told.value.details["file"] == PATH
    assert told.value.hint


def test_a_variable_has_a_key() -> None:
    assert key_of("PORT_ALLOC_BASE") == "base_port"
    assert key_of("PATH") == ""


@pytest.mark.parametrize(
    ("text", "value", "after"),
    [
        pytest.param("", "100", "max_sessions = 100\n", id="an empty file"),
        pytest.param("# mine\n", "100", "# mine\nmax_sessions = 100\n", id="a comment stays"),
        pytest.param("a = 1", "100", "a = 1\nmax_sessions = 100\n", id="no newline at the end"),
        pytest.param(
            "a = 1\nmax_sessions=5 # few\nb = 2\n",
            "100",
            "a = 1\nmax_sessions = 100\nb = 2\n",
            id="in its line",
        ),
        pytest.param("max_sessions = 5", "7", "max_sessions = 7\n", id="in the last line"),
        pytest.param("[table]\nx = 1\n", "5", "max_sessions = 5\n[table]\nx = 1\n", id="a table"),
        pytest.param("a = 1\nmax_sessions = 5\n", "", "a = 1\n", id="removed"),
        pytest.param("a = 1\n", "", "a = 1\n", id="nothing to remove"),
        pytest.param("not_max_sessions = 5\n", "", "not_max_sessions = 5\n", id="another key"),
    ],
)
def test_one_line_is_written(text: str, value: str, after: str) -> None:
    assert with_value(text, "max_sessions", value) == after


@given(key=st.sampled_from(list(KEYS)), text=st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_written_value_is_read_again(key: str, text: str) -> None:
    value: object = len(text) if KEYS[key].is_number else text
    after = with_value("# mine\nother = 1\n", key, as_toml(key, str(value)))
    assert tomllib.loads(after) == {"other": 1, key: value}


def test_a_number_of_other_characters_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_sessions must be a whole number, got 'many'"):
        as_toml("max_sessions", "many")
