"""The wheel carries what the program needs, and the metadata says what is true."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import composeports

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_carries_the_template(wheel: zipfile.ZipFile) -> None:
    packed = wheel.read("composeports/_data/templates/docker-compose.yml")
    assert packed == (ROOT / "templates" / "docker-compose.yml").read_bytes()


def test_the_wheel_carries_the_type_marker_and_every_module(wheel: zipfile.ZipFile) -> None:
    packed = set(wheel.namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "composeports").rglob("*.py")}
    assert {"composeports/py.typed", *modules} <= packed


def test_the_wheel_has_the_three_commands_and_the_version(wheel: zipfile.ZipFile) -> None:
    info = f"composeports-{composeports.__version__}.dist-info"
    scripts = wheel.read(f"{info}/entry_points.txt").decode()
    names = {line.split(" = ")[0] for line in scripts.splitlines() if " = " in line}
    assert names == {"composeports", "compose-up", "compose-down"}
