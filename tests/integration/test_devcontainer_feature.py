"""The dev container feature: its document, and install.sh with a python3 that records its calls."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.harness.program import Done, run, write_program
from tests.support.recipes import recipe

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
FEATURE = ROOT / "templates/devcontainer/composeports"
# What the schema of the specification allows in a document and in an option of the type string.
ALLOWED = {
    *("id", "version", "name", "description", "documentationURL", "licenseURL", "options"),
    *("installsAfter", "containerEnv", "mounts", "customizations", "postCreateCommand"),
}
OF_OPTION = {"type", "default", "description", "proposals"}
# `python3 -m venv FOLDER` makes a pip that records its words, and the three programs.
PYTHON = """
echo "$*" >> "{at}/calls"
[ "$1" = -m ] || exit {version}
mkdir -p "$3/bin"
printf '#!/bin/sh\\necho "pip $*" >> "{at}/calls"\\n' > "$3/bin/pip"
for name in composeports compose-up compose-down; do
  printf '#!/bin/sh\\necho "%s runs"\\n' "$name" > "$3/bin/$name"
done
/bin/chmod +x "$3/bin/"*
"""


def document() -> dict[str, object]:
    found: dict[str, object] = json.loads((FEATURE / "devcontainer-feature.json").read_text())
    return found


def install(at: Path, options: Mapping[str, str], version_check: int = 0) -> Done:
    """Run install.sh as a dev container does, with everything below a folder."""
    script = PYTHON.format(at=at, version=version_check)
    write_program(at / "path/python3", script)
    environ = {"PATH": f"{at}/path:/usr/bin:/bin", "PREFIX": str(at / "prefix"), **options}
    return run("/bin/sh", FEATURE / "install.sh", cwd=at, environ=environ)


def calls(at: Path) -> list[str]:
    path = at / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_the_document_has_the_form_of_the_specification() -> None:
    found = document()
    assert set(found) <= ALLOWED
    assert found["id"] == FEATURE.name
    assert re.fullmatch(r"\d+\.\d+\.\d+", str(found["version"]))
    options = found["options"]
    assert isinstance(options, dict)
    for option in options.values():
        assert set(option) <= OF_OPTION
        assert option["type"] == "string"
        assert isinstance(option["default"], str)


def test_the_script_reads_each_option() -> None:
    text = (FEATURE / "install.sh").read_text()
    options = document()["options"]
    assert isinstance(options, dict)
    assert all(f"${{{name.upper()}:-" in text for name in options)
    assert run("/bin/sh", "-n", FEATURE / "install.sh").code == 0


@pytest.mark.parametrize(
    ("options", "requirement"),
    [
        ({}, "composeports"),
        ({"VERSION": "latest", "EXTRAS": ""}, "composeports"),
        ({"VERSION": "1.2.0"}, "composeports==1.2.0"),
        ({"EXTRAS": "http,mcp", "VERSION": "1.2.0rc1"}, "composeports[http,mcp]==1.2.0rc1"),
    ],
)
def test_the_feature_installs_the_program(
    tmp_path: Path, options: dict[str, str], requirement: str
) -> None:
    for _ in range(2):  # a second build of the image
        done = install(tmp_path, options)
        assert done.code == 0, done.err
    assert calls(tmp_path)[-1] == f"pip install --no-cache-dir {requirement}"
    for name in ("composeports", "compose-up", "compose-down"):
        assert run(tmp_path / "prefix/bin" / name).out == f"{name} runs\n"


@pytest.mark.parametrize(
    "options", [{"VERSION": "1 --index-url x"}, {"EXTRAS": "mcp] x"}, {"VERSION": "$(id)"}]
)
def test_nothing_else_reaches_pip(tmp_path: Path, options: dict[str, str]) -> None:
    assert install(tmp_path, options).code == 1
    assert calls(tmp_path) == []


def test_an_old_python_is_told(tmp_path: Path) -> None:
    done = install(tmp_path, {}, version_check=1)
    assert done.code == 1
    assert "Python 3.11 or newer is needed" in done.err
    assert not (tmp_path / "prefix").exists()


def test_the_example_uses_the_feature_with_options_that_it_has() -> None:
    """docs/agents.md shows a devcontainer.json."""
    text = recipe("docs/agents.md", "Dev containers").files[".devcontainer/devcontainer.json"]
    features = json.loads(text)["features"]
    options = document()["options"]
    assert isinstance(options, dict)
    assert set(features["./composeports"]) <= set(options)
    after = document()["installsAfter"]
    assert isinstance(after, list)
    assert {name.partition(":")[0] for name in features if name[0] != "."} <= set(after)
