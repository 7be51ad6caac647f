"""What a server does without requests: renew, watch, share reads; with fakes."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from composeports.errors import NoLeaseError
from composeports.servers.http.broadcast import StatusBroadcast
from composeports.servers.http.shared_refresh import SharedRefresh
from composeports.servers.http.status_feed import LeaseRenewer, as_text, needs_renewal, read_status
from composeports.usecases import status
from composeports.usecases.allocate import allocate
from composeports.usecases.release import release_lease
from tests.harness.waits import HANG
from tests.support.fakes import FakeMachine

pytestmark = pytest.mark.integration


class NoEvents:
    """An engine where nothing happens; the stream of its events ends at once, or when stopped."""

    def __init__(self, *, ended: bool = True) -> None:
        self._ended = threading.Event()
        if ended:
            self._ended.set()

    def __iter__(self) -> Iterator[str]:
        """Wait for the end."""
        self._ended.wait()
        return iter(())

    def stop(self) -> None:
        """End it."""
        self._ended.set()


@pytest.fixture(autouse=True)
def _silent_engine(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    """No events are followed; the tests wake the keeper themselves."""
    monkeypatch.setattr(machine.engine, "follow_events", NoEvents)


# Renewal: a lease lasts 30 minutes here


@pytest.mark.parametrize(
    ("minutes", "state", "renewed"),
    [
        (14, "running", False),
        (16, "running", True),
        (29, "restarting", True),
        (45, "paused", True),
        (16, "exited", False),
        (16, "created", False),
        (45, "exited", False),
    ],
)
def test_only_leases_of_running_stacks_that_need_it_are_renewed(
    machine: FakeMachine, minutes: float, state: str, *, renewed: bool
) -> None:
    lease = allocate(machine.session("a"))
    machine.engine.add(lease.project, state=state)
    machine.clock.pass_minutes(minutes)
    (found,) = read_status(machine.context())
    until = machine.clock.now() + 30 * 60 if renewed else lease.expires_at
    assert found.lease.expires_at == until
    assert machine.store.held() == [lease._replace(expires_at=until)]


def test_nothing_is_renewed_while_nobody_knows_what_runs(machine: FakeMachine) -> None:
    lease = allocate(machine.session("a"))
    machine.engine.add(lease.project)
    machine.engine.away = True
    machine.clock.pass_minutes(29)
    (found,) = read_status(machine.context())
    assert (found.state, found.lease) == ("unknown", lease)


def test_a_renewal_keeps_the_place(machine: FakeMachine, repository: Path) -> None:
    lease = allocate(machine.session(cwd=repository))
    machine.engine.add(lease.project)
    machine.clock.pass_minutes(20)
    (found,) = read_status(machine.context())
    assert found.lease.place == lease.place
    assert found.lease.place.worktree


def test_a_lease_that_is_released_meanwhile_stays_so(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = allocate(machine.session("a"))
    machine.engine.add(lease.project)
    machine.clock.pass_minutes(20)
    found = status.status(machine.session("a"))
    release_lease(machine.session("a"))
    answers = iter([found, []])
    monkeypatch.setattr(status, "status", lambda _: next(answers))
    assert read_status(machine.context()) == []
    with pytest.raises(NoLeaseError):
        machine.session("a").held_lease()


def test_half_of_the_lease_s_own_time_counts(machine: FakeMachine) -> None:
    lease = allocate(machine.session("a"))
    machine.engine.add(lease.project)
    (found,) = status.status(machine.session("a"))
    assert not needs_renewal(found, lease.expires_at - 15 * 60)
    assert needs_renewal(found, lease.expires_at - 15 * 60 + 1)


# The board


def test_a_watcher_sees_what_is_there_then_what_comes_and_never_the_same_twice() -> None:
    async def scenario() -> list[bytes | None]:
        board = StatusBroadcast()
        board.publish(b"1")
        seen: list[bytes | None] = []
        async for text in board.watch(60):
            seen.append(text)
            if text == b"1":
                board.publish(b"1")
                asyncio.get_running_loop().call_soon(board.publish, b"2")
            else:
                board.publish(b"missed")
                board.publish(b"3") if text == b"2" else board.close()
        return seen

    assert asyncio.run(scenario()) == [b"1", b"2", b"3"]


def test_a_watcher_hears_a_heartbeat_and_is_counted() -> None:
    async def scenario() -> None:
        board = StatusBroadcast()
        watch: AsyncIterator[bytes | None] = board.watch(0.01)
        assert await anext(watch) is None
        assert board.watchers == 1
        board.close()
        assert [each async for each in watch] == []
        assert board.watchers == 0
        assert [each async for each in board.watch(60)] == []

    asyncio.run(scenario())


# Looks


def test_who_asks_during_a_look_gets_the_next_one() -> None:
    """The first look may have read before the question; the next one is shared by all."""
    begun, go_on = threading.Event(), threading.Event()
    count = 0

    def slow() -> int:
        nonlocal count
        count += 1
        begun.set()
        assert go_on.wait(HANG)
        return count

    async def scenario() -> list[int]:
        looks = SharedRefresh(slow)
        first = asyncio.ensure_future(looks.fresh())
        await asyncio.to_thread(begun.wait, 20)
        rest = [asyncio.ensure_future(looks.fresh()) for _ in range(10)]
        await asyncio.sleep(0)
        go_on.set()
        return await asyncio.gather(first, *rest)

    assert asyncio.run(scenario()) == [1, *[2] * 10]


def test_a_look_that_fails_is_told_to_all_and_tried_again() -> None:
    failures = iter([True, False])

    def once() -> str:
        if next(failures):
            message = "not now"
            raise OSError(message)
        return "now"

    async def scenario() -> tuple[list[object], str]:
        looks = SharedRefresh(once)
        first = await asyncio.gather(looks.fresh(), looks.fresh(), return_exceptions=True)
        return list(map(str, first)), await looks.fresh()

    assert asyncio.run(scenario()) == (["not now", "not now"], "now")


def test_a_client_that_goes_away_does_not_end_the_look_of_others() -> None:
    async def scenario() -> str:
        looks = SharedRefresh(lambda: "seen")
        leaving = asyncio.ensure_future(looks.fresh())
        staying = asyncio.ensure_future(looks.fresh())
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(scenario()) == "seen"


# The keeper as a whole


async def watched(board: StatusBroadcast, *wanted: str) -> None:
    """Wait until the board shows the states."""
    async with asyncio.timeout(HANG):
        async for text in board.watch(60):
            if text and [each["state"] for each in json.loads(text)] == list(wanted):
                return


def test_it_publishes_what_changes_and_tells_trouble_once(machine: FakeMachine) -> None:
    lease = allocate(machine.session("a"))
    machine.engine.add(lease.project)

    async def scenario() -> None:
        board = StatusBroadcast()
        renewer = LeaseRenewer(machine.context(), board)
        async with renewer.running():
            await watched(board, "running")
            machine.engine.away = True
            renewer.wake()
            await watched(board, "unknown")
            release_lease(machine.session("a"))
            renewer.wake()
            await watched(board)
            machine.engine.away = False
            allocate(machine.session("a"))
            renewer.wake()
            await watched(board, "running")

    asyncio.run(scenario())
    assert machine.said == ["the Docker engine did not answer: it is away; states are unknown"]


def test_who_comes_while_nobody_watches_sees_changes_at_once_too(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.engine, "follow_events", lambda: NoEvents(ended=False))

    class Told(StatusBroadcast):
        def publish(self, text: bytes) -> None:
            super().publish(text)
            alone.set()

    async def scenario() -> None:
        board = Told()
        async with LeaseRenewer(machine.context(), board).running():
            await alone.wait()  # from here on it looks every 15 s
            watching = board.watch(60)
            assert await anext(watching) == b"[]"
            await asyncio.to_thread(allocate, machine.session("a"))
            async with asyncio.timeout(10):
                assert b'"a"' in (await anext(watching) or b"")

    alone = asyncio.Event()
    asyncio.run(scenario())


def test_it_can_run_again_on_another_loop(machine: FakeMachine) -> None:
    allocate(machine.session("a"))
    board = StatusBroadcast()
    renewer = LeaseRenewer(machine.context(), board)

    async def once() -> None:
        async with renewer.running():
            assert renewer.is_running
            await asyncio.sleep(0)
            renewer.wake()
            await watched(board, "stopped")
        assert not renewer.is_running

    asyncio.run(once())
    asyncio.run(once())


def test_it_goes_on_when_the_store_fails(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = allocate(machine.session("a"))
    machine.engine.add(lease.project)
    held = machine.store.held
    answers = iter([NoLeaseError("no store"), None])

    def sometimes() -> object:
        failure = next(answers, None)
        if failure is not None:
            raise failure
        return held()

    monkeypatch.setattr(machine.store, "held", sometimes)

    async def scenario() -> None:
        board = StatusBroadcast()
        renewer = LeaseRenewer(machine.context(), board)
        async with renewer.running():
            await asyncio.sleep(0)
            renewer.wake()
            await watched(board, "running")

    asyncio.run(scenario())
    assert machine.said == ["no store"]


def test_the_list_is_ascii_whatever_it_holds(machine: FakeMachine) -> None:
    allocate(machine.session("漢\n\u2028</script>"))
    text = as_text(status.status(machine.session("b")))
    assert text.isascii()
    assert b"\n" not in text
    assert json.loads(text)[0]["session_id"] == "漢\n\u2028</script>"
