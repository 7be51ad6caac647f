"""A folder is replaced by a link between check and write: no file is written elsewhere."""

import sys
from pathlib import Path

import pytest

from composeports.host.session_folder import OwnFolder
from composeports.usecases.hook.policy import OWN_SCRIPT, with_block
from composeports.usecases.link.env_file import put_in
from tests.harness.program import output
from tests.harness.repository import make_repository

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
SWAPPING = ROOT / "tests" / "support" / "swapping.py"
THEIRS = {".env": "theirs", "compose.override.yaml": "theirs", ".gitignore": "*\n"}


def elsewhere(directory: Path) -> Path:
    """Make a folder of another project, with files of the names that ours has."""
    folder = directory / "elsewhere"
    (folder / "ac-12345678").mkdir(parents=True)
    for name, text in THEIRS.items():
        (folder / name).write_text(text)
        (folder / "ac-12345678" / name).write_text(text)
    return folder


def content(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def swapped(directory: Path, action: str, step: int) -> int:
    """Do the action with a swap before one of its steps; return how many steps it has."""
    argv = (sys.executable, str(SWAPPING), action, str(step), str(directory))
    return int(output(*argv, cwd=ROOT))


def prepare(directory: Path, action: str) -> Path:
    directory.mkdir()
    if action != "write":
        OwnFolder(str(directory)).write(".env", "A=1\n")
    if action.endswith("below"):
        OwnFolder(str(directory), "ac-12345678").write(".env", "A=1\n")
    if "link" in action:
        (directory / ".env").write_text("MINE=1\n")
        put_in(str(directory), "ac-12345678", (("B", "1"),), {"PATH": ""})
    return elsewhere(directory)


@pytest.mark.parametrize(
    "action", ["write", "write-below", "remove", "remove-below", "link", "unlink"]
)
def test_a_swap_before_any_step_changes_nothing_elsewhere(tmp_path: Path, action: str) -> None:
    prepare(tmp_path / "counted", action)
    steps = swapped(tmp_path / "counted", action, 0)
    assert steps > 2
    for step in range(1, steps + 1):
        directory = tmp_path / f"{action}-{step}"
        other = prepare(directory, action)
        before = content(other)
        swapped(directory, action, step)
        assert content(other) == before, f"step {step} of {action}"
        assert sorted(path.name for path in other.iterdir()) == sorted([*THEIRS, "ac-12345678"])


HOOK = "post-checkout"
BESIDE = b"#!/bin/sh\necho theirs\n"


def prepare_hook(directory: Path, script: bytes) -> Path:
    """Make a repository with a hook, and a hook of another one elsewhere."""
    make_repository(directory)
    hook = directory / ".git" / "hooks" / HOOK
    hook.parent.mkdir(exist_ok=True)
    other = directory / "elsewhere" / HOOK
    other.parent.mkdir()
    for path, text in ((hook, script), (other, script or BESIDE)):
        if text:
            path.write_bytes(text)
            path.chmod(0o755)
    return other


@pytest.mark.parametrize(
    ("action", "script"),
    [
        ("hook-install", b""),
        ("hook-install", BESIDE),
        ("hook-uninstall", with_block(OWN_SCRIPT)),
        ("hook-uninstall", with_block(BESIDE)),
    ],
    ids=["new hook", "hook of the user", "own hook", "hook of the user with our block"],
)
def test_a_swap_of_the_hooks_folder_changes_no_hook_elsewhere(
    tmp_path: Path, action: str, script: bytes
) -> None:
    prepare_hook(tmp_path / "counted", script)
    steps = swapped(tmp_path / "counted", action, 0)
    assert steps > 2
    for step in range(1, steps + 1):
        directory = tmp_path / f"{action}-{step}"
        other = prepare_hook(directory, script)
        before = content(other.parent)
        swapped(directory, action, step)
        assert content(other.parent) == before, f"step {step} of {action}"
