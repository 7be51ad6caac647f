"""Failures of the connection and of PostgreSQL: repaired or reported, never half done."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import quote

import psycopg
import pytest

from composeports.core.allocation import claim
from composeports.core.allocation_request import NOTHING_RUNS, AllocationRequest
from composeports.core.engine_identity import EngineIdentity
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock, PortGrid
from composeports.core.session import project_name
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.errors import ComposeportsError, StoreBusyError, StoreError, StoreServerError
from composeports.stores.postgres.connection import TimeLimitedConnection
from composeports.stores.postgres.schema import VERSION
from composeports.stores.postgres.store import PostgresStore
from devkit.postgres import Mode, Server
from tests.harness.waits import wait_until
from tests.support import postgres
from tests.support.documents import blocks
from tests.support.machine import FakeDocker, Shell
from tests.support.tcp_proxy import TO_CLIENT, TO_SERVER, Proxy

pytestmark = pytest.mark.integration

OWN = EngineIdentity("one", "host-1", "one.example", local=False)
GRID = PortGrid(10000, 10, 20)
PASSWORD = "s3cret%2F-p4ss"
DECODED = "s3cret/-p4ss"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that these tests may do to whatever they like."""
    name = f"faults-{postgres.NAME}"
    yield (started := postgres.start(name))
    postgres.stop(started)


@pytest.fixture
def database(server: Server) -> str:
    return postgres.new_database(server)


@pytest.fixture
def url(server: Server, database: str) -> str:
    return server.tcp_url(database)


@pytest.fixture
def admin(server: Server, database: str) -> Iterator[psycopg.Connection]:
    with postgres.connected(server.socket_url(database)) as connection:
        yield connection


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    with opened(url) as found:
        yield found


@contextmanager
def opened(
    url: str, wait_seconds: float = 20, waiting: Callable[[str], None] = lambda _: None
) -> Iterator[PostgresStore]:
    store = PostgresStore(url, engine=lambda: OWN, wait_seconds=wait_seconds, waiting=waiting)
    try:
        yield store
    finally:
        store.close()


def counted(snapshot: StoreSnapshot) -> StoreUpdate:
    """Increase the COUNT in the lease, so that a step that is taken twice is visible."""
    own = snapshot.own or Lease("a", PortBlock(10000, 10), project_name("a"), 1.0, 2.0)
    return StoreUpdate(own._replace(environment=(("COUNT", str(count_in(own) + 1)),)))


def count_in(lease: Lease | None) -> int:
    return int(dict(lease.environment).get("COUNT", "0")) if lease is not None else 0


def start_of(store: PostgresStore, name: str) -> int:
    asked = AllocationRequest(name, GRID, time.time(), 5, NOTHING_RUNS)
    return store.update(name, lambda snapshot: claim(snapshot, asked)).granted.block.start


# The server goes and comes back


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_restarts_in_the_middle_costs_nothing_but_time(
    server: Server, store: PostgresStore, mode: Mode
) -> None:
    """Each step is taken once: none is lost, and none is taken twice."""
    done = 0
    ended = threading.Event()

    def count() -> int:
        nonlocal done
        while not ended.is_set():
            store.update("a", counted)
            done += 1
        return done

    with ThreadPoolExecutor(1) as pool:
        counting = pool.submit(count)
        try:
            wait_until(lambda: done > 20, "some updates")
            postgres.restart(server, mode)
            before = done
            wait_until(lambda: done > before + 20 or counting.done(), "updates afterwards")
        finally:
            ended.set()
        assert count_in(store.get("a")) == counting.result()


def test_what_was_given_out_survives_the_death_of_the_server(
    server: Server, store: PostgresStore
) -> None:
    starts = [start_of(store, name) for name in "abc"]
    postgres.restart(server, "immediate")
    assert [lease.block.start for lease in store.held()] == starts


def test_a_reader_waits_for_a_server_that_restarts(server: Server, store: PostgresStore) -> None:
    start_of(store, "a")
    postgres.restart(server)
    lease = store.get("a")
    assert lease is not None
    assert lease.held


def test_a_server_that_is_not_there_yet_is_waited_for(url: str, server: Server) -> None:
    gone = Proxy(*server.address)
    gone.close()
    late: list[Proxy] = []

    def begin(text: str) -> None:
        assert "waiting for the server" in text
        late.append(Proxy(*server.address, gone.port))

    proxied = url.replace(f":{server.address[1]}/", f":{gone.port}/")
    with opened(proxied, waiting=begin) as store:
        assert start_of(store, "a") == 10000
    late[0].close()


def test_a_server_that_nobody_finds_is_told_after_a_while(url: str, server: Server) -> None:
    proxy = Proxy(*server.address)
    proxied = url.replace(f":{server.address[1]}/", f":{proxy.port}/")
    proxy.close()
    told: list[str] = []
    begun = time.monotonic()
    with opened(proxied, 1.5, told.append) as store, pytest.raises(StoreServerError) as error:
        store.get("a")
    assert 1 <= time.monotonic() - begun < 5
    assert error.value.exit_code == 69
    assert "cannot be reached" in error.value.message
    assert len(told) == 1
    assert server.password not in told[0] + error.value.message


# The connection breaks


def ended_backend(admin: psycopg.Connection, database: str) -> int:
    """End whatever store is connected; return how many there were."""
    return len(
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'composeports' AND datname = %s",
            (database,),
        ).fetchall()
    )


def test_a_backend_that_is_ended_before_an_update_is_replaced(
    store: PostgresStore, admin: psycopg.Connection, database: str
) -> None:
    store.update("a", counted)
    assert ended_backend(admin, database) == 1
    store.update("a", counted)
    assert count_in(store.get("a")) == 2


def test_one_that_is_ended_while_it_decides_decides_again(
    store: PostgresStore, admin: psycopg.Connection, database: str
) -> None:
    store.update("a", counted)
    ended: list[int] = []

    def decide(snapshot: StoreSnapshot) -> StoreUpdate:
        if not ended:
            ended.append(ended_backend(admin, database))
        return counted(snapshot)

    store.update("a", decide)
    assert ended == [1]
    assert count_in(store.get("a")) == 2


@pytest.mark.parametrize("direction", [TO_SERVER, TO_CLIENT])
def test_a_connection_cut_at_any_byte_of_an_update_loses_and_doubles_nothing(
    server: Server, url: str, direction: str
) -> None:
    """The client never knows what came of its commit, and finds out."""
    # Through the socket that asks for no password, which takes its time.
    proxy = Proxy(str(server.run / f".s.PGSQL.{server.address[1]}"))
    proxied = f"postgresql://postgres@127.0.0.1:{proxy.port}{url[url.rindex('/') :]}"
    try:
        with opened(proxied) as store:
            store.update("a", counted)
            proxy.reset()
            store.update("a", counted)  # nothing is prepared yet, as after each cut
            total = proxy.seen[direction]
            expected = 2
            for count in range(0, total + 1, max(1, total // 120)):
                proxy.cut_after(count, direction)
                store.update("a", counted)
                proxy.uncut()
                expected += 1
                assert count_in(store.get("a")) == expected, f"cut after {count} bytes"
        assert proxy.cuts >= 110
    finally:
        proxy.close()


def test_a_server_that_says_nothing_any_more_is_given_up(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TimeLimitedConnection, "answer_seconds", 0.5)
    with opened(url, 1) as store, postgres.stopped(server):
        begun = time.monotonic()
        with pytest.raises(StoreServerError):
            store.update("a", counted)
        assert time.monotonic() - begun < 10


def test_a_frozen_server_ends_every_command_in_time_and_loses_nothing(
    server: Server, url: str, shell: Shell, docker: FakeDocker
) -> None:
    place = shell.using(docker).having(COMPOSEPORTS_STORE=url, COMPOSEPORTS_ENGINE="one")
    docker.publish(web=8080)
    assert place.run("up").code == 0
    before = place.run("status", "--json").document[0]
    commands = ("status", "env", "allocate", "release", "up", "down", "gc", "plan")
    with postgres.stopped(server), ThreadPoolExecutor(len(commands)) as pool:
        begun = time.monotonic()
        ended = list(pool.map(place.run, commands))
        assert time.monotonic() - begun < 60
    for command, done in zip(commands, ended, strict=True):
        assert done.code == StoreServerError.exit_code, f"{command}: {done.err}"
        assert "cannot be reached" in done.err
        assert done.err.count("waiting for the server of the lease store") == 1
    (after,) = place.run("status", "--json").document
    assert {name: after[name] for name in ("session_id", "ports", "allocated_at", "state")} == {
        name: before[name] for name in ("session_id", "ports", "allocated_at", "state")
    }


def test_a_client_that_stands_still_loses_the_lock(
    store: PostgresStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("composeports.stores.postgres.transaction.IDLE", "300ms")
    store.update("a", counted)
    with opened(url) as other:
        others: list[int] = []

        def decide(snapshot: StoreSnapshot) -> StoreUpdate:
            if not others:
                monkeypatch.undo()
                others.append(start_of(other, "b"))
            return counted(snapshot)

        store.update("a", decide)
    assert count_in(store.get("a")) == 2
    assert others == [10010]


# The server says no, for now


@pytest.fixture
def read_only(admin: psycopg.Connection, database: str) -> Iterator[Callable[[bool], None]]:
    """Make the database read-only, as a standby is, and end that."""

    def switch(on: bool) -> None:
        value = "on" if on else "off"
        admin.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = {value}")
        ended_backend(admin, database)

    yield switch
    admin.execute("SET default_transaction_read_only = off")


def test_a_standby_is_waited_for_until_it_is_promoted(
    url: str, store: PostgresStore, read_only: Callable[[bool], None]
) -> None:
    store.update("a", counted)
    read_only(True)
    told: list[str] = []

    def promote(text: str) -> None:
        told.append(text)
        read_only(False)

    with opened(url, waiting=promote) as patient:
        patient.update("a", counted)
    assert len(told) == 1
    assert count_in(store.get("a")) == 2


def test_a_standby_that_takes_over_in_the_middle_goes_on_from_there() -> None:
    primary = postgres.start(f"failover-{postgres.NAME}")
    servers = [primary]
    promoted: list[str] = []

    def promote(_text: str) -> None:
        with postgres.connected(servers[1].socket_url()) as admin:
            promoted.append(str(admin.execute("SELECT pg_promote()").fetchone()))

    try:
        with opened(primary.socket_url()) as before:
            before.update("a", counted)
        servers.append(postgres.standby_of(primary))
        hosts, ports = (
            ",".join(str(each.run) for each in servers),
            ",".join(str(each.address[1]) for each in servers),
        )
        both = f"postgresql:///postgres?host={quote(hosts)}&port={ports}&user=postgres"
        with opened(both, waiting=promote) as store:
            lease = store.get("a")
            store.update("a", counted)
            assert (count_in(lease), count_in(store.get("a"))) == (1, 2)
        wait_until(lambda: bool(promoted), "the answer to the promotion")
        assert promoted == ["(True,)"]
    finally:
        for each in servers:
            postgres.stop(each)


def test_one_that_stays_a_standby_is_told(
    url: str, store: PostgresStore, read_only: Callable[[bool], None]
) -> None:
    store.update("a", counted)
    read_only(True)
    with opened(url, 0.5) as hasty, pytest.raises(StoreServerError, match="read-only") as error:
        hasty.update("a", counted)
    assert error.value.exit_code == 69
    read_only(False)
    assert count_in(store.get("a")) == 1


def test_a_server_with_too_many_connections_is_waited_for(
    server: Server, store: PostgresStore, admin: psycopg.Connection, database: str
) -> None:
    store.update("a", counted)
    admin.execute("CREATE ROLE narrow LOGIN CONNECTION LIMIT 1")
    grant(admin, "narrow")
    narrow = server.socket_url(database, "narrow")
    with opened(narrow) as first:
        first.get("a")
        with opened(narrow, waiting=lambda _: first.close()) as second:
            second.update("a", counted)
    assert count_in(store.get("a")) == 2


def raise_on_write(admin: psycopg.Connection, state: str, condition: str = "true") -> None:
    admin.execute(
        f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {condition} THEN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END IF;
            RETURN NEW;
        END $$
        """
    )
    admin.execute(
        "CREATE TRIGGER refusing BEFORE INSERT OR UPDATE ON composeports.leases"
        " FOR EACH ROW EXECUTE FUNCTION refuse()"
    )


def test_a_full_disk_is_told_and_nothing_is_half_done(
    store: PostgresStore, admin: psycopg.Connection
) -> None:
    for _ in range(3):
        store.update("a", counted)
    raise_on_write(admin, "53100")
    with pytest.raises(StoreServerError, match="no space left") as error:
        store.update("a", counted)
    assert error.value.exit_code == 69
    assert count_in(store.get("a")) == 3
    admin.execute("DROP TRIGGER refusing ON composeports.leases")
    store.update("a", counted)
    assert count_in(store.get("a")) == 4


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_conflict_that_nobody_is_to_blame_for_is_tried_again(
    store: PostgresStore, admin: psycopg.Connection, state: str
) -> None:
    store.update("a", counted)
    admin.execute("CREATE SEQUENCE public.tries")
    raise_on_write(admin, state, "nextval('public.tries') <= 2")
    tries: list[StoreSnapshot] = []

    def decide(snapshot: StoreSnapshot) -> StoreUpdate:
        tries.append(snapshot)
        return counted(snapshot)

    store.update("a", decide)
    assert (len(tries), count_in(store.get("a"))) == (3, 2)


def test_a_lock_that_others_keep_is_waited_for_and_told(store: PostgresStore, url: str) -> None:
    store.update("a", counted)
    told: list[str] = []
    with opened(url, 1.5, told.append) as other:

        def decide(snapshot: StoreSnapshot) -> StoreUpdate:
            with pytest.raises(StoreBusyError):
                other.update("b", counted)
            return counted(snapshot)

        store.update("a", decide)
    assert len(told) == 1
    assert "another composeports is writing" in told[0]


# The server says no, for good


def grant(admin: psycopg.Connection, role: str) -> None:
    """Grant what the documentation says."""
    (granted,) = blocks("docs/fleet.md", "sql")
    names = {"DATABASE ports": f"DATABASE {admin.info.dbname}", "TO agents": f"TO {role}"}
    text = granted.text
    for written, meant in names.items():
        assert written in text
        text = text.replace(written, meant)
    admin.execute(text)


def as_user(server: Server, database: str, name: str, password: str) -> str:
    host, port = server.address
    return f"postgresql://{name}:{password}@{host}:{port}/{database}"


def told_to(url: str) -> ComposeportsError:
    begun = time.monotonic()
    with opened(url) as store, pytest.raises(ComposeportsError) as error:
        store.update("a", counted)
    assert time.monotonic() - begun < 1, "there was nothing to wait for"
    return error.value


def test_a_wrong_password_is_told_at_once_and_shown_nowhere(server: Server, database: str) -> None:
    error = told_to(as_user(server, database, "postgres", PASSWORD))
    assert (error.code, error.exit_code) == ("store_server", 69)
    assert "refuses this user" in error.message
    everything = repr(error) + repr(error.as_dict()) + repr(error.__cause__)
    assert PASSWORD not in everything
    assert DECODED not in everything


@pytest.mark.parametrize(
    "broken",
    [
        f"postgresql://postgres:{PASSWORD}@127.0.0.1:port/db",
        f"postgresql://postgres:{PASSWORD}@127.0.0.1/db?sslmod=x",
        f"postgresql://127.0.0.1/db?password={PASSWORD}&x",
        f"postgresql://postgres:{PASSWORD}%zz@127.0.0.1/db",
    ],
)
def test_an_url_that_makes_no_sense_is_refused_without_its_password(broken: str) -> None:
    error = told_to(broken)
    assert (error.code, error.exit_code) == ("invalid_config", 78)
    everything = repr(error) + repr(error.as_dict()) + repr(error.__cause__)
    assert PASSWORD not in everything
    assert DECODED not in everything


def test_a_database_that_does_not_exist_is_told_at_once(server: Server) -> None:
    error = told_to(server.tcp_url("nowhere"))
    assert "has no such database" in error.message
    assert error.exit_code == 69
    assert server.password not in repr(error.as_dict())


def test_a_user_with_the_grants_may_do_all_that_is_needed(
    server: Server, store: PostgresStore, admin: psycopg.Connection, database: str
) -> None:
    store.create()
    admin.execute(f"CREATE ROLE worker LOGIN PASSWORD '{DECODED}'")
    url = as_user(server, database, "worker", PASSWORD)
    error = told_to(url)
    assert error.exit_code == 69
    assert "GRANT USAGE ON SCHEMA composeports" in error.hint
    grant(admin, "worker")
    with opened(url) as other:
        other.update("a", counted)
        other.update("a", lambda _: StoreUpdate(cooldowns=()))
        other.update("a", lambda _: StoreUpdate(forget=True))
        assert [each.engine for each in other.fleet()] == [OWN]


def test_a_user_who_may_not_make_the_tables_is_told_who_may(
    server: Server, admin: psycopg.Connection, database: str
) -> None:
    admin.execute("CREATE ROLE guest LOGIN")
    error = told_to(server.socket_url(database, "guest"))
    assert "composeports store create" in error.hint
    assert error.exit_code == 69


# What is there already


def test_reading_makes_nothing(store: PostgresStore, admin: psycopg.Connection) -> None:
    assert (store.get("a"), store.held(), store.known()) == (None, [], [])
    assert [each.leases for each in store.fleet()] == [()]
    assert admin.execute("SELECT to_regnamespace('composeports')").fetchone() == (None,)


def test_a_store_of_a_newer_version_is_refused_and_left_alone(
    store: PostgresStore, url: str, admin: psycopg.Connection
) -> None:
    store.update("a", counted)
    admin.execute("UPDATE composeports.meta SET format = 99")
    with opened(url) as other:
        for use in (lambda: other.get("a"), lambda: other.update("a", counted), other.create):
            with pytest.raises(StoreError, match="format 99, of a newer composeports") as error:
                use()
            assert error.value.exit_code == 78
    with pytest.raises(StoreError, match="format 99"):  # one that was open all the time
        store.update("a", counted)
    admin.execute(f"UPDATE composeports.meta SET format = {VERSION}")
    assert count_in(store.get("a")) == 1


@pytest.mark.parametrize("table", ["leases (x int)", "meta (x int)"])
def test_a_schema_of_somebody_else_is_refused_and_left_alone(
    url: str, admin: psycopg.Connection, table: str
) -> None:
    admin.execute("CREATE SCHEMA composeports")
    admin.execute(f"CREATE TABLE composeports.{table}")
    before = admin.execute("SELECT count(*) FROM pg_class").fetchone()
    with opened(url) as store:
        for use in (lambda: store.get("a"), lambda: store.update("a", counted)):
            with pytest.raises(StoreError, match="something else") as error:
                use()
            assert error.value.exit_code == 78
    assert admin.execute("SELECT count(*) FROM pg_class").fetchone() == before


def test_an_empty_schema_that_the_owner_made_is_used(
    store: PostgresStore, admin: psycopg.Connection
) -> None:
    admin.execute("CREATE SCHEMA composeports")
    store.update("a", counted)
    assert count_in(store.get("a")) == 1


def test_twenty_that_make_the_tables_at_once_make_them_once(url: str) -> None:
    together = threading.Barrier(20)

    def first(number: int) -> int:
        with opened(url) as store:
            together.wait()
            return start_of(store, f"s{number}")

    with ThreadPoolExecutor(20) as pool:
        starts = sorted(pool.map(first, range(20)))
    assert starts == [block.start for block in GRID.blocks()]


def test_tables_that_are_dropped_meanwhile_are_made_again(
    store: PostgresStore, admin: psycopg.Connection
) -> None:
    store.update("a", counted)
    admin.execute("DROP SCHEMA composeports CASCADE")
    assert store.get("a") is None
    store.update("a", counted)
    assert count_in(store.get("a")) == 1


def test_a_session_id_may_be_as_long_as_it_may_be(store: PostgresStore) -> None:
    name = "é" * 4096
    assert start_of(store, name) == 10000
    assert store.get(name) is not None


def test_one_store_may_be_opened_by_its_other_name(url: str) -> None:
    with opened(url.replace("postgresql://", "postgres://")) as store:
        assert start_of(store, "a") == 10000


def test_an_engine_is_shown_by_the_host_that_others_reach_it_by(url: str) -> None:
    nearby = OWN._replace(host="localhost", local=True)
    for turn in (nearby, OWN, nearby):
        store = PostgresStore(url, engine=turn._replace)
        store.update("a", counted)
        store.close()
    other = PostgresStore(url, engine=lambda: EngineIdentity("two", "host-2", local=True))
    assert [each.engine for each in other.fleet()][1:] == [OWN]
    other.close()


def test_a_row_that_another_program_has_locked_is_waited_for_no_longer_than_asked(
    admin: psycopg.Connection, url: str
) -> None:
    with opened(url) as store:
        store.update("a", counted)
        with admin.transaction():
            admin.execute("SELECT 1 FROM composeports.leases FOR UPDATE")
            begun = time.monotonic()
            with pytest.raises(StoreBusyError):
                store.update("a", counted, timeout_seconds=0.25)
            assert count_in(store.get("a")) == 1
            assert time.monotonic() - begun < 5
        store.update("a", counted)
        assert count_in(store.get("a")) == 2
