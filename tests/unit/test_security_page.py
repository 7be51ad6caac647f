"""docs/security.md: the trust model names a test for each promise, and each test exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
PARTIES = ("repository", "other users", "other members of a store", "network", "MCP clients")
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")


def rows() -> list[list[str]]:
    """Return the cells of each row of the trust model."""
    table = PAGE.read_text().split("## Which files", maxsplit=1)[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[1:]]


def named() -> list[tuple[str, str]]:
    """Return file and function of each test on the page; a file without a function has none."""
    return TEST.findall(PAGE.read_text())


def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {each.name for each in tree.body if isinstance(each, kinds)}


@pytest.mark.parametrize(("path", "name"), sorted(set(named())))
def test_each_named_test_exists(path: str, name: str) -> None:
    assert name in functions(path)


def test_a_test_that_is_missing_would_be_found() -> None:
    assert "test_of_nothing" not in functions("tests/unit/test_security_page.py")


@pytest.mark.parametrize("party", PARTIES)
def test_each_party_has_a_row(party: str) -> None:
    assert [cells for cells in rows() if cells[0].startswith(party)]


def test_each_row_that_denies_something_names_what_shows_it() -> None:
    for cells in rows():
        assert len(cells) == 4, cells
        assert not cells[2] or TEST.search(cells[3]), cells


def test_people_find_the_page_and_how_to_report() -> None:
    policy = (ROOT / "SECURITY.md").read_text()
    assert "docs/security.md" in policy
    assert "## Report a problem" in policy
    assert "SECURITY.md" in PAGE.read_text()
    assert "SECURITY.md" in (ROOT / "README.md").read_text()
