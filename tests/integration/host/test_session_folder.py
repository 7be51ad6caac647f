"""The `.composeports` folder in the project directory, on a real file system."""

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from composeports.errors import FileAccessError
from composeports.host.session_folder import OwnFolder
from tests.harness.repository import git
from tests.support.hostile import named_pipe

pytestmark = pytest.mark.integration

ENV, OVERRIDE, MEMORY = ".env", "compose.override.yaml", "observed.json"


@pytest.fixture
def folder(tmp_path: Path) -> OwnFolder:
    return OwnFolder(str(tmp_path))


def names(folder: OwnFolder) -> list[str]:
    return sorted(os.listdir(folder.path))


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


# Writing and reading


def test_what_is_written_is_what_is_read(folder: OwnFolder) -> None:
    text = "A='x'\nB=\udcff 日本\r\n"
    folder.write(ENV, text)
    assert folder.read(ENV) == text


def test_nothing_is_read_before_it_is_written(folder: OwnFolder) -> None:
    assert folder.read(ENV) is None
    assert not os.path.exists(folder.path)


def test_files_are_for_their_owner_alone(folder: OwnFolder) -> None:
    before = os.umask(0)
    try:
        folder.write(ENV, "PASSWORD=x\n")
    finally:
        os.umask(before)
    assert mode(f"{folder.path}/{ENV}") == 0o600
    assert mode(folder.path) == 0o755


def test_git_sees_nothing_of_it(repository: Path) -> None:
    for below in ("", "ac-12345678"):
        own = OwnFolder(str(repository), below)
        own.write(ENV, "A=1\n")
        own.write(OVERRIDE, "services: {}\n")
    assert git(repository, "status", "--short", "--untracked-files=all") == ""
    assert git(repository, "add", "--all", "--dry-run") == ""


def test_the_same_text_again_is_not_written_again(folder: OwnFolder) -> None:
    folder.write(ENV, "A=1\n")
    before = os.stat(f"{folder.path}/{ENV}")
    folder.write(ENV, "A=1\n")
    after = os.stat(f"{folder.path}/{ENV}")
    # Not the time of the last access: it is read, to be compared.
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    folder.write(ENV, "A=2\n")
    assert os.stat(f"{folder.path}/{ENV}").st_ino != before.st_ino


def test_a_reader_never_sees_a_part(folder: OwnFolder) -> None:
    texts = {char * 200_000 for char in "ab"}
    folder.write(ENV, "a" * 200_000)
    seen: set[str | None] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(folder.read(ENV))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        for text in sorted(texts):
            folder.write(ENV, text)
    done.set()
    reader.join()
    assert seen <= texts


def test_a_file_that_is_open_keeps_its_old_text(folder: OwnFolder) -> None:
    folder.write(ENV, "old")
    with open(f"{folder.path}/{ENV}", encoding="utf-8") as file:
        folder.write(ENV, "new")
        assert file.read() == "old"
    assert folder.read(ENV) == "new"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    folder: OwnFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write(ENV, "old")

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileAccessError, match="No space left"):
        folder.write(ENV, "new")
    assert folder.read(ENV) == "old"
    assert names(folder) == [ENV, ".gitignore"]


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(
    folder: OwnFolder, tmp_path: Path
) -> None:
    folder.write(ENV, "A=1\n")
    target = tmp_path / "precious"
    target.write_text("precious")
    os.unlink(f"{folder.path}/{ENV}")
    os.symlink(target, f"{folder.path}/{ENV}")
    folder.write(ENV, "A=2\n")
    assert target.read_text() == "precious"
    assert not os.path.islink(f"{folder.path}/{ENV}")


# What is not ours


def link(path: Path) -> None:
    (path.parent / "elsewhere").mkdir()
    path.symlink_to(path.parent / "elsewhere")


def dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def file(path: Path) -> None:
    path.write_text("mine")


def others_folder(path: Path) -> None:
    path.mkdir()
    os.chown(path, 12345, 12345)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
FOREIGN = [link, dangling, file, named_pipe, pytest.param(others_folder, marks=needs_root)]


# A pipe that is opened as a file hangs.
@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", FOREIGN)
@pytest.mark.parametrize("below", ["", "ac-12345678"])
def test_what_composeports_did_not_make_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], None], below: str
) -> None:
    top = tmp_path / "project"
    top.mkdir()
    make(top / ".composeports")
    before = sorted(top.rglob("*"))
    folder = OwnFolder(str(top), below)
    with pytest.raises(FileAccessError) as told:
        folder.write(ENV, "A=1\n")
    folder.remove()
    assert str(top / ".composeports") in told.value.message
    assert told.value.hint
    assert sorted(top.rglob("*")) == before


# A pipe that is opened as a file hangs.
@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", FOREIGN)
def test_a_foreign_sub_folder_is_refused_too(tmp_path: Path, make: Callable[[Path], None]) -> None:
    OwnFolder(str(tmp_path)).write(ENV, "A=1\n")
    make(tmp_path / ".composeports" / "ac-12345678")
    folder = OwnFolder(str(tmp_path), "ac-12345678")
    with pytest.raises(FileAccessError, match="ac-12345678"):
        folder.write(ENV, "A=1\n")
    folder.remove()
    assert os.path.lexists(folder.path)


def test_a_folder_that_cannot_be_written_is_named(common_folder: Path) -> None:
    common_folder.chmod(0o555)
    with pytest.raises(FileAccessError) as told:
        OwnFolder(str(common_folder)).write(ENV, "A=1\n")
    assert told.value.message == f"cannot write {common_folder}/.composeports: Permission denied"
    common_folder.chmod(0o755)


def test_a_project_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="No such file"):
        OwnFolder(str(tmp_path / "gone")).write(ENV, "A=1\n")


# Removing


def test_removing_takes_all_that_was_written(folder: OwnFolder, tmp_path: Path) -> None:
    for name in (ENV, OVERRIDE, MEMORY):
        folder.write(name, "x")
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_removing_what_is_not_there_is_no_failure(folder: OwnFolder, tmp_path: Path) -> None:
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_somebody_else_stays_and_stays_ignored(folder: OwnFolder) -> None:
    folder.write(ENV, "A=1\n")
    foreign = [".env.bak", "notes.txt", ".env.12x.new", "notes.123.new"]
    for name in foreign:
        Path(folder.path, name).write_text("mine")
    folder.remove()
    assert names(folder) == sorted([*foreign, ".gitignore"])


def test_what_killed_writers_left_is_removed(folder: OwnFolder, tmp_path: Path) -> None:
    folder.write(ENV, "A=1\n")
    for name in (f"{ENV}.123.new", f"{OVERRIDE}.77.new", ".gitignore.9.new"):
        Path(folder.path, name).write_text("half")
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_sessions_with_a_name_do_not_take_each_other_s_files(tmp_path: Path) -> None:
    own, first, second = (OwnFolder(str(tmp_path), name) for name in ("", "ac-1", "ac-2"))
    for each in (own, first, second):
        each.write(ENV, each.path)
    first.remove()
    assert (own.read(ENV), first.read(ENV), second.read(ENV)) == (own.path, None, second.path)
    own.remove()
    assert second.read(ENV) == second.path
    second.remove()
    assert list(tmp_path.iterdir()) == []
