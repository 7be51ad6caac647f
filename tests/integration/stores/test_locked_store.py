"""A store that is not writable: commands that only read a held lease still answer."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from composeports.config import PortAllocatorConfig
from composeports.stores.sqlite.store import SqliteStore
from composeports.usecases.allocate import allocate
from composeports.usecases.lease import read_lease
from composeports.usecases.status import environment
from tests.support.fakes import FakeMachine
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

TRIES = 3
# Far less than the 30 s for which a store waits for others who write; how fast the machine is
# does not matter.
SECONDS = 10.0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold SQLite's write lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def quickest(work: Callable[[], object]) -> float:
    """Return the time of the quickest of some runs, in seconds: other programs run as well."""
    times = []
    for _ in range(TRIES):
        begun = time.monotonic()
        work()
        times.append(time.monotonic() - begun)
    return min(times)


@pytest.fixture
def here(shell: Shell, tmp_path: Path) -> Shell:
    """Return a session that holds a lease, whose engine has no containers."""
    docker = FakeDocker(tmp_path / "docker")
    docker.publish(web=8080)
    shell = shell.using(docker)
    for session in ((), ("--session", "nightly")):
        assert shell.run("allocate", *session).code == 0
    return shell


@pytest.mark.parametrize(
    "words",
    [
        ("env",),
        ("env", "--format", "json"),
        ("env", "--session", "nightly"),
        ("url", "api"),
        ("status", "--json"),
    ],
)
def test_what_only_looks_answers_while_another_program_writes(
    here: Shell, words: tuple[str, ...]
) -> None:
    before = here.run(*words)
    assert before.code == 0
    with locked(here.state / "leases.sqlite3"):
        answers = []
        seconds = quickest(lambda: answers.append(here.run(*words)))
    assert {answer.code for answer in answers} == {0}
    if words[0] == "status":
        assert len(json.loads(answers[0].out)) == 2
    else:
        assert {answer.out for answer in answers} == {before.out}
        assert {answer.err for answer in answers} == {before.err}
    assert seconds < SECONDS


def test_a_lease_is_extended_where_that_is_possible(machine: FakeMachine, tmp_path: Path) -> None:
    machine.settings = PortAllocatorConfig(20000, 10, 30, 6)
    path = tmp_path / "leases.sqlite3"
    machine.store = SqliteStore(path, wait_seconds=20)
    lease = allocate(machine.session())
    machine.clock.pass_minutes(10)
    with locked(path):
        assert read_lease(machine.session()) == lease
        assert quickest(lambda: environment(machine.session())) < SECONDS
    assert read_lease(machine.session()).expires_at == lease.expires_at + 600
    machine.store.close()


def test_a_session_without_a_lease_is_told_as_ever(machine: FakeMachine, tmp_path: Path) -> None:
    path = tmp_path / "leases.sqlite3"
    machine.store = SqliteStore(path, wait_seconds=20)
    allocate(machine.session("other"))
    with locked(path), pytest.raises(Exception, match="holds no lease"):
        read_lease(machine.session())
    machine.store.close()
