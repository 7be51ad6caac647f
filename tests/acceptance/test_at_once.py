"""Several commands in one worktree at the same instant run one after the other."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.engine import docker
from tests.harness.program import Done, write_program
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session
from tests.harness.store import change_store, expire_leases
from tests.harness.waits import page, wait_until
from tests.support.compose_gate import around_compose_up
from tests.support.machine import finished

pytestmark = pytest.mark.e2e

SHOP = stack({"web": {"ports": ["8080:80"]}, "db": {"ports": ["5432:80"]}})
MORE = stack(
    {"web": {"ports": ["8080:80"]}, "db": {"ports": ["5433:80"]}, "store": {"ports": ["9090:80"]}}
)


@pytest.fixture
def one(make_repository: MakeRepository) -> Session:
    return make_repository({"compose.yaml": SHOP}).worktree("one")


Begin = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begin(environ: dict[str, str]) -> Iterator[Begin]:
    """Start `composeports` somewhere without waiting for it; it has ended when the test ends."""
    del environ  # which takes down what was started, after this
    begun: list[subprocess.Popen[str]] = []

    def start(session: Session, *arguments: str) -> "subprocess.Popen[str]":
        begun.append(session.start(*arguments))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        with process:
            pass


def line_of(process: "subprocess.Popen[str]") -> str:
    """Return the next line that the program says."""
    assert process.stderr is not None
    return process.stderr.readline()


@contextmanager
def slow_docker(session: Session, folder: Path, word: str) -> Iterator[Path]:
    """Let `docker compose ... WORD` wait for a file that is created at the end; yield a mark.

    The mark is there as soon as it waits.
    """
    mark, go = folder / "waits", folder / "go"
    real = shutil.which("docker")
    write_program(
        folder / "docker",
        f'case " $* " in *" compose "*" {word} "*) if [ ! -e {go} ]; then\n'
        f"touch {mark}; while [ ! -e {go} ]; do sleep 0.05; done; fi;; esac\n"
        f'exec {real} "$@"',
    )
    path = session.environ["PATH"]
    session.environ["PATH"] = f"{folder}{os.pathsep}{path}"
    try:
        yield mark
    finally:
        go.touch()
        session.environ["PATH"] = path


def check_running(session: Session) -> None:
    assert set(session.published()) == {"web-1:80/tcp", "db-1:80/tcp"}
    assert session.row["state"] == "running"
    ports = {name.replace("-1", ""): port for name, port in session.published().items()}
    assert session.row["ports"] == ports
    assert page(session.ok("url", "web").strip())


def test_two_ups_at_the_same_instant_converge_on_one_stack(one: Session, begin: Begin) -> None:
    for done in [finished(each) for each in [begin(one, "up") for _ in range(3)]]:
        assert done.code == 0, done.err
        assert "another block" not in done.err
    check_running(one)


def test_an_up_that_waited_sees_the_file_as_it_is_then(
    one: Session, begin: Begin, tmp_path: Path
) -> None:
    with slow_docker(one, tmp_path / "slow", "up") as waits:
        first = begin(one, "up")
        wait_until(waits.exists, "the first up at work")
        (one.directory / "compose.yaml").write_text(MORE)
        second = begin(one, "up")
        said = line_of(second)
        assert "`composeports up`, process " in said
        assert "waiting for its end" in said
    assert finished(first).code == 0
    assert finished(second).code == 0
    assert set(one.published()) == {"web-1:80/tcp", "db-1:80/tcp", "store-1:80/tcp"}
    assert {f"{key.replace(':', '-1:')}": port for key, port in one.row["ports"].items()} == (
        one.published()
    )


def test_up_and_down_at_the_same_instant_leave_what_the_next_command_repairs(
    one: Session,
    begin: Begin,
) -> None:
    one.ok("up")
    for _ in range(3):
        both = [begin(one, "up"), begin(one, "down", "-t", "0")]
        assert [finished(each).code for each in both] == [0, 0]
        assert bool(one.row) == bool(one.resources_of("container network"))
    one.ok("up")
    check_running(one)
    one.ok("down", "-t", "0")
    assert one.resources_of() == []
    assert one.json("status") == []


def test_a_killed_up_whose_compose_works_on_is_waited_for(
    one: Session, begin: Begin, tmp_path: Path
) -> None:
    with slow_docker(one, tmp_path / "slow", "up") as waits:
        first = begin(one, "up")
        wait_until(waits.exists, "the first up at work")
        first.kill()
        first.wait()
        refused = one.run("release", "--json")
        assert refused.code == 75
        assert '"session_busy"' in refused.out
        second = begin(one, "up")
        line_of(second)
        assert second.poll() is None
    assert finished(second).code == 0
    check_running(one)


def test_who_waits_can_be_interrupted(one: Session, begin: Begin, tmp_path: Path) -> None:
    with slow_docker(one, tmp_path / "slow", "up") as waits:
        first = begin(one, "up")
        wait_until(waits.exists, "the first up at work")
        second = begin(one, "up")
        line_of(second)
        second.send_signal(signal.SIGINT)
        assert finished(second).code == 130
    assert finished(first).code == 0
    check_running(one)


def test_down_ends_the_compose_of_an_up_that_lasts(
    one: Session, begin: Begin, tmp_path: Path
) -> None:
    with slow_docker(one, tmp_path / "slow", "up") as waits:
        first = begin(one, "up")
        wait_until(waits.exists, "the first up at work")
        done = one.must_run("down", "-t", "0")
        assert "is still running, and is stopped first" in done.err
        assert finished(first).code != 0
    assert one.json("status") == []
    assert one.resources_of() == []
    one.ok("up")
    check_running(one)


@pytest.mark.parametrize("command", ["up", "down"])
def test_what_a_killed_up_has_left_at_work_is_ended(
    one: Session, begin: Begin, tmp_path: Path, command: str
) -> None:
    with slow_docker(one, tmp_path / "slow", "up") as waits:
        first = begin(one, "up")
        wait_until(waits.exists, "the first up at work")
        one.environ["PATH"] = one.environ["PATH"].partition(os.pathsep)[2]
        orphans = children_of(first.pid)
        assert orphans
        first.kill()  # no process waits for it yet, so it is a zombie
        done = one.must_run(command)
        assert "what a killed `composeports up` had started" in done.err
        assert not [each for each in orphans if is_alive(each)]
    if command == "up":
        check_running(one)
    else:
        assert one.json("status") == []
        assert one.resources_of() == []


def test_a_lease_is_kept_where_what_works_cannot_be_ended(
    one: Session, begin: Begin, tmp_path: Path
) -> None:
    with slow_docker(one, tmp_path / "slow", "up") as waits:
        first = begin(one, "up")
        wait_until(waits.exists, "the first up at work")
        first.send_signal(signal.SIGSTOP)
        done = one.run("down", "-t", "0", "--json")
        first.send_signal(signal.SIGCONT)
        assert done.code == 75, done.err
        assert done.error["code"] == "session_busy"
        assert finished(first).code != 0


def children_of(pid: int) -> list[int]:
    """Return the processes that one has started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in text.split()]


def is_alive(pid: int) -> bool:
    """Return True if a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_up_whose_lease_was_released_meanwhile_takes_it_again(
    one: Session, tmp_path: Path
) -> None:
    """As `down` of an earlier version, which ran in parallel with a running `up`."""

    def release(count: int) -> None:
        if count == 1:
            change_store(one.state, "UPDATE leases SET held = 0")

    with around_compose_up(one.environ, tmp_path / "bin", lambda _count: None, release):
        done = one.run("up")
    assert done.code == 0, done.err
    assert "the lease was released in the meantime: taking it again" in done.err
    check_running(one)


def test_an_up_that_a_down_ended_says_how_it_stands(one: Session, tmp_path: Path) -> None:
    downs: list[Done] = []

    def go_down(count: int) -> None:
        if count == 1:
            downs.append(one.run("down", "-t", "0"))

    with around_compose_up(one.environ, tmp_path / "bin", lambda _count: None, go_down):
        done = one.run("up")
    assert [each.code for each in downs] == [0]
    assert done.code == 130, done.err
    assert "so the lease is kept" in done.err
    assert one.json("status") == []
    assert one.resources_of() == []


def test_an_expired_lease_is_kept_while_compose_has_not_started_anything_yet(
    make_repository: MakeRepository, begin: Begin, tmp_path: Path
) -> None:
    repository = make_repository({"compose.yaml": SHOP})
    one, two = repository.worktree("one"), repository.worktree("two")
    with slow_docker(one, tmp_path / "slow", "up") as waits:
        first = begin(one, "up")
        wait_until(waits.exists, "the first up at work")
        expire_leases(one.state)
        done = two.run("up", PORT_ALLOC_MAX_SESSIONS="1")
        assert done.code == 75, done.err
    assert finished(first).code == 0
    check_running(one)


def test_up_in_the_foreground_lets_other_commands_at_the_stack(one: Session, begin: Begin) -> None:
    attached = begin(one, "up", "--attach")
    wait_until(lambda: len(one.published()) == 2, "the stack")
    assert one.run("up").code == 0
    assert one.run("down", "-t", "0").code == 0
    finished(attached)
    assert one.resources_of() == []
    assert docker("ps", "--all", "--quiet", "--filter", f"name={one.project}") == ""
