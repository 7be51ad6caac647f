"""The session's variables; every reader reads the values that were written."""

import io
import itertools
import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import assume, given
from hypothesis import strategies as st

from composeports.core.environment import (
    FORMATS,
    as_dotenv,
    as_export,
    as_fish,
    as_json,
    combined,
    fixed_variables,
)

SIX = (
    ("AGENT_COORDINATOR_DB_PORT", "10000"),
    ("AGENT_COORDINATOR_REST_PORT", "10001"),
    ("AGENT_COORDINATOR_REALTIME_PORT", "10002"),
    ("API_PORT", "10003"),
    ("COMPOSE_PROJECT_NAME", "ac-1"),
    ("SUPABASE_URL", "http://localhost:10001"),
)


def test_a_session_has_six_variables_in_their_order() -> None:
    assert fixed_variables(10000, "ac-1") == SIX


def test_the_url_leads_to_the_engine_s_host() -> None:
    assert fixed_variables(10000, "ac-1", "build-host")[-1] == (
        "SUPABASE_URL",
        "http://build-host:10001",
    )


def test_a_later_value_replaces_a_fixed_one_in_its_place() -> None:
    later = (("WEB_PORT", "10004"), ("API_PORT", "8081"))
    pairs = combined(SIX, later)
    assert [name for name, _ in pairs] == [*(name for name, _ in SIX), "WEB_PORT"]
    assert dict(pairs) == {**dict(SIX), **dict(later)}


# What a value looks like


@pytest.mark.parametrize(
    ("value", "exported", "dotenv"),
    [
        pytest.param("10000", "10000", "10000", id="a number"),
        pytest.param("http://x:1/a,b@c%2", *["http://x:1/a,b@c%2"] * 2, id="a URL"),
        pytest.param("", "''", "''", id="nothing"),
        pytest.param("a b", "'a b'", "'a b'", id="a blank"),
        pytest.param("$(id)", "'$(id)'", "'$(id)'", id="a command"),
        pytest.param("`id`", "'`id`'", "'`id`'", id="a command of old"),
        pytest.param("a\nb", "'a\nb'", "'a\nb'", id="a newline"),
        pytest.param("~", "'~'", "'~'", id="a home"),
        pytest.param("a\\b", "'a\\b'", '"a\\\\b"', id="a backslash"),
        pytest.param("it's", "'it'\"'\"'s'", '"it\'s"', id="a quote"),
        pytest.param("it's $x", "'it'\"'\"'s $x'", '"it\'s \\$x"', id="a quote and a dollar"),
        pytest.param("it's \"", "'it'\"'\"'s \"'", '"it\'s \\""', id="both quotes"),
        pytest.param("it's `", "'it'\"'\"'s `'", '"it\'s \\0140"', id="a quote and a backtick"),
    ],
)
def test_a_value_is_written(value: str, exported: str, dotenv: str) -> None:
    assert as_export([("A", value)]) == f"export A={exported}"
    assert as_dotenv([("A", value)]) == f"A={dotenv}\n"


def test_lines_come_in_the_order_of_the_pairs() -> None:
    pairs = [("B", "1"), ("A", "2")]
    assert as_export(pairs) == "export B=1\nexport A=2"
    assert as_dotenv(pairs) == "B=1\nA=2\n"
    assert list(json.loads(as_json(pairs))) == ["B", "A"]


def test_nothing_is_written_for_nothing() -> None:
    assert (as_export([]), as_dotenv([]), as_json([])) == ("", "", "{}")


def test_every_format_has_its_name() -> None:
    assert dict(FORMATS) == {
        "export": as_export,
        "dotenv": as_dotenv,
        "fish": as_fish,
        "json": as_json,
    }


# What was written is what is read

HOSTILE = (*"'\"\\$`!#;&|<>(){}[]*?~^= \t\n\r", "$(touch executed)", "`touch executed`", "é", "🐳")
values = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=3)).map("".join)


@given(st.dictionaries(st.sampled_from("ABCDE"), values))
def test_json_is_read_back(pairs: dict[str, str]) -> None:
    assert json.loads(as_json(pairs.items())) == pairs


@given(values)
def test_dotenv_is_read_back_by_python_dotenv(value: str) -> None:
    """It knows Compose's escapes of neither `$` nor the backtick, which double quotes need."""
    assume(not ({"'", "\\"} & set(value) and {"`", "$"} & set(value)))
    text = as_dotenv([("A", value)])
    assert dotenv_values(stream=io.StringIO(text), interpolate=False) == {"A": value}


def many_values() -> list[str]:
    """Return every pair of hostile texts, and a few hundred longer ones."""
    chance = random.Random(0)
    pairs = ["".join(pair) for pair in itertools.product(HOSTILE, repeat=2)]
    longer = ["".join(chance.choices([*HOSTILE, "a"], k=6)) for _ in range(300)]
    return ["", *HOSTILE, *pairs, *longer, "\udcff\udc80", "x" * 20000, "\x01\x7f\u2028"]


def read_by(shell: str, script: str, text: str, cwd: Path) -> dict[str, str]:
    """Return the environment of a program that the shell starts after `script`."""
    (cwd / "given").write_bytes(text.encode("utf-8", "surrogateescape"))
    path = shutil.which("env")
    argv = [shell, "-c", f"{script} || exit 3; exec {path} -0"]
    done = subprocess.run(argv, cwd=cwd, env={}, capture_output=True, check=True)
    assert done.stderr == b""
    pairs = done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
    return dict(pair.split("=", 1) for pair in pairs if pair.startswith("V"))


@pytest.mark.integration
@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_shell_that_evaluates_the_exports_has_the_values_and_runs_none(
    shell: str, tmp_path: Path
) -> None:
    path = shutil.which(shell)
    cat = shutil.which("cat")
    assert path
    pairs = {f"V{number}": value for number, value in enumerate(many_values())}
    read = read_by(path, f'eval "$({cat} given)"', as_export(pairs.items()), tmp_path)
    assert read == pairs
    assert [each.name for each in tmp_path.iterdir()] == ["given"]


@pytest.mark.integration
@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_shell_that_sources_the_env_file_has_the_values_and_runs_none(
    shell: str, tmp_path: Path
) -> None:
    path = shutil.which(shell)
    assert path
    pairs = {f"V{number}": value for number, value in enumerate(many_values())}
    read = read_by(path, "set -a; . ./given", as_dotenv(pairs.items()), tmp_path)
    for name, value in pairs.items():
        if not ("`" in value and {"'", "\\"} & set(value)):
            assert read[name] == value
    assert [each.name for each in tmp_path.iterdir()] == ["given"]


def test_fish_gets_each_value_in_its_own_quotes() -> None:
    pairs = (("A", "1"), ("B", "it's \\ $HOME"), ("C", ""))
    assert as_fish(pairs) == "set -gx A '1'\nset -gx B 'it\\'s \\\\ $HOME'\nset -gx C ''"
