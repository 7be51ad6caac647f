"""Two engines with one id and one store: neither changes the leases of the other."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from devkit import cache
from tests.fleet.clones import Clone, clones
from tests.fleet.place import Fleet
from tests.harness.program import Done

pytestmark = pytest.mark.e2e

# As it is before the tests have a home of their own.
CACHE = str(cache.root())
# One machine id, one boot: as if all were copied, and nothing but the run of the engine is its own.
COPIED = (uuid4().hex, str(uuid4()))


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Fleet, Clone, Clone]]:
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="composeports-clones.") as root,
    ):
        patch.setenv("COMPOSEPORTS_DEV_CACHE", CACHE)
        with clones(Path(root).resolve()) as found:
            yield found


@pytest.fixture
def expired(both: tuple[Fleet, Clone, Clone]) -> Iterator[None]:
    """Both worktrees of the first machine have stopped stacks and expired leases."""
    fleet, one, two = both
    one.is_known_by(uuid4().hex, str(uuid4()))
    two.is_known_by(uuid4().hex, str(uuid4()))
    two.machine.environ["COMPOSEPORTS_MACHINE"] = two.machine.name
    for tree in one.machine.trees:
        ran(one, tree, "up")
    with psycopg.connect(fleet.server.socket_url(), autocommit=True) as connection:
        connection.execute("UPDATE composeports.leases SET expires_at = 0")
    yield
    two.machine.environ["COMPOSEPORTS_MACHINE"] = two.machine.name
    for each in (two, one):
        for tree in each.machine.trees:
            ran(each, tree, "down")
    assert not any(row.held for rows in fleet.rows().values() for row in rows.values())


def ran(clone: Clone, tree: Path, *words: str) -> Done:
    done = clone.machine.run(tree, *words)
    assert done.code == 0, done
    return done


def held(both: tuple[Fleet, Clone, Clone]) -> set[str]:
    return {row.session_id for rows in both[0].rows().values() for row in rows.values() if row.held}


def of(clone: Clone) -> set[str]:
    return {clone.machine.session(tree) for tree in clone.machine.trees}


def state_of(clone: Clone, tree: Path, session: str) -> str:
    found = ran(clone, tree, "status", "--json").document
    (state,) = [each["state"] for each in found if each["session_id"] == session]
    return str(state)


def test_they_have_one_id(both: tuple[Fleet, Clone, Clone]) -> None:
    _, one, two = both
    ids = {each.machine.engine.get("/info")["ID"] for each in (one, two)}
    names = [each.machine.engine.get("/info")["Name"] for each in (one, two)]
    assert len(ids) == 1
    assert names == ["clone-1", "clone-2"]


@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize("machine_id", ["own", "copied"])
def test_neither_ends_a_lease_of_the_other(
    both: tuple[Fleet, Clone, Clone], machine_id: str
) -> None:
    fleet, one, two = both
    first, second = two.machine.trees
    if machine_id == "copied":
        two.is_known_by(
            *[
                (one.machine.disk.parent / each).read_text().strip()
                for each in ("machine-id", "boot-id")
            ]
        )
    for words in (("gc",), ("gc", "--volumes"), ("gc", "--dry-run"), ("doctor",), ("release",)):
        two.machine.run(first, *words)
        assert held(both) == of(one), words
    assert "same id" in ran(two, first, "gc").err
    assert "engine-id" in two.machine.run(first, "doctor").out
    assert state_of(two, first, one.machine.session(first)) == "unknown"
    ran(two, first, "up")
    full = two.machine.run(second, "up", PORT_ALLOC_MAX_SESSIONS="3")
    assert full.code == 75, full
    assert held(both) == of(one) | {two.machine.session(first)}
    assert fleet.stack_problems(two.machine, first) == {}
    for tree in one.machine.trees:
        assert fleet.stack_problems(one.machine, tree) == {}
        assert state_of(one, tree, one.machine.session(tree)) == "running"
    ran(one, first, "gc")
    assert held(both) == of(one) | {two.machine.session(first)}


@pytest.mark.usefixtures("expired")
def test_one_with_the_same_name_does_not_take_the_other_s_stack(
    both: tuple[Fleet, Clone, Clone],
) -> None:
    fleet, one, two = both
    tree = two.machine.trees[0]
    two.machine.environ["COMPOSEPORTS_MACHINE"] = one.machine.name
    for words in (("up",), ("down",), ("release",), ("down", "-v")):
        done = two.machine.run(tree, *words)
        assert (done.code, "same id" in done.err) == (75, True), done
        assert "engine-id" in done.err
    ran(two, tree, "gc")
    assert held(both) == of(one)
    assert fleet.stack_problems(one.machine, tree) == {}
    assert state_of(two, tree, one.machine.session(tree)) == "unknown"


@pytest.mark.usefixtures("expired")
def test_a_machine_that_is_renamed_keeps_its_leases(both: tuple[Fleet, Clone, Clone]) -> None:
    fleet, one, two = both
    tree, other = one.machine.trees
    for each in (tree, other):
        ran(one, each, "env")  # extends the lease
    before = fleet.row(one.machine, tree)
    one.restart("renamed")
    ran(one, tree, "gc")
    assert held(both) == of(one)
    ran(one, tree, "up")
    after = fleet.row(one.machine, tree)
    assert before is not None
    assert after is not None
    assert after.ports == before.ports
    assert fleet.stack_problems(one.machine, tree) == {}
    assert state_of(one, tree, one.machine.session(tree)) == "running"
    ran(two, two.machine.trees[0], "gc")
    assert one.machine.session(tree) in held(both)
    one.restart(one.machine.name)
