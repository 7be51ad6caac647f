"""The cleanup of deleted worktrees in `up` and `allocate`, with fakes; and its cost."""

import shutil
from pathlib import Path

import pytest

from composeports.config import PortAllocatorConfig
from composeports.errors import NoPortsAvailableError
from composeports.host.session_lock_file import hold
from composeports.paths import session_lock
from composeports.usecases.allocate import allocate
from composeports.usecases.gc.quick import tidy
from composeports.usecases.status import status
from tests.harness.repository import add_worktree
from tests.support.fakes import FakeMachine

pytestmark = pytest.mark.integration


def held(machine: FakeMachine) -> list[str]:
    return [Path(lease.place.worktree).name for lease in machine.store.held()]


def test_a_gone_worktree_without_containers_is_released(
    machine: FakeMachine, folders: list[Path]
) -> None:
    for each in folders[:3]:
        allocate(machine.session(cwd=each))
    folders[0].rmdir()
    assert tidy(machine.session(cwd=folders[1]), machine.engine.containers()) == 1
    assert held(machine) == ["two", "three"]
    assert machine.said == []


def test_what_has_started_since_the_engine_was_asked_is_kept(
    machine: FakeMachine, folders: list[Path]
) -> None:
    lease = allocate(machine.session(cwd=folders[0]))
    folders[0].rmdir()
    machine.engine.add(lease.project)
    assert tidy(machine.session(cwd=folders[1]), ()) == 0
    assert held(machine) == ["one"]


def test_what_somebody_is_at_work_on_is_kept(machine: FakeMachine, folders: list[Path]) -> None:
    lease = allocate(machine.session(cwd=folders[0]))
    folders[0].rmdir()
    other = machine.session(cwd=folders[1])
    path = session_lock(other.context.environ, lease.project)
    with hold(path, "up", 0, lambda _: None) as lock:
        assert lock is not None
        assert tidy(other, ()) == 0
    assert tidy(other, ()) == 1


def test_containers_that_are_left_are_counted(machine: FakeMachine, folders: list[Path]) -> None:
    for each in folders[:2]:
        lease = allocate(machine.session(cwd=each))
        machine.engine.add(lease.project, state="exited")
        each.rmdir()
    assert tidy(machine.session(cwd=folders[2]), machine.engine.containers()) == 0
    said = "2 sessions whose worktrees are gone have 2 containers left: `composeports gc` cleans up"
    assert machine.said == [said]
    assert held(machine) == ["one", "two"]


def test_when_it_is_full_a_gone_worktree_makes_room(
    machine: FakeMachine, folders: list[Path]
) -> None:
    for each in folders[:3]:
        allocate(machine.session(cwd=each))
    folders[1].rmdir()
    allocate(machine.session(cwd=folders[3]))
    assert held(machine) == ["one", "four", "three"]


@pytest.mark.parametrize("away", [True, False])
def test_when_it_is_full_of_stacks_whose_worktrees_are_gone_the_error_names_gc(
    machine: FakeMachine, folders: list[Path], *, away: bool
) -> None:
    for each in folders[:3]:
        machine.engine.add(allocate(machine.session(cwd=each)).project)
    folders[1].rmdir()
    machine.engine.away = away
    with pytest.raises(NoPortsAvailableError) as caught:
        allocate(machine.session(cwd=folders[3]))
    assert "`composeports gc`" in caught.value.hint
    assert caught.value.details["held"] == 3


def test_when_it_is_full_of_what_is_there_the_error_does_not_name_gc(
    machine: FakeMachine, folders: list[Path]
) -> None:
    for each in folders[:3]:
        allocate(machine.session(cwd=each))
    with pytest.raises(NoPortsAvailableError) as caught:
        allocate(machine.session(cwd=folders[3]))
    assert "gc" not in caught.value.hint


def test_a_look_at_twenty_worktrees_finds_the_one_that_is_gone(
    machine: FakeMachine, repository: Path, tmp_path: Path
) -> None:
    machine.settings = PortAllocatorConfig(20000, 10, 30, 20)
    for number in range(20):
        folder = add_worktree(repository, tmp_path / f"w{number}", f"w{number}")
        allocate(machine.session(cwd=folder))
    session = machine.session(cwd=repository)
    assert tidy(session, ()) == 0
    shutil.rmtree(tmp_path / "w7")
    assert tidy(session, ()) == 1


@pytest.mark.parametrize(
    ("minutes", "state", "away", "expected"),
    [
        (10, "running", False, (False, "ttl")),
        (10, "running", True, (False, "ttl")),
        (40, "running", False, (True, "containers")),
        (40, "paused", False, (True, "containers")),
        (40, "exited", False, (True, "")),
        (40, "running", True, (True, "unknown")),
    ],
)
def test_status_says_what_keeps_a_lease(
    machine: FakeMachine, minutes: int, state: str, expected: tuple[bool, str], *, away: bool
) -> None:
    machine.engine.add(allocate(machine.session("a")).project, state=state)
    machine.clock.pass_minutes(minutes)
    machine.engine.away = away
    (found,) = status(machine.session("a"))
    assert (found.expired, found.kept_by) == expected
    shown = found.as_dict()
    assert (shown["expired"], shown["kept_by"]) == expected
