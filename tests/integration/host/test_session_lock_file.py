"""The session lock: one owner at a time, inherited by programs, released by the last process."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from composeports.errors import FileAccessError
from composeports.host import session_lock_file
from composeports.host.process import run_in_foreground
from composeports.host.session_lock_file import LockOwner, SessionLock, hold, holder, is_held
from tests.harness.waits import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state" / "locks" / "ac-12345678")


def nobody(who: LockOwner) -> None:
    pytest.fail(f"nobody should wait, but for {who}")


def test_a_lock_is_held_until_its_end_and_says_by_whom(path: str) -> None:
    assert not is_held(path)
    assert not os.path.exists(os.path.dirname(path))
    with hold(path, "up", 0, nobody) as lock:
        assert lock is not None
        assert is_held(path)
        assert holder(path) == LockOwner(os.getpid(), "up")
        assert str(holder(path)) == f"`composeports up`, process {os.getpid()}"
    assert not is_held(path)


def test_the_next_one_knows_what_was_not_ended(path: str) -> None:
    with hold(path, "down", 0, nobody) as first:
        assert first is not None
        assert first.previous_owner == LockOwner()
    with hold(path, "up", 0, nobody) as second:
        assert second is not None
        assert second.previous_owner == LockOwner(os.getpid(), "down")
        second.mark_finished()
    with hold(path, "up", 0, nobody) as third:
        assert third is not None
        assert third.previous_owner.command == ""


def test_who_does_not_wait_gets_nothing(path: str) -> None:
    with hold(path, "up", 0, nobody), hold(path, "gc", 0, nobody) as second:
        assert second is None
        assert holder(path).command == "up"


def test_who_waits_is_told_once_for_whom(path: str) -> None:
    told: list[LockOwner] = []
    with hold(path, "up", 0, nobody), hold(path, "down", 1.3, told.append) as second:
        assert second is None
    assert told == [LockOwner(os.getpid(), "up")]


def test_who_waits_gets_the_lock_when_it_is_free(path: str) -> None:
    first = SessionLock(path, "up")
    assert first.take(0, nobody)
    threading.Timer(0.2, first.release).start()
    with hold(path, "down", None, nobody) as second:
        assert second is not None
        assert holder(path).command == "down"


def test_who_waits_on_a_removed_file_makes_a_new_one(path: str) -> None:
    first = SessionLock(path, "down")
    assert first.take(0, nobody)

    def end() -> None:
        first.remove()
        first.release()

    threading.Timer(0.2, end).start()
    with hold(path, "up", None, nobody) as second:
        assert second is not None
        assert is_held(path)
    assert os.path.exists(path)


def test_a_program_that_inherits_the_lock_keeps_it_after_a_kill_for_a_while(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"""
import os, sys
from composeports.host.process import run_in_foreground
from composeports.host.session_lock_file import SessionLock
lock = SessionLock({path!r}, "up")
assert lock.take(0, print)
tell = "echo $$ > {tmp_path}/new && mv {tmp_path}/new {tmp_path}/pid"
program = ("sh", "-c", tell + "; exec sleep 60")
run_in_foreground(program, os.environ, pass_fds=(lock.descriptor,))
"""
    ours = subprocess.Popen((sys.executable, "-c", script))
    wait_until((tmp_path / "pid").exists, "the program")
    ours.kill()
    ours.wait()
    try:
        assert is_held(path)
        assert str(holder(path)) == "what a killed `composeports up` had started"
        with hold(path, "down", 0, nobody) as lock:
            assert lock is None
        monkeypatch.setattr(session_lock_file, "ORPHAN_SECONDS", 0.2)
        with hold(path, "up", None, nobody) as lock:
            assert lock is not None
            assert holder(path) == LockOwner(os.getpid(), "up")
        assert not is_held(path)
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_a_program_that_does_not_inherit_the_lock_does_not_keep_it(path: str) -> None:
    lock = SessionLock(path, "up")
    assert lock.take(0, nobody)
    held: list[bool] = []

    def while_running() -> None:
        lock.release()
        held.append(is_held(path))

    run_in_foreground(("sleep", "0.3"), os.environ, while_running=while_running)
    assert held == [False]


def test_a_lock_can_be_taken_again(path: str) -> None:
    lock = SessionLock(path, "up")
    assert lock.take(0, nobody)
    lock.release()
    lock.release()
    assert lock.descriptor == -1
    assert lock.take(0, nobody)
    assert is_held(path)
    lock.release()


def test_locks_are_the_users_own(path: str) -> None:
    with hold(path, "up", 0, nobody):
        assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


@pytest.mark.parametrize(("mode", "file"), [(0o2770, 0o660), (0o1777, 0o666)])
def test_locks_in_a_shared_state_directory_are_for_all_who_share_it(
    path: str, mode: int, file: int
) -> None:
    state = Path(path).parent.parent
    state.mkdir()
    state.chmod(mode)
    with hold(path, "up", 0, nobody):
        assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == mode
        assert stat.S_IMODE(os.stat(path).st_mode) == file


def test_a_lock_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(FileAccessError, match="cannot lock"),
        hold(str(tmp_path / "file" / "locks" / "ac-1"), "up", 0, nobody),
    ):
        pass


def test_a_link_in_the_place_of_a_lock_is_not_followed(path: str, tmp_path: Path) -> None:
    Path(path).parent.mkdir(parents=True)
    Path(path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileAccessError), hold(path, "up", 0, nobody):
        pass
    assert is_held(path)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("text", ["", "12", "twelve\nup\n", "\xff"])
def test_a_half_written_lock_file_names_nobody_or_a_process(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True)
    Path(path).write_text(text, encoding="latin-1")
    assert holder(path).pid in {0, 12}
    assert str(LockOwner()) == "another composeports"
