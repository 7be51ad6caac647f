"""The shipped skills: valid, short, without port numbers, and with identical copies."""

import re
from pathlib import Path

import pytest
from skills_ref import read_properties, validate  # type: ignore[import-untyped]

from composeports.usecases.skills.files import bundled_skills
from composeports.usecases.skills.policy import MARKER, with_marker

ROOT = Path(__file__).parents[3]
SKILLS = ROOT / "skills"
FOLDERS = [".claude/skills", ".codex/skills", ".gemini/skills"]
NAMES = ["composeports", "validate-feature"]
# A port that is written down; the default of a variable, `:-3000`, is none.
WRITTEN_PORT = re.compile(r"(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]):\d")


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("folder", ["skills", *FOLDERS])
def test_they_pass_the_validator_of_the_format(folder: str, name: str) -> None:
    assert validate(ROOT / folder / name) == []


def test_these_are_all_that_are_shipped() -> None:
    assert sorted(bundled_skills()) == NAMES
    assert sorted(path.name for path in SKILLS.iterdir()) == NAMES


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("name", NAMES)
def test_the_copies_in_this_repository_are_what_is_shipped(folder: str, name: str) -> None:
    assert files_of(ROOT / folder / name) == with_marker(files_of(SKILLS / name))


@pytest.mark.parametrize("folder", ["skills", *FOLDERS])
def test_no_port_is_written_down(folder: str) -> None:
    texts = {name: data.decode() for name, data in files_of(ROOT / folder).items()}
    assert texts != {}
    assert [name for name, text in texts.items() if WRITTEN_PORT.search(text)] == []


def test_a_written_port_would_be_found() -> None:
    assert WRITTEN_PORT.search("curl http://localhost:3000/")
    assert not WRITTEN_PORT.search("http://localhost:${AGENT_COORDINATOR_REST_PORT:-3000}/")


def test_the_instructions_are_short() -> None:
    lengths = {name: len((SKILLS / name / "SKILL.md").read_text().splitlines()) for name in NAMES}
    assert lengths["composeports"] < 60
    assert lengths["validate-feature"] < 500


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_is_linked_is_there(name: str) -> None:
    for path in (SKILLS / name).rglob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            assert (path.parent / link).is_file(), f"{path.name} links {link}"


def test_urls_and_raw_compose_calls_use_the_variables() -> None:
    text = (SKILLS / "validate-feature/SKILL.md").read_text()
    assert "http://localhost:${AGENT_COORDINATOR_REST_PORT:-3000}/" in text
    for name in ("DB", "REST", "REALTIME"):
        variable = f"AGENT_COORDINATOR_{name}_PORT"
        assert f'{variable}="${variable}"' in text
    assert "docker compose up" not in text


def test_the_descriptions_say_what_for_and_when() -> None:
    for name in NAMES:
        assert "Use " in read_properties(SKILLS / name).description


def test_the_marker_is_not_a_file_that_is_shipped() -> None:
    assert all(MARKER not in files for files in bundled_skills().values())
