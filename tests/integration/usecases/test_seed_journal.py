"""Records of copies: leftovers of a killed process are found, no two processes share a record."""

import fcntl
import os
import signal
import threading
from pathlib import Path

import pytest

from composeports.errors import FileAccessError, UnsafeFileError
from composeports.host.record_file import is_on_record
from composeports.host.signals import DeferredSignals, signals_kept_back
from composeports.usecases.seed.journal import CopyEntry, hold_lock, hold_record
from tests.harness.waits import HANG
from tests.support.engine_server import Answer, answering, way_to
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

BEGUN = CopyEntry("token", "session", "ac-1", ("one", "two"))


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "seeding" / "ac-1")


def test_what_was_begun_is_there_until_it_is_cleared(path: str) -> None:
    with hold_record(path) as record:
        assert record is not None
        assert record.read() is None
        record.write(BEGUN)
    with hold_record(path) as record:
        assert record is not None
        assert record.read() == BEGUN
        record.clear()
        assert record.read() is None
    assert not Path(path).exists()


def test_the_last_whole_line_counts_and_a_torn_one_does_not(path: str) -> None:
    later = CopyEntry("token", "session", "ac-1", ("three",))
    with hold_record(path) as record:
        assert record is not None
        record.write(BEGUN)
        record.write(later)
    with Path(path).open("a", encoding="utf-8") as file:
        file.write('\n{"token": "tok')
    with hold_record(path) as record:
        assert record is not None
        assert record.read() == later
        record.write(BEGUN)
        assert record.read() == BEGUN


def test_a_record_that_somebody_holds_is_not_given_out(path: str) -> None:
    with hold_record(path) as first, hold_record(path) as second:
        assert first is not None
        assert second is None
    with hold_record(path) as again:
        assert again is not None


def test_a_lock_is_waited_for_and_its_file_is_gone_at_the_end(path: str) -> None:
    waiting = threading.Event()
    seen: list[str] = []

    def second() -> None:
        with hold_lock(path, waiting.set):
            seen.append("second")

    other = threading.Thread(target=second)
    with hold_lock(path, waiting.set):
        other.start()
        assert waiting.wait(HANG)
        seen.append("first")
    other.join()
    assert seen == ["first", "second"]
    assert not Path(path).exists()


def test_a_lock_ends_with_its_process(path: str) -> None:
    child = os.fork()
    if not child:
        Path(path).parent.mkdir()
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        fcntl.flock(file, fcntl.LOCK_EX)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert Path(path).exists()
    with hold_record(path) as record:
        assert record is not None


def test_a_state_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "seeding").write_text("")
    with pytest.raises(FileAccessError, match="cannot write"), hold_record(f"{tmp_path}/seeding/x"):
        pass


# The owner of a record


OTHER = 12345
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@needs_root
def test_a_record_of_another_user_is_none_and_is_not_written(path: str) -> None:
    with hold_record(path) as record:
        assert record is not None
        record.write(BEGUN)
        assert is_on_record(path)
        os.chown(path, OTHER, -1)
        assert not is_on_record(path)
        assert record.read() is None
        written = Path(path).read_bytes()
        with pytest.raises(FileAccessError, match="another user's"):
            record.write(BEGUN)
        assert Path(path).read_bytes() == written


def test_a_link_to_another_record_is_none(path: str) -> None:
    with hold_record(path) as record:
        assert record is not None
        record.write(BEGUN)
        Path(f"{path}-link").symlink_to(path)
        os.chown(f"{path}-link", OTHER, -1, follow_symlinks=False)
        assert not is_on_record(f"{path}-link")
    with pytest.raises(UnsafeFileError, match="symbolic link"), hold_record(f"{path}-link"):
        pass


def repaired(
    shell: Shell, docker: FakeDocker, *command: str, finished: bool, owner: int
) -> list[str]:
    """Run a command with a record of a copy, and return the engine's removals of volumes."""
    user = shell.using(docker)
    assert user.run("allocate").code == 0
    (row,) = user.run("status", "--json").document
    project = row["compose_project_name"]
    file = shell.state / "seeding" / project
    with hold_record(str(file)) as record:
        assert record is not None
        begun = CopyEntry("token", "session", project)
        record.write(begun)
        if finished:
            record.finish(begun)
    os.chown(file, owner, -1)
    volume = {"Name": "half-copied", "Driver": "local", "Labels": {"composeports.seed": "token"}}
    path = shell.state.parent / "engine.sock"
    docker.run_before("dial", way_to(path))
    answers: dict[str, Answer] = {
        "GET /volumes": lambda request: request.say({"Volumes": [volume]}),
        "GET /": lambda request: request.say([]),
        "DELETE /": lambda request: request.say(None, 204),
    }
    with answering(path, answers) as requests:
        assert user.run(*command).code == 0
    return [path for method, path, _ in requests if method == "DELETE"]


def test_down_removes_the_volumes_of_a_copy_that_did_not_end(
    shell: Shell, docker: FakeDocker
) -> None:
    assert repaired(shell, docker, "down", finished=False, owner=-1) == ["/volumes/half-copied"]


def test_a_dry_run_removes_nothing(shell: Shell, docker: FakeDocker) -> None:
    (shell.cwd / "compose.yaml").write_text("services: {}\n")
    command = ("up", "--dry-run")
    assert repaired(shell, docker, *command, finished=False, owner=-1) == []


def test_a_finished_copy_is_never_repaired(shell: Shell, docker: FakeDocker) -> None:
    assert repaired(shell, docker, "down", finished=True, owner=-1) == []


@needs_root
def test_no_command_removes_volumes_by_a_record_of_another_user(
    shell: Shell, docker: FakeDocker
) -> None:
    assert repaired(shell, docker, "down", finished=False, owner=OTHER) == []


# Signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_wait_for_a_place_that_lets_them_in(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    done: list[str] = []

    def work(signals: DeferredSignals) -> None:
        os.kill(os.getpid(), number)
        done.append("whole")
        with signals.let_in():
            done.append("never")

    def guarded() -> None:
        with signals_kept_back() as signals:
            work(signals)

    with pytest.raises(KeyboardInterrupt):
        guarded()
    assert done == ["whole"]
    assert signal.getsignal(number) == before


def test_a_signal_that_nothing_let_in_interrupts_at_the_end() -> None:
    def guarded() -> None:
        with signals_kept_back():
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        guarded()
