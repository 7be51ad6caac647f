"""How often a command asks the store: a store on another machine makes each question slow."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from composeports.core.lease import Lease
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.stores.base import Decide
from composeports.stores.memory import MemoryStore
from composeports.usecases.allocate import allocate
from composeports.usecases.options import Options
from composeports.usecases.plan import plan
from composeports.usecases.release import release_without_stack
from composeports.usecases.session import Session
from composeports.usecases.session_lock import hold_session_lock
from composeports.usecases.up import UpRequest, up
from tests.harness.repository import make_repository
from tests.support.fakes import FakeMachine
from tests.support.machine import FakeDocker

pytestmark = pytest.mark.integration

FILE = 'services:\n  web:\n    image: scratch\n    ports: ["8080:80"]\n'
Command = Callable[[], Session]


class CountingStore(MemoryStore):
    """Counts its calls by name."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def get(self, session_id: str) -> Lease | None:
        self.calls["get"] += 1
        return super().get(session_id)

    def held(self) -> list[Lease]:
        self.calls["list"] += 1
        return super().held()

    def known(self) -> list[Lease]:
        self.calls["list"] += 1
        return super().known()

    def snapshot(self, session_id: str) -> StoreSnapshot:
        self.calls["snapshot"] += 1
        return super().snapshot(session_id)

    def update(
        self, session_id: str, decide: Decide, *, timeout_seconds: float | None = None
    ) -> StoreUpdate:
        self.calls["update"] += 1
        return super().update(session_id, decide, timeout_seconds=timeout_seconds)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def command(tmp_path: Path, docker: FakeDocker, store: CountingStore) -> Command:
    """Return a function that makes the session of one command."""
    docker.publish(web=8080)
    folder = make_repository(tmp_path / "repository", {"compose.yaml": FILE})
    machine = FakeMachine(folder, store=store)
    state = str(tmp_path / "state")
    environ = {**docker.environ(), "HOME": str(tmp_path), "COMPOSEPORTS_STATE_DIR": state}
    return lambda: Session(machine.context(environ=environ, cwd=folder), Options())


def calls(store: CountingStore) -> dict[str, int]:
    """Return the calls of the last command; a new session asks once for all that are known."""
    found = dict(store.calls)
    store.calls.clear()
    return found


def test_plan_reads_the_lease_and_a_snapshot(store: CountingStore, command: Command) -> None:
    plan(command().read_only())
    assert calls(store) == {"get": 1, "list": 1, "snapshot": 1}


def test_up_reads_the_lease_before_and_under_the_lock_and_after_compose(
    store: CountingStore, command: Command
) -> None:
    up(command(), UpRequest())
    # The lists are for a repository that was moved and, while Compose runs, for worktrees that are
    # gone and for data of plain Compose.
    assert calls(store) == {"get": 3, "list": 3, "update": 1}


def test_allocate_and_release_read_it_before_and_under_the_lock(
    store: CountingStore, command: Command
) -> None:
    allocate(command())
    assert calls(store) == {"get": 2, "list": 1, "update": 1}
    release_without_stack(command())
    # The third lease is one that a second session of this worktree would have.
    assert calls(store) == {"get": 3, "update": 1}


def test_under_the_lock_the_lease_is_read_again(command: Command) -> None:
    lease = allocate(command())
    session = command()
    assert session.record() == lease
    release_without_stack(command())
    assert session.record() == lease
    with hold_session_lock(session, "up"):
        assert session.record() == lease.released()
