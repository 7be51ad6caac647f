"""What only the SQLite store has: a file, other processes, and their failures."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from composeports.core.allocation import claim, release
from composeports.core.allocation_request import UNKNOWN, AllocationRequest
from composeports.core.clock import ClockReading
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock, PortGrid
from composeports.core.session import project_name
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.errors import StoreBusyError, StoreError
from composeports.host.clock import read_clock
from composeports.stores.sqlite import store as sqlite_store
from composeports.stores.sqlite.database import APPLICATION_ID, VERSION, is_store
from composeports.stores.sqlite.fast_read import read_and_renew
from composeports.stores.sqlite.store import SqliteStore
from tests.harness.program import output, start
from tests.harness.waits import HANG, wait_until
from tests.support.earlier_stores import as_of_version

pytestmark = pytest.mark.integration

TESTS = Path(__file__).parents[2]
LEASE = Lease("a", PortBlock(10000, 10), project_name("a"), 100.0, 200.0)
Operation = Callable[[SqliteStore], object]


def put(store: SqliteStore, lease: Lease = LEASE) -> None:
    store.update(lease.session_id, lambda _: StoreUpdate(lease))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "leases.sqlite3"


@contextmanager
def opened(path: Path, **options: object) -> Iterator[SqliteStore]:
    with closing(SqliteStore(path, **options)) as store:  # type: ignore[arg-type]
        yield store


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with opened(path) as store:
        yield store


READS: dict[str, Operation] = {
    "get": lambda store: store.get("a"),
    "held": lambda store: store.held(),
    "snapshot": lambda store: store.snapshot("a"),
}
OPERATIONS: dict[str, Operation] = {**READS, "update": put}
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


# The file


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_reading_creates_nothing(store: SqliteStore, path: Path, read: Operation) -> None:
    assert read(store) in (None, [], StoreSnapshot())
    assert not path.parent.exists()


def test_folder_and_file_are_for_their_owner_alone(store: SqliteStore, path: Path) -> None:
    before = os.umask(0)
    try:
        put(store)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("folder_mode", "file_mode"), [(0o755, 0o600), (0o770, 0o660), (0o2775, 0o660), (0o1777, 0o666)]
)
def test_who_may_write_to_the_folder_may_write_to_the_store(
    store: SqliteStore, path: Path, folder_mode: int, file_mode: int
) -> None:
    path.parent.mkdir()
    path.parent.chmod(folder_mode)
    before = os.umask(0o077)
    try:
        put(store)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.parent.stat().st_mode) == folder_mode
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {file_mode}


def test_another_process_sees_what_was_written(store: SqliteStore, path: Path) -> None:
    put(store)
    with opened(path) as other:
        assert other.get("a") == LEASE


def test_names_with_signs_that_mean_something_to_sqlite_are_just_names(tmp_path: Path) -> None:
    for name in ("a?b", "a#b", "100%25", "a b", "日本", "it's", ":memory:", os.fsdecode(b"\xff")):
        path = tmp_path / name / name
        with opened(path) as store:
            put(store)
        assert path.is_file()
        with opened(path) as store:
            assert store.get("a") == LEASE


def test_an_empty_file_is_a_store_that_has_not_begun(store: SqliteStore, path: Path) -> None:
    """A process may have been killed right after it made the file."""
    path.parent.mkdir()
    path.touch()
    assert store.held() == []
    assert path.read_bytes() == b""
    put(store)
    assert store.held() == [LEASE]


@pytest.mark.parametrize("step", range(1, 6))
def test_a_store_that_is_just_being_made_is_not_taken_for_something_else(
    path: Path, step: int
) -> None:
    """Another process creates the tables between any two checks of the file."""
    path.parent.mkdir()
    path.touch()
    statements: list[str] = []

    def make_in_between(statement: str) -> None:
        statements.append(statement)
        if len(statements) == step:
            with suppress(StoreBusyError), opened(path, wait_seconds=0) as other:
                put(other)

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.set_trace_callback(make_in_between)
        is_store(connection, str(path))
    assert len(statements) == 5


# Files that are not ours to use


def make_foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE invoices (id)")
        connection.commit()


def make_foreign_with_id(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 252006673")
        connection.commit()


def make_newer(path: Path) -> None:
    with opened(path) as store:
        put(store)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        connection.execute("PRAGMA journal_mode = DELETE")


def make_text(path: Path) -> None:
    path.write_text("dear diary\n" * 500)


def make_damaged(path: Path) -> None:
    with opened(path) as store:
        put(store)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    data = bytearray(path.read_bytes())
    data[2048:] = b"\xa5" * (len(data) - 2048)
    path.write_bytes(data)


def make_truncated(path: Path) -> None:
    make_damaged(path)
    path.write_bytes(path.read_bytes()[:5000])


UNUSABLE: dict[str, tuple[Callable[[Path], None], str]] = {
    "foreign": (make_foreign, "database of something else"),
    "foreign with an id": (make_foreign_with_id, "database of something else"),
    "newer": (make_newer, f"format {VERSION + 1}, of a newer composeports"),
    "text": (make_text, "is not a database"),
    "damaged": (make_damaged, "is damaged"),
    "truncated": (make_truncated, "is damaged"),
}


@every_operation
@pytest.mark.parametrize(("make", "said"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_that_is_no_store_of_ours_is_refused_and_stays_as_it_is(
    store: SqliteStore,
    path: Path,
    make: Callable[[Path], None],
    said: str,
    operation: Operation,
) -> None:
    path.parent.mkdir()
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=said) as told:
        operation(store)
    store.close()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    assert str(path) in told.value.message
    assert "COMPOSEPORTS_STORE" in told.value.hint
    assert (told.value.exit_code, told.value.code) == (78, "store_unusable")


@every_operation
def test_a_store_that_is_upgraded_while_it_is_open_is_refused(
    store: SqliteStore, path: Path, operation: Operation
) -> None:
    put(store)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match="of a newer composeports"):
        operation(store)


def test_a_record_that_makes_no_sense_names_its_session(store: SqliteStore, path: Path) -> None:
    put(store)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE leases SET memory = '{}'")
        connection.commit()
    with pytest.raises(StoreError, match="damaged record of session 'a'"):
        store.get("a")


# Rights and space


def test_a_read_only_file_is_told(common_folder: Path) -> None:
    path = common_folder / "leases.sqlite3"
    with opened(path) as store:
        put(store)
    path.chmod(0o400)
    with opened(path) as store, pytest.raises(StoreError, match="is read-only"):
        put(store)


def test_a_folder_that_may_not_be_written_is_told(common_folder: Path) -> None:
    (common_folder / "shut").mkdir(mode=0o500)
    with opened(common_folder / "shut" / "deep" / "leases.sqlite3") as store:
        assert store.held() == []
        with pytest.raises(StoreError, match="Permission denied") as told:
            put(store)
    assert "shut" in told.value.message


@every_operation
def test_a_file_that_may_not_be_read_is_told(common_folder: Path, operation: Operation) -> None:
    path = common_folder / "leases.sqlite3"
    with opened(path) as store:
        put(store)
    path.chmod(0)
    with opened(path) as store, pytest.raises(StoreError, match=r"may not be opened|cannot be"):
        operation(store)


@every_operation
def test_a_path_through_a_file_is_told(tmp_path: Path, operation: Operation) -> None:
    (tmp_path / "file").touch()
    with opened(tmp_path / "file" / "leases.sqlite3") as store, pytest.raises(StoreError) as told:
        operation(store)
    assert f"{tmp_path}/file" in told.value.message


def test_a_full_disk_is_told_and_nothing_is_lost(store: SqliteStore, path: Path) -> None:
    put(store)
    connection = store._connection  # noqa: SLF001 - the limit is the connection's own
    assert connection is not None
    ((pages,),) = connection.execute("PRAGMA page_count")
    connection.execute(f"PRAGMA max_page_count = {pages}")
    large = Lease(
        "b", PortBlock(10010, 10), project_name("b"), 1.0, 2.0, environment=(("A", "x" * 100_000),)
    )
    with pytest.raises(StoreError, match="no space left"):
        put(store, large)
    assert store.held() == [LEASE]
    with opened(path) as other:
        assert other.held() == [LEASE]


# A file that changes under an open store


def test_a_removed_file_is_noticed_and_made_anew(store: SqliteStore, path: Path) -> None:
    put(store)
    for each in path.parent.iterdir():
        each.unlink()
    assert store.get("a") is None
    assert not path.exists()
    put(store)
    with opened(path) as other:
        assert other.held() == [LEASE]


def test_a_replaced_file_is_noticed(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    put(store)
    replacement = Lease("b", PortBlock(10010, 10), project_name("b"), 1.0, 2.0)
    with opened(tmp_path / "new") as other:
        put(other, replacement)
    for each in path.parent.iterdir():
        each.unlink()
    (tmp_path / "new").rename(path)
    assert store.held() == [replacement]


# Other processes

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
"""


@contextmanager
def locked_by_another_process(path: Path) -> Iterator[Callable[[], None]]:
    """Hold the write lock until the block ends, or until what it gives is called."""
    holder = (sys.executable, "-c", HOLD, path)
    process = start(*holder, stdin=subprocess.PIPE, stderr=None)
    assert process.stdin is not None
    assert process.stdout is not None

    def release() -> None:
        process.communicate("\n")

    try:
        assert process.stdout.readline() == "locked\n"
        yield release
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_a_lock_that_stays_is_an_error_that_says_try_again(path: Path) -> None:
    with opened(path, wait_seconds=0.3) as store:
        put(store)
        with locked_by_another_process(path), pytest.raises(StoreBusyError) as told:
            store.update("a", release)
        assert str(path) in told.value.message
        assert "try again" in told.value.hint
        assert (told.value.exit_code, told.value.code) == (75, "store_busy")
        assert store.held() == [LEASE]


def test_waiting_says_what_for_once_and_goes_on_when_it_can(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "NOTICE_SECONDS", 0.1)
    said: list[str] = []
    with opened(path, waiting=said.append) as store:
        put(store)
        with locked_by_another_process(path) as unlock:
            waiting = threading.Thread(target=store.update, args=("a", release))
            waiting.start()
            wait_until(lambda: bool(said), "the notice")
            unlock()
            waiting.join()
        assert store.held() == []
    assert said == [f"waiting for the lease store {path} (another composeports is writing)"]


def test_a_wait_of_less_than_a_second_is_not_worth_a_word(path: Path) -> None:
    said: list[str] = []
    with opened(path, waiting=said.append, wait_seconds=0.3) as store:
        put(store)
        with locked_by_another_process(path), pytest.raises(StoreBusyError):
            put(store)
    assert said == []


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_readers_do_not_wait_for_a_writer(path: Path, read: Operation) -> None:
    with opened(path, wait_seconds=0) as store:
        put(store)
        with locked_by_another_process(path):
            assert read(store)


def test_a_thread_that_waits_for_another_one_gives_up_too(path: Path) -> None:
    with opened(path, wait_seconds=0.2) as store:
        inside, leave = threading.Event(), threading.Event()

        def slow(_: StoreSnapshot) -> StoreUpdate:
            inside.set()
            leave.wait(HANG)
            return StoreUpdate(LEASE)

        writer = threading.Thread(target=store.update, args=("a", slow))
        writer.start()
        inside.wait(HANG)
        with pytest.raises(StoreBusyError):
            store.held()
        leave.set()
        writer.join()
        assert store.held() == [LEASE]


KILLED = """
import os, signal, sys
from composeports.core.snapshot import StoreUpdate
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock
from composeports.stores.sqlite import store
from composeports.stores.sqlite.store import SqliteStore

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "after writing":
    write = store.write_outcome
    store.write_outcome = lambda *given: (write(*given), die())
lease = Lease("b", PortBlock(10000, 10), "ac-3e23e816", 1.0, 2.0)
decide = die if sys.argv[2] == "deciding" else lambda snapshot: StoreUpdate(lease, reclaimed=("a",))
SqliteStore(sys.argv[1]).update("b", decide)
"""


@pytest.mark.parametrize("moment", ["deciding", "after writing"])
def test_a_process_that_is_killed_in_a_transaction_changes_nothing(
    store: SqliteStore, path: Path, moment: str
) -> None:
    put(store)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), moment], check=False)
    assert done.returncode == -signal.SIGKILL
    assert store.held() == [LEASE]
    assert store.get("b") is None
    request = AllocationRequest("b", PortGrid(10000, 10, 2), 150.0, 2, UNKNOWN)
    granted = store.update("b", lambda snapshot: claim(snapshot, request)).granted
    assert granted.block == PortBlock(10010, 10)


def test_without_the_kill_the_same_program_would_write(store: SqliteStore, path: Path) -> None:
    """Otherwise the test above would prove nothing."""
    put(store)
    subprocess.run([sys.executable, "-c", KILLED, str(path), "never"], check=True)
    assert [lease.session_id for lease in store.held()] == ["b"]


RACER = (sys.executable, TESTS / "support" / "racer.py")


def race(path: Path, marker_folder: Path, processes: int, rounds: int, slots: int) -> list[str]:
    """Let many processes take and release blocks; return the output of each."""
    marker_folder.mkdir()
    words = (f"{rounds}", f"{slots}")
    racers = [
        start(*RACER, path, marker_folder, f"s{each}", *words, stderr=subprocess.STDOUT)
        for each in range(processes)
    ]
    try:
        wait_until(lambda: len(list(marker_folder.glob("ready-*"))) == processes, "all racers")
        (marker_folder / "go").touch()
        return [racer.communicate()[0] for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()


def test_sixteen_racing_processes_never_have_a_block_at_once(
    store: SqliteStore, path: Path, tmp_path: Path
) -> None:
    """They also race to make the file, and more of them want a block than there are."""
    said = race(path, tmp_path / "markers", processes=16, rounds=15, slots=12)
    assert said == ["0\n"] * 16
    assert store.held() == []
    assert sorted(each.name for each in (tmp_path / "markers").glob("block-*")) == []


def test_the_witness_of_the_race_can_tell(path: Path, tmp_path: Path) -> None:
    """A block that has a marker file before it is taken is reported."""
    marker_folder = tmp_path / "markers"
    marker_folder.mkdir()
    (marker_folder / "block-10000").touch()
    (marker_folder / "go").touch()
    assert output(*RACER, path, marker_folder, "a", "1", "1") == "1\n"


# The quick reader of `composeports env`


def test_the_quick_reader_gives_the_row_and_renews_it(store: SqliteStore, path: Path) -> None:
    put(store)
    row = read_and_renew(str(path), "a", 1000.0)
    assert row is not None
    assert row[:3] == (10000, 10, project_name("a"))
    renewed = store.get("a")
    assert renewed is not None
    assert renewed.expires_at == 1000.0 + 120 * 60
    assert renewed == LEASE.renewed(1000.0, 120)


def test_the_quick_reader_renews_one_session_alone(store: SqliteStore, path: Path) -> None:
    other = Lease("b", PortBlock(10010, 10), project_name("b"), 1.0, 2.0)
    put(store)
    put(store, other)
    read_and_renew(str(path), "a", 1000.0)
    assert store.get("b") == other


def test_the_quick_reader_gives_nothing_for_who_holds_nothing(
    store: SqliteStore, path: Path
) -> None:
    assert read_and_renew(str(path), "a", 1000.0) is None
    assert not path.parent.exists()
    put(store)
    store.update("a", release)
    assert read_and_renew(str(path), "a", 1000.0) is None
    assert read_and_renew(str(path), "b", 1000.0) is None
    assert store.get("a") == LEASE.released()


def test_the_quick_reader_uses_a_lease_of_the_hook_once(store: SqliteStore, path: Path) -> None:
    mine = LEASE._replace(unused=True, name="a", offsets={"unused:80/tcp": 7})
    other = Lease("b", PortBlock(10010, 10), project_name("b"), 1.0, 2.0, unused=True)
    put(store, mine)
    put(store, other)
    assert read_and_renew(str(path), "a", 1000.0) is not None
    used = mine._replace(unused=False).renewed(1000.0, 120)
    assert store.get("a") == used
    assert store.get("b") == other
    assert read_and_renew(str(path), "a", 1001.0) is not None
    assert store.get("a") == used.renewed(1001.0, 120)


def test_the_quick_reader_gives_no_ports_that_another_session_may_take(
    store: SqliteStore, path: Path
) -> None:
    put(store, LEASE._replace(unused=True))
    with locked_by_another_process(path):
        assert read_and_renew(str(path), "a", 1000.0) is None
    assert store.held() == [LEASE._replace(unused=True)]


def test_the_quick_reader_does_not_wait_long(store: SqliteStore, path: Path) -> None:
    put(store)
    with locked_by_another_process(path):
        row = read_and_renew(str(path), "a", 1000.0)
    assert row is not None
    assert row[:3] == (LEASE.block.start, LEASE.block.size, LEASE.project)
    assert store.held() == [LEASE], "it is not extended"


@pytest.mark.parametrize(("make", "said"), UNUSABLE.values(), ids=UNUSABLE)
def test_the_quick_reader_refuses_what_the_store_refuses(
    path: Path, make: Callable[[Path], None], said: str
) -> None:
    path.parent.mkdir()
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=said):
        read_and_renew(str(path), "a", 1000.0)
    assert path.read_bytes() == before


def test_the_mark_of_the_file_is_the_program_s_own(store: SqliteStore, path: Path) -> None:
    put(store)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# A store of an earlier version


def make_earlier(path: Path, version: int) -> None:
    """Make a store of an earlier format with a lease in it."""
    path.unlink(missing_ok=True)
    with opened(path) as store:
        put(store)
    as_of_version(path, version)


@pytest.mark.parametrize("version", range(1, VERSION))
@every_operation
def test_a_store_of_an_earlier_version_is_brought_up_to_date(
    store: SqliteStore, path: Path, operation: Operation, version: int
) -> None:
    make_earlier(path, version)
    with opened(path) as before:
        kept = before.known()
    make_earlier(path, version)
    operation(store)
    assert {lease.session_id for lease in kept} <= {each.session_id for each in store.known()}
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_an_earlier_store_loses_the_variables_that_no_store_may_set(path: Path) -> None:
    bad = (("LD_PRELOAD", "/evil.so"), ("WEB_PORT", "10004"), ("PAGER", "x"))
    with opened(path) as store:
        store.update("a", lambda _: StoreUpdate(LEASE._replace(environment=bad)))
        with pytest.raises(StoreError, match="LD_PRELOAD"):
            store.get("a")
    as_of_version(path, 3)
    with opened(path) as store:
        assert store.held() == [LEASE._replace(environment=(("WEB_PORT", "10004"),))]
        assert len(store.identity()) == 32


def test_many_bring_one_store_up_to_date_at_once(path: Path) -> None:
    make_earlier(path, 1)

    def look(_: int) -> int:
        with opened(path) as store:
            return len(store.held())

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(look, range(16))) == {1}


def test_the_short_way_knows_a_clock_that_was_set(path: Path) -> None:
    now = read_clock()
    earlier = ClockReading(now.boot, now.wall - 7200, now.steady)
    with closing(SqliteStore(path, clock=lambda: earlier)) as store:
        put(store)
        (before,) = store.held()
    read_and_renew(str(path), "nobody", now.wall)
    with closing(SqliteStore(path)) as store:
        (after,) = store.held()
    assert after.expires_at - before.expires_at == pytest.approx(7200, abs=30)
