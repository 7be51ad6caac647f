"""Wheel and source distribution have all needed files and correct metadata."""

import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import composeports
from composeports.usecases.skills.files import bundled_skills
from tests.harness.program import must_run, output
from tests.support.wheels import offline

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)]
    output(*argv, environ=offline())
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.mark.parametrize("name", ["docker-compose.yml", "ci/github.yml", "ci/gitlab.yml"])
def test_the_wheel_carries_the_templates(wheel: zipfile.ZipFile, name: str) -> None:
    packed = wheel.read(f"composeports/_data/templates/{name}")
    assert packed == (ROOT / "templates" / name).read_bytes()


def test_the_wheel_carries_the_skills_and_nothing_else_beside_them(wheel: zipfile.ZipFile) -> None:
    inside = "composeports/_data/skills/"
    packed = {name.removeprefix(inside) for name in wheel.namelist() if name.startswith(inside)}
    shipped = bundled_skills().items()
    assert packed == {f"{skill}/{name}" for skill, files in shipped for name in files}


def test_an_installed_wheel_installs_the_skills(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "site")
    (tmp_path / "work").mkdir()
    argv = [sys.executable, "-m", "composeports", "skills", "install"]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    output(*argv, cwd=tmp_path / "work", environ=environ)
    for skill, files in bundled_skills().items():
        for name, data in files.items():
            assert (tmp_path / "work/.claude/skills" / skill / name).read_bytes() == data


def test_an_installed_wheel_explains_every_error_code(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    """As docs/troubleshooting.md does, without the checkout beside it."""
    wheel.extractall(tmp_path / "site")
    argv = [sys.executable, "-m", "composeports", "explain", "no_ports_available"]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = must_run(*argv, cwd=tmp_path, environ=environ)
    assert done.out.startswith("no_ports_available\n\nExit code 75. ")


def test_the_wheel_carries_the_docs_and_says_where(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "site")
    packed = tmp_path / "site/composeports/_data/docs"
    for page in (ROOT / "docs").rglob("*.md"):
        assert (packed / page.relative_to(ROOT / "docs")).read_bytes() == page.read_bytes()
    argv = [sys.executable, "-m", "composeports", "explain"]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = must_run(*argv, cwd=tmp_path, environ=environ)
    assert done.err == f"the other pages of the docs: {packed}\n"


def test_the_wheel_carries_the_page(wheel: zipfile.ZipFile) -> None:
    for name in ("page.html", "page.css", "page.js", "page.svg"):
        packed = wheel.read(f"composeports/servers/dashboard/{name}")
        assert packed == (ROOT / "composeports/servers/dashboard" / name).read_bytes()


def test_the_wheel_carries_the_type_marker_and_every_module(wheel: zipfile.ZipFile) -> None:
    packed = set(wheel.namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "composeports").rglob("*.py")}
    assert {"composeports/py.typed", *modules} <= packed


def test_the_wheel_has_the_three_commands_and_the_version(wheel: zipfile.ZipFile) -> None:
    info = f"composeports-{composeports.__version__}.dist-info"
    scripts = wheel.read(f"{info}/entry_points.txt").decode()
    scripts, _, plugins = scripts.partition("[pytest11]\n")
    assert plugins.strip() == "composeports = composeports.pytest_plugin"
    names = {line.split(" = ")[0] for line in scripts.splitlines() if " = " in line}
    assert names == {"composeports", "compose-up", "compose-down"}


def test_the_source_distribution_has_the_skills_once(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    output(*argv, cwd=ROOT)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert {"pyproject.toml", "SECURITY.md", "composeports/__main__.py"} <= names
    assert [name for name in sorted(names) if name.endswith("SKILL.md")] == [
        f"skills/{skill}/SKILL.md" for skill in sorted(bundled_skills())
    ]
    assert [name for name in names if name.startswith((".claude", ".codex", ".gemini"))] == []
