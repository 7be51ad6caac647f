"""Leases that the git hook took in advance: what uses them, and who takes them over."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from composeports.core.lease import ComposeInvocation, Lease
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.errors import NoLeaseError, NoPortsAvailableError, StoreBusyError
from composeports.host.session_lock_file import hold
from composeports.paths import session_lock
from composeports.stores.base import Decide
from composeports.stores.sqlite.store import SqliteStore
from composeports.usecases.allocate import allocate
from composeports.usecases.lease import read_lease, renew_lease
from composeports.usecases.release import release_lease
from composeports.usecases.reserve import preview_lease, reserve_lease
from composeports.usecases.session import Session
from composeports.usecases.status import environment, url
from tests.support.fakes import FakeMachine

pytestmark = pytest.mark.integration


def in_hook(session: Session) -> Session:
    return replace(session, is_hook=True)


def lease_by_hook(machine: FakeMachine, folder: Path) -> Lease:
    """Lease ports for a folder as the git hook does, a minute after all before."""
    machine.clock.pass_minutes(1)
    return allocate(in_hook(machine.session(cwd=folder)))


def held(machine: FakeMachine) -> dict[str, bool]:
    """Return the sessions that hold a lease, lowest block first, and whether each is unused."""
    leases = machine.store.held()
    return {Path(lease.place.directory).name: lease.unused for lease in leases}


@pytest.fixture
def full(machine: FakeMachine, folders: list[Path]) -> FakeMachine:
    """Return a machine whose three blocks the hook has leased for one, two and three."""
    for folder in folders[:3]:
        lease_by_hook(machine, folder)
    assert held(machine) == {"one": True, "two": True, "three": True}
    return machine


def taken_from(folder: Path) -> str:
    return (
        f"no block of ports was free, so {folder.name} ({folder}) gave way: the git hook leased "
        "its ports, and no command used them; its next `composeports up` takes new ports"
    )


# What uses a lease


def _plan(lease: Lease, _: StoreSnapshot) -> Lease:
    return lease._replace(stack=ComposeInvocation(files=("/w/compose.yaml",)))


USES: dict[str, Callable[[Session], object]] = {
    "allocate": allocate,
    "up": lambda session: reserve_lease(session, (), _plan),
    "env": environment,
    "url": lambda session: url(session, "db"),
    "ps": renew_lease,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_the_first_command_uses_the_lease(
    machine: FakeMachine, folders: list[Path], use: Callable[[Session], object]
) -> None:
    before = lease_by_hook(machine, folders[0])
    assert before.unused
    use(machine.session(cwd=folders[0]))
    (after,) = machine.store.held()
    assert not after.unused
    assert (after.block, after.allocated_at) == (before.block, before.allocated_at)


def test_what_only_looks_does_not_use_it(machine: FakeMachine, folders: list[Path]) -> None:
    lease_by_hook(machine, folders[0])
    preview_lease(machine.session(cwd=folders[0]), (), _plan)
    assert held(machine) == {"one": True}


def test_the_hook_leaves_a_lease_as_it_is(machine: FakeMachine, folders: list[Path]) -> None:
    lease_by_hook(machine, folders[0])
    lease_by_hook(machine, folders[0])
    assert held(machine) == {"one": True}
    allocate(machine.session(cwd=folders[0]))
    lease_by_hook(machine, folders[0])
    assert held(machine) == {"one": False}


def test_a_session_that_had_ended_and_comes_back_by_the_hook_is_unused(
    machine: FakeMachine, folders: list[Path]
) -> None:
    allocate(machine.session(cwd=folders[0]))
    release_lease(machine.session(cwd=folders[0]))
    lease_by_hook(machine, folders[0])
    assert held(machine) == {"one": True}


def test_a_command_that_fails_has_used_the_lease(full: FakeMachine, folders: list[Path]) -> None:
    def fail(lease: Lease, _: StoreSnapshot) -> Lease:
        raise NoLeaseError(f"for {lease.project}")

    with pytest.raises(NoLeaseError):
        reserve_lease(full.session(cwd=folders[1]), (), fail)
    assert held(full) == {"one": True, "two": False, "three": True}


# Who gives way


def test_when_it_is_full_the_oldest_gives_way_and_is_named(
    full: FakeMachine, folders: list[Path]
) -> None:
    renew_lease(full.session(cwd=folders[0]))
    lease = allocate(full.session(cwd=folders[3]))
    assert held(full) == {"one": False, "four": False, "three": True}
    assert full.said == [taken_from(folders[1])]
    with pytest.raises(NoLeaseError):
        environment(full.session(cwd=folders[1]))
    # Its next `up` takes the block of the next one.
    again = reserve_lease(full.session(cwd=folders[1]), ())
    assert again.block != lease.block
    assert held(full) == {"one": False, "four": False, "two": False}
    assert full.said[1:] == [taken_from(folders[2])]
    with pytest.raises(NoPortsAvailableError):
        allocate(full.session(cwd=folders[2]))


def test_the_lock_file_of_a_session_that_gave_way_is_removed(
    full: FakeMachine, folders: list[Path]
) -> None:
    """But not if a killed command left work for the next one."""
    one, two = (full.session(cwd=folder) for folder in folders[:2])
    lock_files = [
        Path(session_lock(session.context.environ, session.expected_project_name(session.record())))
        for session in (one, two)
    ]
    assert [file.exists() for file in lock_files] == [True, True]
    lock_files[1].write_text("4194304\nup")
    allocate(full.session(cwd=folders[3]))
    (five := folders[3].with_name("five")).mkdir()
    allocate(full.session(cwd=five))
    assert list(held(full)) == ["four", "five", "three"]
    assert [file.exists() for file in lock_files] == [False, True]


def test_a_plan_shows_the_block_and_takes_it_from_nobody(
    full: FakeMachine, folders: list[Path]
) -> None:
    assert preview_lease(full.session(cwd=folders[3]), (), _plan).block.start == 20000
    assert held(full) == {"one": True, "two": True, "three": True}
    assert full.said == []


def test_a_worktree_that_is_gone_gives_way_first(full: FakeMachine, folders: list[Path]) -> None:
    folders[2].rmdir()
    allocate(full.session(cwd=folders[3]))
    assert held(full) == {"one": True, "two": True, "four": False}
    assert full.said == []


def test_a_lease_that_has_expired_gives_way_in_silence(
    full: FakeMachine, folders: list[Path]
) -> None:
    full.clock.pass_minutes(28.5)
    allocate(full.session(cwd=folders[3]))
    assert held(full) == {"four": False, "two": True, "three": True}
    assert full.said == []


@pytest.mark.parametrize("state", ["running", "exited", "created"])
def test_a_session_with_a_container_does_not_give_way(
    full: FakeMachine, folders: list[Path], state: str
) -> None:
    full.engine.add(full.store.held()[0].project, state=state)
    allocate(full.session(cwd=folders[3]))
    assert held(full) == {"one": True, "four": False, "three": True}


def test_without_an_engine_that_answers_nobody_gives_way(
    full: FakeMachine, folders: list[Path]
) -> None:
    full.engine.away = True
    with pytest.raises(NoPortsAvailableError):
        allocate(full.session(cwd=folders[3]))
    assert held(full) == {"one": True, "two": True, "three": True}


def test_who_is_at_work_does_not_give_way(full: FakeMachine, folders: list[Path]) -> None:
    session = full.session(cwd=folders[3])
    path = session_lock(session.context.environ, full.store.held()[0].project)
    with hold(path, "up", 0, lambda _: None) as lock:
        assert lock is not None
        allocate(session)
    assert held(full) == {"one": True, "four": False, "three": True}


def test_a_block_that_something_else_uses_goes_back_to_its_session(
    full: FakeMachine, folders: list[Path]
) -> None:
    full.ports.used = {(20000, "tcp")}
    allocate(full.session(cwd=folders[3]))
    assert held(full) == {"one": True, "four": False, "three": True}
    assert full.said == [
        "something else uses port 20000/tcp: trying another block",
        taken_from(folders[1]),
    ]


def test_when_no_block_can_be_used_everybody_has_his_own_again(
    full: FakeMachine, folders: list[Path]
) -> None:
    full.ports.used = {(start, "tcp") for start in (20000, 20010, 20020)}
    with pytest.raises(NoPortsAvailableError) as told:
        allocate(full.session(cwd=folders[3]))
    assert held(full) == {"one": True, "two": True, "three": True}
    assert full.store.get(str(folders[3])) is None
    assert not [line for line in full.said if "gave way" in line]
    assert "max_sessions" in told.value.hint


def test_the_hook_takes_no_lease_from_anybody(full: FakeMachine, folders: list[Path]) -> None:
    with pytest.raises(NoPortsAvailableError):
        lease_by_hook(full, folders[3])
    assert held(full) == {"one": True, "two": True, "three": True}


def test_the_hook_still_takes_what_has_expired(full: FakeMachine, folders: list[Path]) -> None:
    full.clock.pass_minutes(28)
    assert lease_by_hook(full, folders[3]).unused
    assert held(full) == {"four": True, "two": True, "three": True}


# At the same time


def test_allocate_takes_another_block_if_its_own_is_taken_at_that_moment(
    full: FakeMachine, folders: list[Path]
) -> None:
    session = full.session(cwd=folders[0])
    record = session.record()
    assert record is not None
    assert record.held
    allocate(full.session(cwd=folders[3]))
    assert allocate(session).block.start == 20010
    assert held(full) == {"four": False, "one": False, "three": True}


def test_allocate_takes_another_block_if_its_own_is_taken_while_it_has_the_lock(
    full: FakeMachine, folders: list[Path]
) -> None:
    """A session on another machine does not see the session lock."""
    session = full.session(cwd=folders[0])
    update, lease = full.store.update, full.store.held()[0]

    def put(changed: Lease) -> None:
        update(lease.session_id, lambda _: StoreUpdate(changed))

    def lose_it_first(session_id: str, decide: Decide, **options: float | None) -> StoreUpdate:
        patch.setattr(full.store, "update", update)
        put(lease.released())
        return update(session_id, decide, **options)

    put(lease.released())
    assert session.record() == lease.released()
    put(lease)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(full.store, "update", lose_it_first)
        assert allocate(session).block == lease.block
    assert held(full) == {"one": False, "two": True, "three": True}


@contextmanager
def locked(path: Path) -> Iterator[Callable[[], None]]:
    """Hold SQLite's write lock until the block ends, or until what it gives is called."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other.rollback


def test_the_first_command_waits_until_the_lease_counts_as_used(
    machine: FakeMachine, folders: list[Path], tmp_path: Path
) -> None:
    """Otherwise the ports that it prints may be another session's."""
    path = tmp_path / "leases.sqlite3"
    ends: list[Callable[[], None]] = []

    def waits(_: str) -> None:
        while ends:
            ends.pop()()

    with ExitStack() as stack:
        machine.store = stack.enter_context(closing(SqliteStore(path, waiting=waits)))
        lease_by_hook(machine, folders[0])
        ends.append(stack.enter_context(locked(path)))
        assert not read_lease(machine.session(cwd=folders[0])).unused
        assert held(machine) == {"one": False}


def test_a_store_that_stays_locked_is_an_error_for_the_first_command_alone(
    machine: FakeMachine, folders: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "leases.sqlite3"
    with closing(SqliteStore(path, wait_seconds=0.5)) as machine.store:
        lease_by_hook(machine, folders[0])
        with locked(path), pytest.raises(StoreBusyError):
            read_lease(machine.session(cwd=folders[0]))
        read_lease(machine.session(cwd=folders[0]))
        with locked(path):
            assert read_lease(machine.session(cwd=folders[0])).block.start == 20000


# A record that another program wrote


def test_an_unsound_record_gives_way_and_stops_nobody(
    machine: FakeMachine, folders: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "leases.sqlite3"
    with closing(SqliteStore(path)) as machine.store:
        for folder in folders[:3]:
            lease_by_hook(machine, folder)
        with closing(sqlite3.connect(path)) as other, other:
            other.execute(
                "UPDATE leases SET memory = replace(memory, '\"ports\": {}', '\"ports\": [7]')"
                " WHERE start = 20000"
            )
        assert allocate(machine.session(cwd=folders[3])).block.start == 20000
        assert held(machine) == {"four": False, "two": True, "three": True}
        (said,) = machine.said
        assert said.startswith("warning: ")
        assert "damaged record" in said
