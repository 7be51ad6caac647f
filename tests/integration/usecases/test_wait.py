"""The wait of `up --wait`: what is reported, what ends it, and with which exit code."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from composeports.docker.containers import Container
from composeports.docker.engine import Engine
from composeports.host.process import Finished
from composeports.usecases.session import Session
from composeports.usecases.wait import WaitResult, wait_until_started
from tests.support.fakes import FakeMachine

pytestmark = pytest.mark.integration

PROJECT = "ac-0123abcd"
STARTING = "Up 9 minutes (health: starting)"
HEALTHY = "Up 9 minutes (healthy)"


class Stack:
    """A stack whose containers change while it is waited for."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.machine = FakeMachine(folder)
        self.engine = self.machine.engine
        self.said = self.machine.said
        self.steps: list[Callable[[], object]] = []
        self.restarts = 0
        self.health = ""
        self.is_podman = False
        monkeypatch.setattr(Engine, "is_podman", property(lambda _: self.is_podman))
        monkeypatch.setattr(self.engine, "run_query", self.inspect)

    def inspect(self, *arguments: str) -> Finished:
        health = f'{{"Health": {{"Status": "{self.health}"}}}}'
        return Finished(
            0, "".join(f"{each}\t{self.restarts}\t{health}\n" for each in arguments[4:])
        )

    def add(self, service: str, status: str, state: str = "running") -> None:
        self.engine.add(PROJECT, service=service, state=state)
        self.set(service, status)

    def set(self, service: str, status: str) -> None:
        self.engine.present = [
            each._replace(status=status) if each.service == service else each
            for each in self.engine.present
        ]

    def session(self, **changes: object) -> Session:
        session = self.machine.session("a")
        context = session.context._replace(sleep=lambda _: self.step(), **changes)  # type: ignore[arg-type]
        return Session(context, session.options)

    def step(self) -> None:
        if self.steps:
            self.steps.pop(0)()

    def wait(self, limit: float | None = None, **changes: object) -> WaitResult:
        services = {each.service for each in self.engine.present}
        return wait_until_started(self.session(**changes), PROJECT, services, limit)


@pytest.fixture
def waited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    return Stack(tmp_path, monkeypatch)


def nothing() -> None:
    """Change nothing."""


def test_each_change_is_one_line(waited: Stack) -> None:
    waited.add("api", STARTING)
    waited.add("db", STARTING)
    waited.add("migrate", "Exited (0) 2 seconds ago", "exited")
    waited.steps = [
        nothing,
        nothing,
        lambda: waited.set("api", HEALTHY),
        nothing,
        lambda: waited.set("db", HEALTHY),
    ]
    assert waited.wait() == WaitResult(0)
    assert waited.said == ["still starting: api, db", "still starting: db"]


def test_where_there_is_a_terminal_its_line_changes_instead(waited: Stack) -> None:
    shown: list[str] = []

    @contextmanager
    def progress(text: str) -> Iterator[Callable[[str], None]]:
        shown.append(text)
        yield shown.append

    waited.add("db", STARTING)
    waited.steps = [nothing, lambda: waited.set("db", HEALTHY)]
    assert waited.wait(progress=progress) == WaitResult(0)
    assert shown == ["waiting for the services", "still starting: db"]
    assert waited.said == []


def test_nothing_is_said_where_nothing_is_waited_for(waited: Stack) -> None:
    waited.add("db", "Up 9 minutes")
    assert waited.wait() == WaitResult(0)
    assert waited.said == []


@pytest.mark.parametrize(
    ("state", "status"),
    [("running", "Up 9 minutes (unhealthy)"), ("exited", "Exited (3) 1 second ago")],
)
def test_a_failure_ends_it(waited: Stack, state: str, status: str) -> None:
    waited.add("db", STARTING)
    waited.add("web", status, state)
    assert waited.wait() == WaitResult(1, ("web",))


def test_a_crash_loop_ends_it(waited: Stack) -> None:
    waited.add("web", "Restarting (3) 1 second ago", "restarting")
    waited.restarts = 2

    def more() -> None:
        waited.restarts += 1
        waited.steps.append(more)

    waited.steps = [more]
    assert waited.wait() == WaitResult(1, ("web",))
    assert waited.said == ["still starting: web"]


def test_the_time_limit_ends_it(waited: Stack) -> None:
    waited.add("db", STARTING)
    assert waited.wait(0.01) == WaitResult(1, ("db",))
    assert waited.said[-1] == "not healthy after 0.01 s: db"


def test_a_removed_container_ends_it(waited: Stack) -> None:
    waited.add("db", STARTING)
    waited.steps = [nothing, waited.engine.present.clear]
    assert waited.wait() == WaitResult(1)
    assert waited.said[-1] == "removed while `up` waited: db"


def test_an_engine_that_goes_away_ends_it(waited: Stack) -> None:
    waited.add("db", STARTING)

    def go_away() -> None:
        waited.engine.away = True

    waited.steps = [nothing, go_away]
    assert waited.wait() == WaitResult(1)


def test_a_caller_that_stops_ends_it(waited: Stack) -> None:
    waited.add("db", STARTING)
    assert waited.wait(is_stopped=lambda: True) == WaitResult(130)


def test_ctrl_c_ends_it(waited: Stack) -> None:
    waited.add("db", STARTING)

    def interrupt() -> None:
        raise KeyboardInterrupt

    waited.steps = [interrupt]
    assert waited.wait() == WaitResult(130)


def test_podman_s_health_is_inspected(waited: Stack) -> None:
    waited.is_podman = True
    waited.health = "starting"
    waited.add("db", "Up 9 minutes")

    def become_healthy() -> None:
        waited.health = "healthy"

    waited.steps = [nothing, become_healthy]
    assert waited.wait() == WaitResult(0)
    assert waited.said == ["still starting: db"]


def test_containers_of_run_are_not_waited_for(waited: Stack) -> None:
    waited.engine.present.append(
        Container("x", "running", PROJECT, "db", name=f"{PROJECT}-db-run-1", status=STARTING)
    )
    assert waited.wait() == WaitResult(0)
