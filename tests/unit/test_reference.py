"""The generated pages of docs/ are up to date, and every section has a text."""

import ast
import re
from pathlib import Path

import click
import pytest

from composeports.cli.root import PASSED_THROUGH, root
from composeports.core.plan.rules.registry import RULES
from composeports.core.settings_schema import KEYS, fields_of
from composeports.errors import ComposeportsError
from docskit import failures, picture, settings
from docskit.rule_texts import TABLE
from reference import DOCS, pages

ROOT = DOCS.parent
LINK = re.compile(r"\]\(([^)\s]+)\)")
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
NAMING = [*WRITTEN, ROOT / "SECURITY.md"]
SKILLS = sorted((ROOT / "skills").rglob("*.md"))
TOP = "composeports|tests|scripts|benchmarks|docs|skills|openspec|templates"
LAYERS = "cli|core|docker|host|pytest_plugin|servers|stores|usecases"
PATH = re.compile(rf"(?<![\w./-])(?:(?:{TOP})/[\w./-]*\w/?|(?:{LAYERS})/[\w/]+\.py)")
# Options of Docker Compose that the pages show with `up` and `down`.
OF_COMPOSE = {"--build", "--volumes", "--wait"}
PLACEHOLDER = re.compile(r"[A-Z]{4}")
RULE_FILES = sorted((ROOT / "composeports/core/plan/rules").glob("*.py"))


@pytest.mark.parametrize("path", list(pages()), ids=lambda path: path.name)
def test_a_page_is_as_the_program_says(path: Path) -> None:
    assert path.read_text() == pages()[path], f"{path.name} is stale: make reference"


def test_every_code_has_a_text_that_somebody_wrote() -> None:
    codes = [each.code for each in failures.failures()]
    assert len(set(codes)) == len(codes)
    texts = failures.written((DOCS / "troubleshooting.md").read_text())
    assert list(texts) == codes
    unwritten = [code for code, text in texts.items() if len(text) < 80 or "To be written" in text]
    assert unwritten == []


def test_a_new_code_would_have_a_section_to_be_written() -> None:
    assert failures.written(failures.page(""))["no_lease"] == failures.UNWRITTEN


def test_what_was_written_stays() -> None:
    text = failures.page("").replace(failures.UNWRITTEN, "First.\n\n- Second.", 1)
    assert failures.page(text) == text


@pytest.mark.parametrize("code", ["port_taken", "port_privileged"])
def test_the_page_says_when_a_started_stack_is_removed(code: str) -> None:
    """`StartAttempts._undo` keeps a stack that had containers before."""
    text = " ".join(failures.written((DOCS / "troubleshooting.md").read_text())[code].split())
    assert (
        "If the stack had no containers before this `up`, everything that this `up` started is "
        "removed, except volumes, and the lease is released. Otherwise stack and lease are kept."
    ) in text


def codes_in_the_source() -> set[str]:
    """Return the code of every class and every document that reports a failure."""
    found: set[str] = set()
    for path in (ROOT / "composeports").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found |= set(_codes_of(node))
            if isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                found |= {
                    value.value
                    for key, value in pairs
                    if isinstance(key, ast.Constant)
                    and key.value == "code"
                    and isinstance(value, ast.Constant)
                    and isinstance(value.value, str)
                }
    return found - {ComposeportsError.code}


def _codes_of(node: ast.ClassDef) -> list[str]:
    return [
        each.value.value
        for each in node.body
        if isinstance(each, ast.Assign)
        and isinstance(each.value, ast.Constant)
        and isinstance(each.value.value, str)
        and [target.id for target in each.targets if isinstance(target, ast.Name)] == ["code"]
    ]


def test_no_code_of_the_source_is_missing() -> None:
    found = codes_in_the_source()
    assert {"no_lease", "usage", "compose_failed", "command_not_started"} <= found
    assert found - {each.code for each in failures.failures()} == set()


def test_every_variable_that_the_source_reads_is_told() -> None:
    source = "".join(path.read_text() for path in (ROOT / "composeports").rglob("*.py"))
    read = set(re.findall(r"\b(?:COMPOSEPORTS|PORT_ALLOC)_[A-Z_]{2,}[A-Z]\b", source))
    told = set(re.findall(r"`((?:COMPOSEPORTS|PORT_ALLOC)_[A-Z_]+)`", settings.page()))
    assert read - told == set()


def test_every_key_of_the_settings_file_is_told() -> None:
    assert {key for key, _ in fields_of(KEYS)} == set(settings.KEYS_IN_WORDS)
    assert settings.unset_fields() == set()


def test_every_rule_is_in_the_table_once_with_words() -> None:
    assert len(set(RULES)) == len(RULES)
    assert tuple(rule for rule, _, _ in TABLE) == RULES
    assert all(rows and all(found and done for found, done in rows) for _, _, rows in TABLE)


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_the_kinds_of_change_are_those_that_the_rules_make(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = [node for node in calls if isinstance(node.func, ast.Name) and node.func.id == "Change"]
    kinds = {
        value.value
        for node in named
        for value in (*node.args[:1], *(each.value for each in node.keywords if each.arg == "kind"))
        if isinstance(value, ast.Constant)
    }
    module = f"composeports.core.plan.rules.{path.stem}"
    told = {kind for rule, kinds, _ in TABLE if rule.__module__ == module for kind in kinds}
    assert kinds <= told
    if path.stem != "environment":  # it works the kind out
        assert kinds == told


def test_the_picture_shows_the_table_of_status() -> None:
    shown = (DOCS / "images" / "status.svg").read_text()
    for word in ("composeports", "Session", "shop-search", "2/2", "running", "gone"):
        assert word in shown
        assert word in picture.svg()
    assert "https://" not in re.sub(r"<!--.*?-->", "", shown)


def anchors_of(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return set(plain)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    broken = []
    for link in LINK.findall(path.read_text()):
        name, _, anchor = link.partition("#")
        target = path if not name else (path.parent / name)
        if "://" in link:
            continue
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


def missing_paths(text: str) -> list[str]:
    """Return the paths of this repository that a page names and that do not exist.

    A path may be relative to `composeports/`. A name in capitals (`rules/NAME.py`) is a blank.
    """
    named = {path for path in PATH.findall(text) if not PLACEHOLDER.search(path)}
    return sorted(
        path
        for path in named
        if not any((folder / path).exists() for folder in (ROOT, ROOT / "composeports"))
    )


# The page about another repository names paths of that repository.
OF_ANOTHER = DOCS / "agent-coordinator.md"


@pytest.mark.parametrize(
    "path", [path for path in NAMING if path != OF_ANOTHER], ids=lambda path: path.name
)
def test_every_path_that_a_page_names_exists(path: Path) -> None:
    assert missing_paths(path.read_text()) == []


def test_a_path_that_does_not_exist_would_be_found() -> None:
    text = "`usecases/fly.py`, `usecases/up.py`, `tests/unit/`, `tests/fly/`, `.composeports/x.py`"
    assert missing_paths(text) == ["tests/fly/", "usecases/fly.py"]
    assert missing_paths("`composeports/cli/NAME.py`, `composeports/fly.py`") == [
        "composeports/fly.py"
    ]


def calls_in(text: str) -> list[list[str]]:
    """Return the words of every call of composeports in the shell examples and in the text."""
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL)
    blocks = [re.sub(r"^psql .*$", "", block, flags=re.MULTILINE) for block in blocks]
    found = re.findall(r"(?:^|[$(\s])composeports ([^#|)\n]*)", "\n".join(blocks), re.MULTILINE)
    found += re.findall(
        r"`composeports ([^`\n|)]*)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    )
    return [call.replace('"', "").split() for call in found if call.strip()]


def unknown_words(call: list[str]) -> list[str]:
    """Return what a call says that the program does not know: its command, and its options."""
    context = click.Context(root)
    command: click.Command | None = root.get_command(context, call[0])
    words = call[1:]
    if isinstance(command, click.Group) and (words or not command.invoke_without_command):
        command = command.get_command(context, words[0]) if words else None
    if command is None:
        return call[:2]
    known = {name for each in command.params for name in each.opts}
    if command.context_settings.get("ignore_unknown_options"):
        known |= OF_COMPOSE
    if call[0] in PASSED_THROUGH:
        return []
    own = words[: words.index("--")] if "--" in words else words
    return [word for word in own if word.startswith("--") and word.partition("=")[0] not in known]


@pytest.mark.parametrize("path", [*NAMING, *SKILLS], ids=lambda path: path.name)
def test_the_commands_of_the_examples_exist(path: Path) -> None:
    calls = [call for call in calls_in(path.read_text()) if call[0][0].islower()]
    assert [call for call in calls if unknown_words(call)] == []


def test_a_command_that_does_not_exist_would_be_found() -> None:
    assert calls_in("```sh\ncomposeports fly --high   # up\n```") == [["fly", "--high"]]
    assert calls_in("Run `composeports fly --low`.") == [["fly", "--low"]]
    assert unknown_words(["fly"]) == ["fly"]
    assert unknown_words(["up", "--wait", "--high"]) == ["--high"]
    assert unknown_words(["down-all"]) == ["down-all"]
    assert unknown_words(["gc", "--dry-run", "--all"]) == ["--all"]
    assert unknown_words(["hook", "install"]) == []
    assert unknown_words(["logs", "-f", "web"]) == []
