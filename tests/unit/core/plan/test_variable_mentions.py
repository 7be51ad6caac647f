"""The variables that texts mention, for a Compose that cannot list them."""

import pytest

from composeports.core.plan.variable_mentions import (
    mentioned_files,
    mentioned_variables,
    numbers_in,
    possible_paths,
    simple_mentions,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("${WEB_PORT}:80", {"WEB_PORT": ""}),
        ("${WEB_PORT:-8080}:80", {"WEB_PORT": "8080"}),
        ("${WEB_PORT-8080}:80", {"WEB_PORT": "8080"}),
        ("$WEB_PORT:80", {"WEB_PORT": ""}),
        ("${CONF:-./conf}:/conf:ro", {"CONF": "./conf"}),
        ("${A:?needed} ${B:+there}", {"A": "", "B": ""}),
        ("${A:-${B:-80}}", {"A": "", "B": "80"}),
        ("${A}${A:-1}${A:-2}", {"A": "1"}),
        ("$$A $${B} $1 ${1}", {}),
        ("none", {}),
    ],
)
def test_a_mention(text: str, found: dict[str, str]) -> None:
    assert mentioned_variables([text]) == found


def test_files_that_a_file_names() -> None:
    text = "include: [infra/compose.yaml, '../x.yml']\nfile: base.yml\nnot: a.yamlx\n"
    assert mentioned_files(text) == ("infra/compose.yaml", "../x.yml", "base.yml")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$WEB_PORT:80", {"WEB_PORT": ""}),
        ("${WEB_PORT:-8080}:80 # the page", {"WEB_PORT": "8080"}),
        ("${WEB_PORT-8080}:80", {"WEB_PORT": "8080"}),
        ("${CONF:-./conf}:/conf:ro", {"CONF": "./conf"}),
        ("${A:?needed} ${B:+there} ${C?} ${D+}", {"A": "", "B": "", "C": "", "D": ""}),
        ("${A}${A:-1}${A:-2}", {"A": "1"}),
        ("a: $$A $${B}", {}),
        ("none", {}),
    ],
)
def test_a_simple_text_says_what_it_mentions(text: str, found: dict[str, str]) -> None:
    assert simple_mentions([text]) == found == mentioned_variables([text])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("${A:-${B:-80}}", id="a variable in a default"),
        pytest.param("${A:-$B}", id="the same without braces"),
        pytest.param("${A:-8\n 0}", id="a default on two lines"),
        pytest.param("# $A", id="a comment"),
        pytest.param('a: 1 # ["${A:-8080}:80"]', id="a comment after a value"),
        pytest.param('"\\x24{A}"', id="an escaped dollar sign"),
        pytest.param('"\\u0024A"', id="another escape"),
        pytest.param("$(date)", id="what Compose refuses"),
        pytest.param("$1", id="a number"),
        pytest.param("${A", id="an open brace"),
        pytest.param("$", id="a dollar sign alone"),
    ],
)
def test_what_only_compose_can_read_is_not_simple(text: str) -> None:
    assert simple_mentions(["ports: [8080]", text]) is None


def test_the_numbers_of_an_env_file_are_guessed() -> None:
    text = b"A=1\nexport B = '-2'\n C: \"3\" \r\n#D=4\nE=5x\nF=\nA=7"
    assert numbers_in(text) == {"A": "7", "B": "-2", "C": "3"}


def test_words_that_may_be_paths_are_found() -> None:
    text = "env_file: [./a.env, 'b/c', {path: \"d.env\", required: false}]\nimage: web\n- ${X}/e"
    assert possible_paths(text) == ("./a.env", "b/c", "d.env", "/e")
