"""Rows that other users wrote into a store are refused by name; other sessions continue to work."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from composeports.core.allocation import claim, release
from composeports.core.allocation_request import NOTHING_RUNS, AllocationRequest
from composeports.core.engine_identity import EngineIdentity
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.ports import PortBlock, PortGrid
from composeports.core.session import project_name
from composeports.core.snapshot import StoreUpdate
from composeports.errors import NoPortsAvailableError, StoreError
from composeports.stores.base import Store
from composeports.stores.postgres.store import PostgresStore
from composeports.stores.sqlite.fast_read import read_and_renew, read_places
from composeports.stores.sqlite.store import SqliteStore
from tests.support import postgres
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

NOON = 43200.0
GRID = PortGrid(10000, 10, 4)
WHERE = "session_id = 'victim'"
LEASE = Lease(
    "victim",
    PortBlock(10000, 10),
    project_name("victim"),
    NOON,
    NOON + 60,
    ttl_minutes=2,
    environment=(("WEB_PORT", "10004"),),
    place=WorktreeLocation("/w", "/r/.git/worktrees/w", "/w/app", "topic"),
    stack=ComposeInvocation(("/w/app/compose.yaml",), ("/w/app/.env",), ("dev",)),
)
MEMORY = {
    "offsets": "{}",
    "ports": "{}",
    "urls": "{}",
    "host": '"h"',
    "marks": "null",
    "former_stores": "[]",
    "standings": "{}",
}
PLACE = {
    "worktree": '"/w"',
    "git_dir": '""',
    "directory": '"/w/app"',
    "branch": '""',
    "machine": '""',
}
STACK = {
    "files": "[]",
    "env_files": "[]",
    "profiles": "[]",
    "overridden": "true",
    "default_ports": "false",
}


def changed(usual: Mapping[str, str], values: Mapping[str, str]) -> str:
    """Return the JSON text of a column, with some values as given."""
    return "{" + ", ".join(f'"{name}": {text}' for name, text in {**usual, **values}.items()) + "}"


def memory(**values: str) -> str:
    return changed(MEMORY, values)


def place(**values: str) -> str:
    return changed(PLACE, values)


def stack(**values: str) -> str:
    return changed(STACK, values)


def under_salt(salts: int) -> str:
    """Return the victim's project name if the names of so many salts are taken."""
    taken: list[str] = []
    for _ in range(salts):
        taken.append(project_name("victim", taken))
    return project_name("victim", taken)


# What is written into which column, and the field that is named.
FORGERIES: dict[str, tuple[str, object, str]] = {
    "the project of another session": ("project", project_name("other"), "project"),
    "a project that is no session's": ("project", "shop", "project"),
    "a name under a late salt": ("project", under_salt(16), "project"),
    "an option as a project": ("project", "--volumes", "project"),
    "a readable name that is none": (
        "project",
        project_name("victim", prefix=f"ac-{'a' * 21}"),
        "project",
    ),
    "another session's readable name and hash": (
        "project",
        project_name("other", prefix="ac-victim"),
        "project",
    ),
    "a prefix that is none": ("project", f"A{project_name('victim')}", "project"),
    "a start outside of all ports": ("start", -5, "block"),
    "a block that goes beyond all ports": ("start", 65530, "block"),
    "a block without room": ("size", 3, "block"),
    "no time": ("expires_at", 1e300, "expires_at"),
    "a time that never comes": ("expires_at", float("inf"), "expires_at"),
    "no minutes": ("ttl_minutes", 0, "ttl_minutes"),
    "a variable that the linker obeys": (
        "environment",
        '[["LD_PRELOAD", "/w/evil.so"]]',
        "environment",
    ),
    "a variable that is a command": ("environment", '[["A;touch x", "1"]]', "environment"),
    "a value with a NUL": ("environment", '[["A", "1\\u0000"]]', "environment"),
    "a value that is no text": ("environment", '[["A", 1]]', "environment"),
    "a pin that is no port": ("pins", '{"web:80/tcp": 70000}', "pins"),
    "a subnet that is none": ("subnets", '{"net#0": "10.0.0.0/99"}', "subnets"),
    "a relative worktree": ("place", place(worktree='"w"'), "place.worktree"),
    "a relative git folder": (
        "place",
        place(git_dir='"g"'),
        "place.git_dir",
    ),
    "a relative project folder": (
        "place",
        place(directory='"app"'),
        "place.directory",
    ),
    "a folder with a NUL": ("place", place(worktree='"/w\\u0000"'), "place.worktree"),
    "a branch of two lines": ("place", place(branch='"a\\nb"'), "place.branch"),
    "a relative Compose file": ("stack", stack(files='["c.yaml"]'), "stack.files"),
    "a relative env file": (
        "stack",
        stack(env_files='[".env"]'),
        "stack.env_files",
    ),
    "a profile with a NUL": ("stack", stack(profiles='["\\u0000"]'), "stack.profiles"),
    "a port that is none": ("memory", memory(ports='{"web:80/tcp": 0}'), "ports"),
    "an offset that is none": ("memory", memory(offsets='{"web:80/tcp": -1}'), "offsets"),
    "a URL that is a program": (
        "memory",
        memory(urls='{"web:80/tcp": "javascript://localhost:1"}'),
        "urls",
    ),
    "a URL of no port": ("memory", memory(urls='{"web:80/tcp": "http://a/b"}'), "urls"),
    "a host that is none": ("memory", memory(host='"a/$(id)"'), "host"),
    "a container whose name is no text": (
        "memory",
        memory(standings='{"web": [7, []]}'),
        "standings",
    ),
    "a name of two lines": ("memory", memory(name='"a\\nb"'), "name"),
    "a name that is no text": ("memory", memory(name="7"), "name"),
    "a mark of the hook that is no truth": ("memory", memory(unused="1"), "unused"),
    "marks of two lines": ("memory", memory(marks='{"volume:a": ["x\\n", "y"]}'), "marks"),
    "no place": ("place", "[]", ""),
    "no JSON": ("memory", "{", ""),
}
FORGED = pytest.mark.parametrize("forgery", FORGERIES)
# What the short way of `env` does not read.
UNREAD = {"pins", "subnets", "memory"}


@dataclass
class Shared:
    """A store with the victim's lease, which an attacker changes with SQL."""

    store: Store
    table: str
    write: Callable[[str, tuple[object, ...]], None]
    where: str
    path: str = ""
    told: list[str] = field(default_factory=list)

    def forge(self, forgery: str) -> str:
        """Forge the victim's record; return the name of the field."""
        column, value, named = FORGERIES[forgery]
        mark = "?" if self.path else "%s"
        self.write(
            f"UPDATE {self.table} SET {column} = {mark} WHERE session_id = 'victim'",
            (value,),
        )
        return named

    def put(self, lease: Lease) -> None:
        self.store.update(lease.session_id, lambda _: StoreUpdate(lease))

    def claim(self, session_id: str, now: float = NOON) -> Lease:
        request = AllocationRequest(session_id, GRID, now, 2, NOTHING_RUNS)
        return self.store.update(session_id, lambda snapshot: claim(snapshot, request)).granted


def sqlite(folder: Path) -> Shared:
    path = folder / "leases.sqlite3"

    def write(statement: str, values: tuple[object, ...]) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(statement, values)

    told: list[str] = []
    return Shared(SqliteStore(path, waiting=told.append), "leases", write, WHERE, str(path), told)


def database(folder: Path) -> Shared:
    url = postgres.shared().socket_url()
    own = EngineIdentity(f"engine-of-{folder.name}", "host", "host.example", local=False)

    def write(statement: str, values: tuple[object, ...]) -> None:
        with postgres.connected(url) as connection:
            connection.execute(statement.encode(), values or None)

    told: list[str] = []
    store = PostgresStore(url, engine=lambda: own, waiting=told.append)
    where = f"{WHERE} AND space = '{own.id}'"
    return Shared(store, "composeports.leases", write, where, told=told)


@pytest.fixture(params=[sqlite, database])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shared]:
    opened: Shared = request.param(tmp_path)
    opened.store.update("victim", lambda _: StoreUpdate(LEASE))
    yield opened
    opened.store.close()
    space = opened.where.rpartition(" ")[2] if not opened.path else "''"
    opened.write(f"DELETE FROM {opened.table} WHERE space = {space}", ())


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Shared]:
    opened = sqlite(tmp_path)
    opened.store.update("victim", lambda _: StoreUpdate(LEASE))
    yield opened
    opened.store.close()


@FORGED
def test_a_forged_record_is_refused_by_session_and_field_and_others_go_on(
    shared: Shared, forgery: str
) -> None:
    named = shared.forge(forgery)
    for use in (
        lambda: shared.store.get("victim"),
        lambda: shared.store.snapshot("victim"),
        lambda: shared.store.update("victim", release),
        lambda: shared.claim("victim"),
    ):
        with pytest.raises(StoreError) as error:
            use()
        assert error.value.code == "store_unusable"
        assert "session 'victim'" in error.value.message
        assert error.value.details["field"] == named
        assert named in error.value.message
        assert f"DELETE FROM {shared.table} WHERE session_id = 'victim'" in error.value.hint
    assert shared.told == []
    other = shared.claim("other")
    assert other.block.start == (10000 if forgery.endswith("all ports") else 10010)
    for _ in range(2):
        assert shared.store.held() == [other]
        assert other in shared.store.known()
        assert "victim" not in [each.session_id for each in shared.store.known()]
        fleet = [lease for each in shared.store.fleet() for lease in each.leases]
        assert other in fleet
        assert "victim" not in [each.session_id for each in fleet]
    assert 1 <= len(shared.told) <= 2
    assert len(set(shared.told)) == len(shared.told)
    for said in shared.told:
        assert said.startswith("warning: ")
        assert "session 'victim'" in said


@pytest.mark.parametrize(
    "forgery",
    ["the project of another session", "a block without room", "no time", "a pin that is no port"],
)
def test_ports_of_a_forged_record_go_to_nobody_whatever_its_time(
    shared: Shared, forgery: str
) -> None:
    shared.forge(forgery)
    later = NOON + 10**6
    assert [shared.claim(name, later).block.start for name in "abc"] == [10010, 10020, 10030]
    with pytest.raises(NoPortsAvailableError):
        shared.claim("d", later)


def test_a_name_that_a_forged_record_has_is_not_given_to_another_session(shared: Shared) -> None:
    name = project_name("other")
    shared.write(f"UPDATE {shared.table} SET project = '{name}' WHERE {shared.where}", ())
    shared.write(f"UPDATE {shared.table} SET start = -7 WHERE {shared.where}", ())
    assert shared.claim("other").project == project_name("other", [name])


def test_what_a_hint_says_removes_the_record(shared: Shared) -> None:
    shared.forge("the project of another session")
    with pytest.raises(StoreError) as error:
        shared.store.get("victim")
    shared.write(error.value.hint.partition("record: ")[2], ())
    assert shared.store.get("victim") is None
    assert shared.claim("victim").block == LEASE.block


def test_a_forged_pin_takes_no_port_from_who_has_it(shared: Shared) -> None:
    mine = shared.claim("other")
    shared.write(
        f"UPDATE {shared.table} SET project = 'shop', pins = "
        f"'{{\"web:80/tcp\": {mine.block.start + 4}}}' WHERE {shared.where}",
        (),
    )
    again = shared.claim("other", NOON + 1)
    assert again.block == mine.block
    with pytest.raises(StoreError, match="project"):
        shared.store.get("victim")
    shared.store.update("other", release)
    assert shared.claim("other").block != mine.block


# The short way


@FORGED
def test_the_short_way_refuses_what_it_reads_and_renews_nothing(
    local: Shared, forgery: str
) -> None:
    column, value, _ = FORGERIES[forgery]
    assert read_and_renew(local.path, "victim", NOON) is not None
    local.forge(forgery)
    if column in UNREAD:
        return
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_and_renew(local.path, "victim", NOON + 7)
    expected = value if column == "expires_at" else NOON + 120
    with closing(sqlite3.connect(local.path)) as connection:
        rows = connection.execute("SELECT expires_at FROM leases").fetchall()
    assert rows == [(expected,)]


@pytest.mark.parametrize(
    "forgery", ["the project of another session", "a relative worktree", "no place"]
)
def test_the_hook_passes_over_a_forged_place(local: Shared, forgery: str) -> None:
    assert [each["worktree"] for each in read_places(local.path)] == ["/w"]
    local.forge(forgery)
    assert read_places(local.path) == []


def test_the_short_way_refuses_a_mark_that_is_no_truth(local: Shared) -> None:
    local.forge("a mark of the hook that is no truth")
    with pytest.raises(ValueError, match="unused"):
        read_and_renew(local.path, "victim", NOON + 7)


# The mark of the git hook


@pytest.mark.parametrize(
    "forgery",
    ["the project of another session", "a block without room", "no time", "a pin that is no port"],
)
def test_a_forged_record_does_not_give_way_whatever_its_mark_says(
    shared: Shared, forgery: str
) -> None:
    shared.put(LEASE._replace(unused=True))
    shared.forge(forgery)
    for name in "abc":
        shared.claim(name)
    request = AllocationRequest("d", GRID, NOON, 2, NOTHING_RUNS, may_take_unused=True)
    with pytest.raises(NoPortsAvailableError):
        shared.store.update("d", lambda snapshot: claim(snapshot, request))


def test_a_mark_that_is_no_truth_lets_nobody_take_the_ports(shared: Shared) -> None:
    shared.forge("a mark of the hook that is no truth")
    for name in "abc":
        shared.claim(name)
    request = AllocationRequest("d", GRID, NOON, 2, NOTHING_RUNS, may_take_unused=True)
    with pytest.raises(NoPortsAvailableError):
        shared.store.update("d", lambda snapshot: claim(snapshot, request))


# The commands


@pytest.mark.parametrize("is_shared", [False, True], ids=["SQLite", "PostgreSQL"])
@pytest.mark.parametrize(
    "forgery", ["the project of another session", "a variable that the linker obeys"]
)
def test_no_command_uses_a_forged_record(
    shell: Shell, docker: FakeDocker, forgery: str, *, is_shared: bool
) -> None:
    """Nothing is printed that a shell could evaluate, and nothing is started or removed."""
    docker.publish(web=8080)
    engine = f"forged-{shell.cwd}"
    url = postgres.shared().tcp_url() if is_shared else ""
    user = shell.using(docker).having(
        COMPOSEPORTS_STORE=url, COMPOSEPORTS_ENGINE=engine, COMPOSEPORTS_MACHINE="ant"
    )
    session_id = user.run("allocate", "--json").document["session_id"]
    column, value, named = FORGERIES[forgery]
    if is_shared:
        with postgres.connected(postgres.shared().socket_url()) as connection:
            statement = f"UPDATE composeports.leases SET {column} = %s WHERE session_id = %s"
            assert connection.execute(statement.encode(), (value, session_id)).rowcount == 1
    else:
        with closing(sqlite3.connect(shell.state / "leases.sqlite3")) as own, own:
            statement = f"UPDATE leases SET {column} = ? WHERE session_id = ?"
            assert own.execute(statement, (value, session_id)).rowcount == 1
    before = len(docker.calls)
    commands = ("env",), ("env", "--", "env"), ("url", "web"), ("up",)
    for command in (*commands, ("down", "-v"), ("release",), ("ps",)):
        done = user.run(*command)
        assert (done.code, done.out) == (78, ""), command
        assert f"record of session '{session_id}' ({named}: " in done.err
    asked = [call for call in docker.calls[before:] if call.startswith("compose ")]
    assert not [call for call in asked if {"up", "down", "rm", "ps"} & set(call.split())]


# Names of projects


@pytest.mark.parametrize("salts", [0, 1, 15])
def test_a_name_under_any_of_the_first_salts_is_the_session_s(shared: Shared, salts: int) -> None:
    taken = [under_salt(number) for number in range(salts)]
    name = project_name("victim", taken, "my-team")
    shared.write(f"UPDATE {shared.table} SET project = '{name}'", ())
    found = shared.store.get("victim")
    assert found is not None
    assert found.project == name


def test_a_readable_name_before_the_hash_is_the_session_s(shared: Shared) -> None:
    name = project_name("victim", prefix=f"{'a' * 20}-{'b' * 20}")
    shared.write(f"UPDATE {shared.table} SET project = '{name}'", ())
    found = shared.store.get("victim")
    assert found is not None
    assert found.project == name


def test_a_session_that_came_from_a_shared_store_has_its_name_from_there(tmp_path: Path) -> None:
    path = tmp_path / "leases.sqlite3"
    asked: list[int] = []

    def machine() -> str:
        asked.append(1)
        return "build-1"

    moved = Lease("/r/.git", PortBlock(10000, 10), project_name("build-1:/r/.git"), NOON, NOON)
    with closing(SqliteStore(path, machine=machine)) as store:
        store.update("victim", lambda _: StoreUpdate(LEASE))
        store.held()
        assert not asked
        store.update("victim", lambda _: StoreUpdate(forget=True))
        store.update("victim", lambda _: StoreUpdate(LEASE._replace(block=PortBlock(10010, 10))))
        store.update("/r/.git", lambda _: StoreUpdate(moved))
        assert store.get("/r/.git") == moved
        assert [hold.refused for hold in store.snapshot("x").others] == [False, False]
    with closing(SqliteStore(path, machine=lambda: "build-2")) as store:
        assert [lease.session_id for lease in store.held()] == ["victim"]


def test_a_session_that_went_to_a_shared_store_keeps_its_name(shared: Shared) -> None:
    place = WorktreeLocation("/r", "/r/.git", "/r", "main", "build-1")
    moved = Lease("build-1:/r/.git", PortBlock(10010, 10), project_name("/r/.git"), NOON, NOON)
    for machine, sound in (("build-1", True), ("build-2", False)):
        lease = Lease(
            **{
                each: getattr(moved, each)
                for each in ("session_id", "block", "project", "allocated_at", "expires_at")
            },
            place=WorktreeLocation(place.worktree, place.git_dir, place.directory, "main", machine),
        )
        shared.put(lease)
        assert (lease in shared.store.known()) is sound
        if not sound:
            break


# The store's own id


def test_a_store_has_an_id_of_its_own(shared: Shared, tmp_path: Path) -> None:
    assert len(shared.store.identity()) >= 32
    assert shared.store.snapshot("victim").store == shared.store.identity()
    found = shared.store.get("victim")
    assert found is not None
    assert found.store == shared.store.identity()
    assert shared.claim("other").store == shared.store.identity()
    (tmp_path / "other").mkdir()
    with closing(SqliteStore(tmp_path / "other" / "leases.sqlite3")) as other:
        assert other.identity() == ""
        other.update("a", release)
        assert other.identity() not in {"", shared.store.identity()}


def test_many_that_make_a_store_at_once_give_it_one_id(tmp_path: Path) -> None:
    ids: list[str] = []

    def begin() -> None:
        with closing(SqliteStore(tmp_path / "leases.sqlite3")) as store:
            store.update("a", release)
            ids.append(store.identity())

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1


def test_a_store_that_has_lost_its_id_is_damaged(local: Shared) -> None:
    local.store.close()
    local.write("DELETE FROM store", ())
    with pytest.raises(StoreError, match="has lost its id"):
        local.store.held()


def test_a_database_of_the_earlier_format_gets_an_id_and_loses_what_no_store_may_set() -> None:
    server = postgres.shared()
    url = server.socket_url(postgres.new_database(server))
    own = EngineIdentity("engine", "host", "host.example", local=False)
    bad = LEASE._replace(environment=(("PATH", "/w"), ("WEB_PORT", "10004")))
    with closing(PostgresStore(url, engine=lambda: own)) as store:
        store.update("victim", lambda _: StoreUpdate(bad))
    with postgres.connected(url) as admin:
        admin.execute("ALTER TABLE composeports.meta DROP COLUMN store")
        admin.execute("UPDATE composeports.meta SET format = 1")
    with closing(PostgresStore(url, engine=lambda: own)) as store:
        with pytest.raises(StoreError, match="older format 1"):
            store.held()
        assert store.create() == 1
        assert store.held() == [LEASE]
        assert len(store.identity()) == 36
