"""Files are copied between checkouts whole, once, with their mode, and through no link."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from composeports.host import checkout_files
from composeports.host.checkout_files import NotCopiedError
from tests.harness.waits import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def main(tmp_path: Path) -> Path:
    (tmp_path / "main").mkdir()
    return tmp_path / "main"


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    (tmp_path / "worktree").mkdir()
    return tmp_path / "worktree"


def copy(main: Path, worktree: Path, path: str) -> bool:
    return checkout_files.copy_file(str(main), str(worktree), path)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o4711, 0o2750, 0o1600, 0o400])
def test_a_copy_keeps_its_content_and_mode(main: Path, worktree: Path, mode: int) -> None:
    (main / "a/b").mkdir(parents=True)
    (main / "a").chmod(0o700)
    (main / "a/b/.env").write_bytes(b"x\0y" * 100_000)
    (main / "a/b/.env").chmod(mode)
    assert copy(main, worktree, "a/b/.env")
    assert (worktree / "a/b/.env").read_bytes() == b"x\0y" * 100_000
    assert stat.S_IMODE((worktree / "a/b/.env").stat().st_mode) == mode & 0o777
    assert stat.S_IMODE((worktree / "a").stat().st_mode) == 0o700
    assert sorted(os.listdir(worktree / "a/b")) == [".env"]


@pytest.mark.parametrize("there", ["file", "link", "dangling", "folder"])
def test_what_is_there_is_never_replaced(main: Path, worktree: Path, there: str) -> None:
    (main / ".env").write_text("main's")
    (worktree / "other").write_text("mine")
    match there:
        case "file":
            (worktree / ".env").write_text("mine")
        case "link":
            (worktree / ".env").symlink_to("other")
        case "dangling":
            (worktree / ".env").symlink_to("nowhere")
        case _:
            (worktree / ".env").mkdir()
    assert not checkout_files.is_missing(str(worktree), ".env")
    assert not copy(main, worktree, ".env")
    assert (worktree / "other").read_text() == "mine"
    assert not (worktree / "nowhere").exists()
    assert (worktree / ".env").is_symlink() == (there in {"link", "dangling"})


def test_a_link_on_the_way_is_not_followed(main: Path, worktree: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/secret").write_text("secret")
    (main / "config").mkdir()
    (main / "config/a").write_text("a")
    (main / "to").symlink_to(tmp_path / "elsewhere")
    (main / "file").symlink_to("/etc/passwd")
    (worktree / "config").symlink_to(tmp_path / "elsewhere")
    assert not checkout_files.is_missing(str(worktree), "config/a")
    for path in ("config/a", "to/secret", "file"):
        with pytest.raises(NotCopiedError):
            copy(main, worktree, path)
    assert os.listdir(tmp_path / "elsewhere") == ["secret"]
    assert os.listdir(worktree) == ["config"]
    assert not checkout_files.is_folder(str(main), "to")
    with pytest.raises(NotCopiedError):
        checkout_files.link_folder(str(main), str(worktree), "to")


def test_a_pipe_is_not_waited_for(main: Path, worktree: Path) -> None:
    os.mkfifo(main / "pipe")
    with pytest.raises(NotCopiedError, match="named pipe"):
        copy(main, worktree, "pipe")
    with pytest.raises(NotCopiedError, match="is gone"):
        copy(main, worktree, "nothing")
    assert os.listdir(worktree) == []


def test_a_folder_is_linked_once(main: Path, worktree: Path) -> None:
    (main / "a/models").mkdir(parents=True)
    assert checkout_files.link_folder(str(main), str(worktree), "a/models")
    assert (worktree / "a/models").readlink() == main / "a/models"
    assert not checkout_files.link_folder(str(main), str(worktree), "a/models")
    (main / "file").touch()
    with pytest.raises(NotCopiedError):
        checkout_files.link_folder(str(main), str(worktree), "file")


def test_of_many_copies_at_once_one_is_made(main: Path, worktree: Path) -> None:
    (main / ".env").write_bytes(b"x" * (1 << 20))
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda: results.append(copy(main, worktree, ".env")))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(True) == 1
    assert len(results) == 16
    assert (worktree / ".env").stat().st_size == 1 << 20
    assert os.listdir(worktree) == [".env"]


def test_a_part_of_a_killed_copy_is_not_taken_for_the_file(main: Path, worktree: Path) -> None:
    (main / ".env").write_text("whole")
    (worktree / checkout_files.TEMPORARY).write_text("who")
    folder = os.open(worktree, os.O_RDONLY)

    def fill(number: int) -> None:
        os.write(number, b"whole")

    try:
        assert checkout_files.write_named(folder, ".env", fill)
        assert not checkout_files.write_named(folder, ".env", lambda _number: None)
    finally:
        os.close(folder)
    assert (worktree / ".env").read_text() == "whole"
    assert os.listdir(worktree) == [".env"]


NAMED = "checkout_files._write_unnamed = checkout_files.write_named\n"
KILLED = """
import signal, sys
from composeports.host import checkout_files
{named}
def stop(*_):
    print("half", flush=True)
    signal.pause()  # until the test kills it
def half(source, target, size):
    import os
    os.write(target, b"half")
    stop()
checkout_files.copy_data = half
checkout_files.copy_file(sys.argv[1], sys.argv[2], ".env")
"""


@pytest.mark.parametrize("named", ["", NAMED])
def test_a_kill_leaves_no_half_file(main: Path, worktree: Path, named: str) -> None:
    (main / ".env").write_text("whole")
    script = KILLED.format(named=named)
    argv = (sys.executable, "-c", script, str(main), str(worktree))
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.send_signal(signal.SIGKILL)
    assert not (worktree / ".env").exists()
    assert checkout_files.is_missing(str(worktree), ".env")
    assert os.listdir(worktree) == ([checkout_files.TEMPORARY] if named else [])
    assert copy(main, worktree, ".env")
    assert (worktree / ".env").read_text() == "whole"


def test_a_large_file_is_copied_up_to_the_size_that_was_counted(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(3 << 20))
    numbers = os.open(source, os.O_RDONLY), os.open(target, os.O_RDWR | os.O_CREAT)
    checkout_files.copy_data(*numbers, size=2 << 20)
    for number in numbers:
        os.close(number)
    assert target.read_bytes() == source.read_bytes()[: 2 << 20]


def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    source = os.open(tmp_path, os.O_RDWR | os.O_TMPFILE)
    os.write(source, b"x" * 5000)
    full = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="No space") as raised:
        checkout_files.copy_data(source, full, 5000)
    assert raised.value.errno == errno.ENOSPC
    os.close(full)
    os.close(source)


def test_one_process_at_a_time_copies_into_a_worktree(worktree: Path) -> None:
    done = threading.Event()
    entered = threading.Event()

    def second() -> None:
        entered.set()
        with checkout_files.alone_in(str(worktree)):
            done.set()

    with checkout_files.alone_in(str(worktree)):
        thread = threading.Thread(target=second)
        thread.start()
        wait_until(entered.is_set, "the second one")
        assert not done.is_set()
    thread.join()
    assert done.is_set()
