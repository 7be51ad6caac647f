"""A port that a rootless engine may not have: which limit is named, and on which machine."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import pytest

from composeports.core.compose_project import Project
from composeports.core.lease import Lease
from composeports.core.plan.plan import Plan
from composeports.core.ports import PortBlock
from composeports.docker.context import EngineEndpoint
from composeports.errors import PortPrivilegedError
from composeports.host.session_lock_file import SessionLock, hold
from composeports.usecases.options import DEFAULT_PLAN_OPTIONS
from composeports.usecases.prepare import PreparedStack
from composeports.usecases.start_failure import StartAttempts
from tests.support.fakes import FakeEngine, FakeMachine

pytestmark = pytest.mark.integration

PROJECT = "ac-12345678"
HOST = "build.example"
LEASE = Lease("s", PortBlock(20000, 10), PROJECT, 0, 0, ports={"web:80/tcp": 80})
REFUSED = "cannot expose privileged port 80, you can add 'net.ipv4.ip_unprivileged_port_start=80'"
LIMIT_HERE = 81


class RootlessEngine(FakeEngine):
    """A rootless engine with one container that did not start, on this machine or on another."""

    def __init__(self, host: str, error: str, *, podman: bool = False) -> None:
        super().__init__()
        self.endpoint = EngineEndpoint("tcp://engine:2376", host, local=host == "localhost")
        self.is_podman = podman
        self.error = error
        self.add(PROJECT, (80, 80, "tcp"), state="created")

    def start_errors(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Return the reason that the engine has kept, for each container."""
        return tuple(self.error for _ in ids)


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[SessionLock]:
    with hold(str(tmp_path / "locks" / "lock"), "up", None, lambda _: None) as held:
        assert held is not None
        yield held


@pytest.fixture(autouse=True)
def _limit_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("composeports.host.kernel_ports.unprivileged_start", lambda: LIMIT_HERE)
    monkeypatch.setattr("composeports.docker.features.is_rootless", lambda _: True)


def should_try_again(machine: FakeMachine, lock: SessionLock, engine: RootlessEngine) -> bool:
    """Tell whether `up` tries again; PortPrivilegedError if it gives up because of the port."""
    machine.engine = engine
    plan, project = cast("Plan", None), cast("Project", None)  # not used after a failure
    prepared = PreparedStack(LEASE, plan, None, project, had_containers=True)
    session = machine.session("s")
    attempts = StartAttempts(session, lock, prepared, DEFAULT_PLAN_OPTIONS, foreground=True)
    return attempts.should_try_again(1, prepared)


@pytest.mark.parametrize(("error", "podman"), [(REFUSED, False), ("", True)])
def test_the_limit_of_this_machine_is_named_for_an_engine_here(
    machine: FakeMachine, lock: SessionLock, error: str, *, podman: bool
) -> None:
    with pytest.raises(PortPrivilegedError) as refused:
        should_try_again(machine, lock, RootlessEngine("localhost", error, podman=podman))
    assert f"is below {LIMIT_HERE}, where" in refused.value.message
    assert f"a port from {LIMIT_HERE} on" in refused.value.hint
    assert machine.said == [f"the stack {PROJECT} and its lease are kept"]


def test_a_remote_engine_is_believed_without_a_limit(
    machine: FakeMachine, lock: SessionLock
) -> None:
    with pytest.raises(PortPrivilegedError) as refused:
        should_try_again(machine, lock, RootlessEngine(HOST, REFUSED))
    error = refused.value
    assert str(LIMIT_HERE) not in error.message + error.hint
    assert error.message.endswith(f"on which the rootless engine on {HOST} may not listen")
    assert f"on {HOST}: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80" in error.hint


def test_a_remote_engine_that_gives_no_reason_is_not_judged_by_this_machine(
    machine: FakeMachine, lock: SessionLock
) -> None:
    assert not should_try_again(machine, lock, RootlessEngine(HOST, "", podman=True))
