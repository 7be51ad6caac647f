"""Sessions use their leases while others take them: the store gives each block to one session."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest

from composeports.core.allocation import claim, renew
from composeports.core.allocation_request import NOTHING_RUNS, AllocationRequest
from composeports.core.ports import PortGrid
from composeports.core.snapshot import StoreUpdate
from composeports.errors import NoPortsAvailableError
from composeports.stores.base import Store
from composeports.stores.sqlite.fast_read import read_and_renew
from composeports.stores.sqlite.store import SqliteStore
from tests.harness.waits import HANG
from tests.support import postgres

pytestmark = pytest.mark.integration

NOON = 43200.0
GRID = PortGrid(10000, 10, 4)
ROUNDS = 8
USERS = tuple(f"user-{number}" for number in range(GRID.slots))
CLAIMERS = tuple(f"claimer-{number}" for number in range(GRID.slots))
# What one session does; it returns the start of its block, None if it has none.
Work = Callable[[], int | None]


def use(opened: Store, session_id: str) -> int | None:
    """Use a lease as most commands do."""
    lease = opened.update(session_id, lambda snapshot: renew(snapshot, NOON)).lease
    return None if lease is None else lease.block.start


def use_quickly(folder: Path, session_id: str) -> int | None:
    """Use a lease as `composeports env` does."""
    row = read_and_renew(str(folder / "leases.sqlite3"), session_id, NOON)
    return None if row is None else row[0]


def take(opened: Store, session_id: str) -> int | None:
    """Claim a block, from another session if there is no other."""
    request = AllocationRequest(session_id, GRID, NOON, 5, NOTHING_RUNS, may_take_unused=True)
    try:
        return opened.update(session_id, partial(claim, request=request)).granted.block.start
    except NoPortsAvailableError:
        return None


def forget_all(opened: Store) -> None:
    for session_id in (*USERS, *CLAIMERS):
        opened.update(session_id, lambda _: StoreUpdate(forget=True))


def lease_by_hook(opened: Store) -> None:
    """Let the hook lease all blocks anew, for the users."""
    forget_all(opened)
    for at, session_id in enumerate(USERS):
        request = AllocationRequest(session_id, GRID, NOON + at, 5, NOTHING_RUNS, unused=True)
        opened.update(session_id, partial(claim, request=request))


@pytest.fixture(params=["sqlite", "sqlite and env", "postgres"])
def players(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, list[Work]]]:
    """Return a store, and what all sessions do, each with a connection of its own."""

    def opened() -> Store:
        if request.param == "postgres":
            return stack.enter_context(closing(postgres.store_on(tmp_path)))
        return stack.enter_context(closing(SqliteStore(tmp_path / "leases.sqlite3")))

    with ExitStack() as stack:
        works: list[Work] = [partial(take, opened(), name) for name in CLAIMERS]
        for name in USERS:
            quick = request.param == "sqlite and env"
            works.append(
                partial(use_quickly, tmp_path, name) if quick else partial(use, opened(), name)
            )
        store = opened()
        yield store, works
        forget_all(store)


def at_once(works: list[Work]) -> list[int | None]:
    """Run all at the same instant, each on a thread; return what they returned."""
    gate = threading.Barrier(len(works))

    def run(work: Work) -> int | None:
        gate.wait(HANG)
        return work()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def test_a_block_that_a_command_has_got_is_nobody_else_s(
    players: tuple[Store, list[Work]],
) -> None:
    store, works = players
    blocks = {block.start for block in GRID.blocks()}
    for _ in range(ROUNDS):
        lease_by_hook(store)
        found = dict(zip((*CLAIMERS, *USERS), at_once(works), strict=True))
        got = {name: start for name, start in found.items() if start is not None}
        # Each block has one owner, who was told so; nobody else was told that it is his.
        assert len(got) == len(blocks)
        assert set(got.values()) == blocks
        leases = store.held()
        assert {lease.session_id: lease.block.start for lease in leases} == got
        assert not any(lease.unused for lease in leases)


def test_two_that_claim_at_once_take_from_two(players: tuple[Store, list[Work]]) -> None:
    store, works = players
    for _ in range(ROUNDS):
        lease_by_hook(store)
        starts = at_once(works[: len(CLAIMERS) - 1])
        assert sorted(starts, key=str) == [10000, 10010, 10020]
        assert [lease.session_id for lease in store.held() if lease.unused] == [USERS[-1]]
