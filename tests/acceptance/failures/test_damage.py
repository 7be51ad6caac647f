"""Full, read-only and network disks, and a store that is damaged while a stack runs.

The other damages of docs/damage.md are in tests/integration/stores/test_damage.py.
"""

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.failures.conftest import WEB
from tests.harness.disks import small_disk
from tests.harness.program import Done, output, start
from tests.harness.session import MakeRepository, Repository, Session
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

NETWORK_DISK = Path(__file__).parents[2] / "support" / "network_disk.py"


def fill(folder: Path) -> Path:
    """Leave no space on a disk; return the file that takes it."""
    stuffing = folder / "stuffing"
    with stuffing.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    return stuffing


def names_until_full(folder: Path) -> Iterator[Path]:
    """Make empty files until the disk has room for none."""
    for number in itertools.count():
        path = folder / f"stuffing-{number}"
        try:
            path.touch()
        except OSError:
            return
        yield path


def error_of(done: Done) -> dict[str, str]:
    assert done.code == 78, f"{done.out}{done.err}"
    assert "Traceback" not in done.err
    error: dict[str, str] = done.error
    return error


@pytest.fixture
def repository(make_repository: MakeRepository) -> Repository:
    return make_repository({"compose.yaml": WEB})


def test_a_full_state_directory_starts_nothing_and_loses_nothing(
    repository: Repository, environ: dict[str, str]
) -> None:
    one, two = repository.main, repository.worktree("two")
    with small_disk(Path(environ["COMPOSEPORTS_STATE_DIR"]), "512k") as state:
        url = one.json("up")["urls"]["web:80/tcp"]
        ids = one.ids()
        stuffing = fill(state)
        for words in (("up",), ("allocate",)):
            error = error_of(two.run(*words, "--json"))
            assert "space" in error["message"] + error["hint"], error
        assert not (two.directory / ".composeports").exists()
        assert (one.ids(), bool(page(url))) == (ids, True)
        refused = one.run("release", "--json").document["error"]
        assert refused["code"] == "stack_left"
        assert one.ok("env")
        assert one.ok("url", "web").strip() == url
        error_of(one.run("down", "--json", "-t", "0"))
        assert one.resources_of() == [], "the stack is taken away"
        assert [row["state"] for row in one.json("status")] == ["stopped"]
        stuffing.unlink()
        assert [row["current"] for row in one.leases()] == [True], "the lease is kept"
        assert one.json("down", "-t", "0")["released"]
        assert one.resources_of() == []
        assert two.json("up")["ports"]
        two.ok("down", "-t", "0")


def test_down_needs_no_file_of_its_own_on_a_full_disk(
    repository: Repository, environ: dict[str, str]
) -> None:
    """Neither a lock nor SQLite's own files can be made."""
    one, state = repository.main, Path(environ["COMPOSEPORTS_STATE_DIR"])
    with small_disk(state, "512k,nr_inodes=64"):
        one.ok("up")
        for lock in (state / "locks").iterdir():
            lock.unlink()
        (state / "locks").rmdir()
        stuffing = [*names_until_full(state)]
        error_of(one.run("down", "--json", "-t", "0"))
        assert one.resources_of() == []
        assert [row["state"] for row in one.json("status")] == ["stopped"]
        for path in stuffing:
            path.unlink()
        assert one.json("down", "-t", "0")["released"]


def test_a_full_worktree_starts_nothing_and_leases_nothing(
    repository: Repository, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "64k") as disk:
        (disk / "compose.yaml").write_text(WEB)
        here = Session(disk, repository.main.environ)
        stuffing = fill(disk)
        error = error_of(here.run("up", "--json"))
        assert error["code"] == "file_access"
        assert "No space left" in error["message"]
        assert here.leases() == []
        assert here.resources_of() == []
        stuffing.unlink()
        assert here.json("up")["ports"]
        fill(disk)
        assert here.json("down", "-t", "0")["released"], "giving back needs no space"
        assert here.resources_of() == []


def test_a_state_directory_that_became_read_only_is_told(
    web: Session, environ: dict[str, str]
) -> None:
    with small_disk(Path(environ["COMPOSEPORTS_STATE_DIR"]), "1m") as state:
        web.ok("up")
        ids = web.ids()
        output("mount", "-o", "remount,ro", state)
        for command in ("up", "release"):
            error = error_of(web.run(command, "--json"))
            assert "read-only" in error["message"].lower(), error
        assert [row["state"] for row in web.json("status")] == ["running"]
        assert "API_PORT=" in web.ok("env")
        assert web.ids() == ids
        output("mount", "-o", "remount,rw", state)
        assert web.json("down", "-t", "0")["released"]


@pytest.fixture
def network_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder on what the kernel calls a network file system."""
    folder = tmp_path / "far"
    folder.mkdir()
    with start(sys.executable, NETWORK_DISK, folder, cwd="/", environ=os.environ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        if server.stdout.readline() != "mounted\n":
            pytest.fail(f"this test mounts a FUSE file system, as root: {server.stderr.read()}")
        try:
            yield folder
        finally:
            output("umount", "--lazy", folder)
            server.kill()


def test_a_network_file_system_is_refused_before_anything_is_made(
    web: Session, network_disk: Path
) -> None:
    there = Session(web.directory, {**web.environ, "COMPOSEPORTS_STATE_DIR": str(network_disk)})
    for command in ("up", "allocate"):
        error = error_of(there.run(command, "--json"))
        assert "network file system (fuse.sshfs)" in error["message"]
        assert "COMPOSEPORTS_STATE_DIR" in error["hint"]
    assert os.listdir(network_disk) == []
    assert not (web.directory / ".composeports").exists()
    done = there.run("doctor", "--json")
    assert done.code == 1
    found = done.document["findings"]
    assert ["fuse.sshfs" in each["what"] for each in found if each["check"] == "store"] == [True]
    assert web.json("up")["ports"]


def damage(store: Path) -> None:
    data = bytearray(store.read_bytes())
    data[4096:] = b"\xa5" * len(data[4096:])
    store.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "garbage": damage,
    "truncated": lambda store: os.truncate(store, 5000),
    "shared with everybody": lambda store: store.parent.chmod(0o777),
}


@pytest.mark.parametrize("act", DAMAGES.values(), ids=DAMAGES)
def test_a_store_that_is_damaged_under_a_running_stack_costs_the_stack_nothing(
    web: Session, act: Callable[[Path], None]
) -> None:
    url = web.json("up")["urls"]["web:80/tcp"]
    ids = web.ids()
    state = web.state
    store = state / "leases.sqlite3"
    whole = store.read_bytes()
    act(store)
    broken = store.read_bytes()
    for command in ("up", "status", "down", "release"):
        assert error_of(web.run(command, "--json"))["code"] == "store_unusable"
    assert web.run("env").code == 78
    assert store.read_bytes() == broken
    assert (web.ids(), bool(page(url))) == (ids, True)
    for each in state.glob("leases.sqlite3-*"):
        each.unlink()
    state.chmod(0o700)
    store.write_bytes(whole)
    assert web.json("down", "-t", "0")["released"]
    assert web.resources_of() == []


@pytest.mark.parametrize("what", ["gone", "garbage"])
def test_a_lost_log_costs_what_was_not_in_the_file_yet_and_no_port(
    repository: Repository, what: str
) -> None:
    """What a killed machine may leave: the last leases are forgotten, their stacks are seen."""
    one, two = repository.main, repository.worktree("two")
    state = one.state
    two.ok("allocate")
    two.ok("release")
    store = state / "leases.sqlite3"
    before = store.read_bytes()
    url = one.json("up")["urls"]["web:80/tcp"]
    ids = one.ids()
    store.write_bytes(before)
    if what == "garbage":
        (state / "leases.sqlite3-wal").write_bytes(b"\xa5" * 8192)
    assert one.leases() == []
    assert one.run("doctor").code == 1
    other = two.json("up")["urls"]["web:80/tcp"]
    assert other != url
    assert bool(page(url))
    assert one.json("up")["urls"]["web:80/tcp"] == url
    assert one.ids() == ids
    for each in (one, two):
        assert each.json("down", "-t", "0")["released"]
