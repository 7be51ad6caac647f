"""The variables that texts mention, for a Compose that cannot tell."""

import pytest

from composeports.core.plan.variable_mentions import mentioned_files, mentioned_variables


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
