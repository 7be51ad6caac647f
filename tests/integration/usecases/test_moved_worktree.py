"""A checkout keeps its session when its repository is moved; real git, fakes."""

import shutil
import time
from pathlib import Path

import pytest

from composeports.config import PortAllocatorConfig
from composeports.core.lease import ComposeInvocation, Lease
from composeports.core.plan.override import render
from composeports.core.snapshot import StoreUpdate
from composeports.host.session_files import OWN_OVERRIDE
from composeports.usecases.allocate import allocate
from composeports.usecases.gc.policy import GONE, HERE
from composeports.usecases.gc.quick import tidy
from composeports.usecases.gc.worktree_probe import probe_session
from composeports.usecases.lease import renew_lease
from composeports.usecases.release import release_lease
from composeports.usecases.session import Session
from tests.harness.repository import add_worktree, git, make_repository
from tests.support.fakes import FakeMachine

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _now(machine: FakeMachine) -> None:
    """Make leases younger than the existing repositories, and older than later ones."""
    machine.clock.seconds = time.time()
    machine.settings = PortAllocatorConfig(20000, 10, 30, 6)


def started(machine: FakeMachine, folder: Path) -> Lease:
    """Take a lease, and leave what `up` leaves: the stack in the record, and `.composeports`."""
    machine.clock.seconds = time.time()
    session = machine.session(cwd=folder)
    stack = ComposeInvocation((f"{folder}/compose.yaml",), overridden=True)
    lease = allocate(session)._replace(stack=stack, store=machine.store.identity())
    machine.store.update(lease.session_id, lambda _: StoreUpdate(lease))
    labels = {"services": {"web": {"labels": dict(lease.mark.labels)}}}
    session.folder.write(OWN_OVERRIDE, render(labels))
    return lease


def ended(machine: FakeMachine, folder: Path) -> None:
    session = machine.session(cwd=folder)
    release_lease(session)
    session.folder.remove()


def here(machine: FakeMachine, folder: Path) -> str:
    return machine.session(cwd=folder).session_id


def renewed(machine: FakeMachine, folder: Path) -> Lease:
    return renew_lease(machine.session(cwd=folder))


def moved(repository: Path, *worktrees: Path) -> Path:
    """Move a repository's folder, and repair its worktrees as git has it."""
    place = repository.with_name(f"{repository.name}-new")
    repository.rename(place)
    git(place, "worktree", "repair", *map(str, worktrees))
    return place


def where(machine: FakeMachine, lease: Lease, at: Path) -> str:
    session: Session = machine.session(cwd=at)
    return probe_session(session, lease, machine.store.known())[0]


@pytest.fixture
def worktree(repository: Path, tmp_path: Path) -> Path:
    return add_worktree(repository, tmp_path / "a", "a")


def test_a_linked_worktree_keeps_its_session_when_the_repository_is_moved(
    machine: FakeMachine, repository: Path, worktree: Path, tmp_path: Path
) -> None:
    lease = started(machine, worktree)
    place = moved(repository, worktree)
    assert here(machine, worktree) == lease.session_id
    after = renewed(machine, worktree)
    assert after.place.git_dir == f"{place}/.git/worktrees/a"
    assert not after.shares_place
    assert machine.session(cwd=worktree).folder.path == f"{worktree}/.composeports"
    assert here(machine, worktree) == lease.session_id
    assert [each.session_id for each in machine.store.known()] == [lease.session_id]
    assert where(machine, after, tmp_path) == HERE


def test_it_keeps_its_ports_after_down_too(
    machine: FakeMachine, repository: Path, worktree: Path
) -> None:
    lease = started(machine, worktree)
    ended(machine, worktree)
    moved(repository, worktree)
    again = allocate(machine.session(cwd=worktree))
    assert (again.session_id, again.block) == (lease.session_id, lease.block)


def test_it_keeps_its_ports_if_down_is_the_first_command_after_the_move(
    machine: FakeMachine, repository: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    worktree = add_worktree(repository, home / "a", "a")
    lease = started(machine, worktree)
    repository.rename(home / "repository")
    home.rename(tmp_path / "moved")
    worktree = tmp_path / "moved/a"
    git(tmp_path / "moved/repository", "worktree", "repair", str(worktree))
    ended(machine, worktree)
    again = allocate(machine.session(cwd=worktree))
    assert (again.session_id, again.block) == (lease.session_id, lease.block)
    assert again.place.worktree == str(worktree)


def test_a_repository_that_is_moved_back_and_forth_has_one_session(
    machine: FakeMachine, repository: Path, worktree: Path
) -> None:
    lease = started(machine, worktree)
    place = moved(repository, worktree)
    renewed(machine, worktree)
    place.rename(repository)
    git(repository, "worktree", "repair", str(worktree))
    assert renewed(machine, worktree).place == lease.place
    assert [each.session_id for each in machine.store.known()] == [lease.session_id]


def test_a_worktree_that_git_moves_after_the_repository_was_moved(
    machine: FakeMachine, repository: Path, worktree: Path, tmp_path: Path
) -> None:
    lease = started(machine, worktree)
    place = moved(repository, worktree)
    renewed(machine, worktree)
    git(place, "worktree", "move", str(worktree), str(tmp_path / "b"))
    assert here(machine, tmp_path / "b") == lease.session_id


def test_a_worktree_that_git_moved_while_nobody_looked(
    machine: FakeMachine, repository: Path, worktree: Path, tmp_path: Path
) -> None:
    """Both paths are new; `.composeports` in the worktree shows its session."""
    lease = started(machine, worktree)
    place = moved(repository, worktree)
    git(place, "worktree", "move", str(worktree), str(tmp_path / "b"))
    assert here(machine, tmp_path / "b") == lease.session_id


def test_a_moved_main_checkout_keeps_its_session(machine: FakeMachine, repository: Path) -> None:
    lease = started(machine, repository)
    place = moved(repository)
    assert here(machine, place) == lease.session_id
    assert where(machine, lease, place) == HERE
    assert renewed(machine, place).place.directory == str(place)
    assert tidy(machine.session(cwd=place), ()) == 0


def test_worktrees_inside_a_moved_repository_keep_theirs(
    machine: FakeMachine, repository: Path
) -> None:
    lease = started(machine, add_worktree(repository, repository / "trees" / "a", "a"))
    place = repository.with_name("shop-new")
    repository.rename(place)
    git(place, "worktree", "repair", str(place / "trees" / "a"))
    assert here(machine, place / "trees" / "a") == lease.session_id


def test_the_sub_folders_of_a_monorepo_are_told_apart(machine: FakeMachine, tmp_path: Path) -> None:
    files = {f"{name}/compose.yaml": "services: {}\n" for name in ("web", "blog")}
    repository = make_repository(tmp_path / "shop", files)
    worktree = add_worktree(repository, tmp_path / "a", "a")
    leases = [started(machine, worktree / name) for name in ("web", "blog")]
    moved(repository, worktree)
    assert [here(machine, worktree / name) for name in ("web", "blog")] == [
        lease.session_id for lease in leases
    ]


@pytest.mark.parametrize("moved_first", [True, False], ids=["moved first", "new first"])
def test_a_new_repository_at_the_old_path_is_not_the_old_one(
    machine: FakeMachine, repository: Path, worktree: Path, *, moved_first: bool, tmp_path: Path
) -> None:
    main, linked = started(machine, repository), started(machine, worktree)
    place = moved(repository, worktree)
    make_repository(repository)
    second = add_worktree(repository, tmp_path / "second" / "a", "a")
    folders = [(place, main), (worktree, linked)]
    if moved_first:
        assert [renewed(machine, each).session_id for each, _ in folders] == [
            main.session_id,
            linked.session_id,
        ]
    new = [here(machine, each) for each in (repository, second)]
    assert not {*new} & {main.session_id, linked.session_id}
    for each in (repository, second):
        allocate(machine.session(cwd=each))
    assert [here(machine, each) for each in (repository, second)] == new
    assert [renewed(machine, each).session_id for each, _ in folders] == [
        main.session_id,
        linked.session_id,
    ]
    assert len(machine.store.held()) == 4
    known = machine.store.known()
    assert {where(machine, lease, tmp_path) for lease in known} == {HERE}


def test_a_new_repository_made_before_the_moved_worktree_is_seen_does_not_end_its_lease(
    machine: FakeMachine, repository: Path, worktree: Path
) -> None:
    lease = started(machine, worktree)
    moved(repository, worktree)
    make_repository(repository)
    assert where(machine, lease, repository) == HERE
    assert tidy(machine.session(cwd=repository), ()) == 0


def test_a_copy_of_a_main_checkout_is_another_session(
    machine: FakeMachine, repository: Path, tmp_path: Path
) -> None:
    lease = started(machine, repository)
    shutil.copytree(repository, tmp_path / "copy")
    assert here(machine, tmp_path / "copy") == f"{tmp_path}/copy/.git"
    assert here(machine, repository) == lease.session_id


def test_a_worktree_that_is_removed_and_added_again_is_the_same_session(
    machine: FakeMachine, repository: Path, worktree: Path
) -> None:
    lease = started(machine, worktree)
    git(repository, "worktree", "remove", "--force", str(worktree))
    git(repository, "worktree", "add", "--quiet", str(worktree), "a")
    assert here(machine, worktree) == lease.session_id


def test_another_repositorys_worktree_at_the_same_path_is_another_session(
    machine: FakeMachine, repository: Path, worktree: Path, tmp_path: Path
) -> None:
    lease = started(machine, worktree)
    git(repository, "worktree", "remove", "--force", str(worktree))
    other = make_repository(tmp_path / "other")
    add_worktree(other, worktree, "a")
    assert here(machine, worktree) == f"{other}/.git/worktrees/a"
    assert where(machine, lease, worktree) == GONE


def test_another_clones_worktree_does_not_get_a_stack_that_may_run(
    machine: FakeMachine, repository: Path, worktree: Path, tmp_path: Path
) -> None:
    """Without `.composeports` nothing shows that it is the same worktree."""
    started(machine, worktree)
    for folder in (worktree, repository):
        shutil.rmtree(folder)
    other = make_repository(tmp_path / "other")
    add_worktree(other, worktree, "a")
    assert here(machine, worktree) == f"{other}/.git/worktrees/a"


def test_a_repository_cannot_bring_another_sessions_folder(
    machine: FakeMachine, repository: Path, tmp_path: Path
) -> None:
    """A repository does not know the id of the store."""
    lease = started(machine, repository)
    repository.rename(tmp_path / "away")
    labels = {**lease.mark.labels, "io.composeports.store": "0" * 32}
    folder = make_repository(tmp_path / "evil")
    machine.session(cwd=folder).folder.write(OWN_OVERRIDE, render({"labels": labels}))
    assert here(machine, folder) == f"{folder}/.git"


def test_the_lease_that_an_earlier_version_orphaned_is_gone(
    machine: FakeMachine, repository: Path, worktree: Path
) -> None:
    """Two sessions had one worktree: the second one has it now."""
    first = started(machine, worktree)
    place = moved(repository, worktree)
    at = first.place._replace(git_dir=f"{place}/.git/worktrees/a")
    second = first._replace(session_id=at.session_id, project="ac-00000000", place=at)
    second = second._replace(block=machine.settings.grid.block(1))
    machine.store.update(second.session_id, lambda _: StoreUpdate(second))
    assert here(machine, worktree) == second.session_id
    assert where(machine, first, repository.parent) == GONE
    assert where(machine, second, repository.parent) == HERE


def test_named_sessions_stay_as_they_are(
    machine: FakeMachine, repository: Path, worktree: Path
) -> None:
    allocate(machine.session("nightly", worktree))
    moved(repository, worktree)
    assert here(machine, worktree).endswith("shop-new/.git/worktrees/a")
    assert machine.session("nightly", worktree).session_id == "nightly"
