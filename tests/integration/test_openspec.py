"""The specifications pass the official validator, and each scenario names a test that exists."""

import ast
import json
import re
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.harness.program import OUTSIDE, Done, finish, start

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "openspec.py"
SPECS = ROOT / "openspec" / "specs"
CHANGE = ROOT / "openspec" / "changes" / "add-port-allocator"
CAPABILITIES = sorted(path.parent.name for path in SPECS.glob("*/spec.md"))


def openspec(*words: str, cwd: Path = ROOT) -> Done:
    return finish(start(sys.executable, SCRIPT, *words, cwd=cwd, environ=OUTSIDE))


def scenarios(text: str) -> list[tuple[str, str]]:
    """Return the title and the body of every scenario."""
    parts = re.split(r"^#### Scenario: ", text, flags=re.MULTILINE)[1:]
    found = [part.partition("\n") for part in parts]
    return [(title, re.split(r"^#", body, flags=re.MULTILINE)[0]) for title, _, body in found]


def named_by(body: str) -> list[str]:
    """Return the tests that a scenario names."""
    lines = re.findall(r"^- \*\*TEST\*\* (.+)$", body, re.MULTILINE)
    return [name for line in lines for name in re.findall(r"`([^`]+)`", line)]


@cache
def defined(path: str) -> frozenset[str]:
    """Return the test functions of a file, which is read and not imported."""
    file = ROOT / path
    tree = ast.parse(file.read_text()) if file.is_file() else ast.Module([], [])
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(each.name for each in tree.body if isinstance(each, functions))


def exists(test: str) -> bool:
    path, _, name = test.partition("::")
    return name.startswith("test_") and name in defined(path)


def test_the_change_is_valid_strictly() -> None:
    done = openspec("validate", "add-port-allocator", "--strict", "--json")
    assert done.code == 0, done.out + done.err
    (item,) = json.loads(done.out)["items"]
    assert (item["id"], item["valid"], item["issues"]) == ("add-port-allocator", True, [])


def test_all_specifications_are_valid_strictly() -> None:
    done = openspec("validate", "--all", "--strict", "--json")
    assert done.code == 0, done.out + done.err
    items = json.loads(done.out)["items"]
    assert {item["id"] for item in items} == {"add-port-allocator", *CAPABILITIES}
    assert [item for item in items if item["issues"]] == []


def test_a_requirement_without_a_scenario_would_be_refused(tmp_path: Path) -> None:
    folder = tmp_path / "openspec" / "changes" / "bad"
    (folder / "specs" / "ports").mkdir(parents=True)
    (folder / "proposal.md").write_text((CHANGE / "proposal.md").read_text())
    text = (CHANGE / "specs" / CAPABILITIES[0] / "spec.md").read_text()
    (folder / "specs/ports/spec.md").write_text(text.partition("#### ")[0])
    assert openspec("validate", "bad", "--strict", cwd=tmp_path).code == 1


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_each_scenario_names_tests_that_exist(capability: str) -> None:
    found = scenarios((SPECS / capability / "spec.md").read_text())
    assert found != []
    assert [title for title, body in found if not named_by(body)] == []
    missing = [test for _, body in found for test in named_by(body) if not exists(test)]
    assert missing == []


@pytest.mark.parametrize(
    "test", ["tests/unit/core/test_ports.py::test_of_nothing", "no/file.py::test_a"]
)
def test_a_test_that_is_missing_would_be_found(test: str) -> None:
    assert named_by(f"- **THEN** it is\n- **TEST** `{test}`\n") == [test]
    assert not exists(test)


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_the_change_adds_what_the_specifications_say(capability: str) -> None:
    added = (CHANGE / "specs" / capability / "spec.md").read_text()
    assert added.replace("## ADDED Req", "## Req") == (SPECS / capability / "spec.md").read_text()


def test_the_change_has_nothing_else_and_all_its_tasks_are_done() -> None:
    assert sorted(path.name for path in (CHANGE / "specs").iterdir()) == CAPABILITIES
    assert "- [ ]" not in (CHANGE / "tasks.md").read_text()
    proposal = (CHANGE / "proposal.md").read_text()
    assert re.findall(r"^- `([a-z-]+)`:", proposal, re.MULTILINE) != []
    assert set(re.findall(r"^- `([a-z-]+)`:", proposal, re.MULTILINE)) == set(CAPABILITIES)
