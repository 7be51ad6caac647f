"""Run the console blocks of README and docs/ in order, and compare the output."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.program import output
from tests.harness.repository import make_repository
from tests.support.console import Console, console_steps, run

pytestmark = pytest.mark.e2e

README = Path(__file__).parents[2] / "README.md"
DOCS = README.parent / "docs"
PAGES = ["shell.md", "leases.md"]
PLAN = "plan.md"
FIRST_HOUR = "first-hour.md"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the README's repository, and take down whatever its commands leave up."""
    monkeypatch.setenv("COMPOSEPORTS_STATE_DIR", str(tmp_path / "state"))
    steps = dict(console_steps(README.read_text()))
    repository = make_repository(tmp_path / "shop", {"compose.yaml": steps["cat compose.yaml"]})
    yield repository
    for name in ("shop-login", "shop-search"):
        if (tmp_path / name).is_dir():
            run("composeports down -v -t 0", tmp_path / name, os.environ)


def test_the_readme_shows_what_happens(shop: Path) -> None:
    shows_what_happens(README, shop, shop)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_the_docs_shows_what_happens(shop: Path, page: str) -> None:
    worktree = shop.parent / "shop-login"
    run(f"git worktree add -q {worktree}", shop, os.environ)
    shows_what_happens(DOCS / page, worktree, shop)


def test_the_page_about_plans_shows_what_happens(shop: Path) -> None:
    steps = dict(console_steps((DOCS / PLAN).read_text()))
    (shop / "compose.yaml").write_text(steps["cat compose.yaml"])
    shows_what_happens(DOCS / PLAN, shop, shop)


def shows_what_happens(page: Path, cwd: Path, shop: Path) -> None:
    console = Console(cwd, shop.parent, os.environ)
    console.run_steps(page.read_text())
    console.assert_shown()


def test_the_readme_has_steps_to_run() -> None:
    commands = [command for command, _ in console_steps(README.read_text())]
    assert "composeports up" in commands
    assert "composeports down" in commands


def test_all_pages_with_steps_are_run() -> None:
    with_steps = {path.name for path in DOCS.rglob("*.md") if "```console" in path.read_text()}
    assert with_steps == {*PAGES, PLAN, FIRST_HOUR}


def test_the_python_example_of_the_docs_runs() -> None:
    text = (DOCS / "python.md").read_text()
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert example is not None
    said = output(sys.executable, "-c", example[1])
    assert said.splitlines()[0].startswith("20000 ac-")
    assert "export API_PORT=20003" in said
