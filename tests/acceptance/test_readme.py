"""Run the console blocks of README and docs/ in order, and compare the output."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.program import output
from tests.harness.repository import make_repository

pytestmark = pytest.mark.e2e

README = Path(__file__).parents[2] / "README.md"
DOCS = README.parent / "docs"
PAGES = ["shell.md", "leases.md"]
PLAN = "plan.md"
BASE = "31"  # The README shows ports from 10000; the test takes them from 31000.


def console_steps(page: Path = README) -> Iterator[tuple[str, str]]:
    """Yield every command of the console blocks with the output that the README shows."""
    for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = step.partition("\n")
            yield command, output


def numbered(text: str) -> str:
    """Replace project names by their order of appearance, since they are hashes of paths.

    The age of a lease is the time that the examples take.
    """
    text = re.sub(r"\b\d+ min( +\d+ min)$", r"0 min\1", text, flags=re.MULTILINE)
    names = list(dict.fromkeys(re.findall(r"ac-[0-9a-f]{8}", text)))
    for number, name in enumerate(names):
        text = text.replace(name, f"ac-{number:08}")
    return text


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the README's repository, and take down whatever its commands leave up."""
    monkeypatch.setenv("COMPOSEPORTS_STATE_DIR", str(tmp_path / "state"))
    steps = dict(console_steps())
    repository = make_repository(tmp_path / "shop", {"compose.yaml": steps["cat compose.yaml"]})
    yield repository
    for name in ("shop-login", "shop-search"):
        if (tmp_path / name).is_dir():
            run("composeports down -v -t 0", tmp_path / name)


def run(command: str, cwd: Path) -> tuple[str, Path]:
    """Run a command like a shell in `cwd`; return its stdout and the shell's new directory."""
    environ = {
        **os.environ,
        "PWD": str(cwd),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PORT_ALLOC_BASE": f"{BASE}000",
        "WEB_IMAGE": "composeports-dev/tiny:1",
        "DB_IMAGE": "composeports-dev/postgres:1",
    }
    script = f"{command}\ncode=$?\npwd >&3\nexit $code"
    read, write = os.pipe()
    argv = ["bash", "-c", f"exec 3>&{write}; {script}"]
    done = subprocess.run(
        argv, cwd=cwd, env=environ, capture_output=True, text=True, pass_fds=[write], check=False
    )
    os.close(write)
    with os.fdopen(read) as where:
        after = Path(where.read().strip())
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stderr}"
    return done.stdout, after


def test_the_readme_shows_what_happens(shop: Path) -> None:
    shows_what_happens(README, shop, shop)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_the_docs_shows_what_happens(shop: Path, page: str) -> None:
    worktree = shop.parent / "shop-login"
    run(f"git worktree add -q {worktree}", shop)
    shows_what_happens(DOCS / page, worktree, shop)


def test_the_page_about_plans_shows_what_happens(shop: Path) -> None:
    steps = dict(console_steps(DOCS / PLAN))
    (shop / "compose.yaml").write_text(steps["cat compose.yaml"])
    shows_what_happens(DOCS / PLAN, shop, shop)


def shows_what_happens(page: Path, cwd: Path, shop: Path) -> None:
    shown, said = "", ""
    for command, expected in console_steps(page):
        output, cwd = run(command, cwd)
        shown += f"$ {command}\n{expected.rstrip()}\n"
        output = re.sub(rf"\b{BASE}(\d{{3}})\b", r"10\1", output)
        said += f"$ {command}\n{output.replace(str(shop.parent), '/home/you').rstrip()}\n"
    assert squeezed(numbered(said)) == squeezed(numbered(shown))


def squeezed(text: str) -> str:
    """Make runs of blanks one, since column widths follow the length of the test's own paths."""
    return re.sub(r" {2,}", "  ", text)


def test_the_readme_has_steps_to_run() -> None:
    commands = [command for command, _ in console_steps()]
    assert "composeports up" in commands
    assert "composeports down" in commands


def test_all_pages_with_steps_are_run() -> None:
    with_steps = {path.name for path in DOCS.rglob("*.md") if "```console" in path.read_text()}
    assert with_steps == {*PAGES, PLAN}


def test_the_python_example_of_the_docs_runs() -> None:
    text = (DOCS / "python.md").read_text()
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert example is not None
    said = output(sys.executable, "-c", example[1])
    assert said.splitlines()[0].startswith("20000 ac-")
    assert "export API_PORT=20003" in said
