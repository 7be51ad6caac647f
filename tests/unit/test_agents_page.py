"""docs/agents.md: each recipe has a row in its table, and each test of the table exists."""

import re

import pytest

from tests.support.documents import ROOT
from tests.unit.test_security_page import functions

PAGE = (ROOT / "docs/agents.md").read_text()
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
TABLE = PAGE.partition("## Which recipes are tested")[2]
ROWS = [line for line in TABLE.splitlines() if line.startswith("| ") and "`tests/" in line]
OTHER_NAMES = {
    "The repository agent-coordinator": "agent-coordinator",
    "Dev containers": "dev container feature",
}

NO_RECIPES = {"When something fails", "Which recipes are tested"}
HEADINGS = set(re.findall(r"^## (.*)$", PAGE, re.MULTILINE))


@pytest.mark.parametrize(("path", "name"), sorted(set(TEST.findall(PAGE))))
def test_each_test_of_the_table_exists(path: str, name: str) -> None:
    assert name in functions(path)


@pytest.mark.parametrize("heading", sorted(HEADINGS - NO_RECIPES))
def test_each_recipe_has_a_row(heading: str) -> None:
    name = OTHER_NAMES.get(heading, heading)
    assert [row for row in ROWS if row.startswith(f"| {name}")]


def test_each_row_has_a_test_and_says_if_the_tool_runs() -> None:
    for row in ROWS:
        _, test, tool = (cell.strip() for cell in row.strip("|").split("|"))
        assert TEST.search(test), row
        assert "not run" in tool or "runs" in tool, row
