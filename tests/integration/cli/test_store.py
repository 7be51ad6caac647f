"""`composeports store`: show the store, create tables, move leases there and back."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from composeports.core.engine_identity import THIS_MACHINE, EngineIdentity
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock
from composeports.core.session import project_name
from composeports.core.snapshot import StoreUpdate
from composeports.stores.postgres.store import PostgresStore
from composeports.stores.sqlite.store import SqliteStore
from tests.harness.program import Done
from tests.support import postgres
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

OWN = EngineIdentity("engine-1", "host-1", "host-1", local=False)


class Place:
    """A shell with a local store and a shared store."""

    def __init__(self, shell: Shell) -> None:
        server = postgres.shared()
        self.shared = server.tcp_url(postgres.new_database(server))
        self.password = server.password
        self.own = f"sqlite://{shell.state}/leases.sqlite3"
        names = {"COMPOSEPORTS_ENGINE": OWN.id, "COMPOSEPORTS_MACHINE": "ant"}
        self._shell = shell.having(**names)

    def run(self, *arguments: str, store: str = "") -> Done:
        done = self._shell.having(**({"COMPOSEPORTS_STORE": store} if store else {})).run(
            *arguments
        )
        assert self.password not in done.out + done.err
        return done

    def json(self, *arguments: str, store: str = "") -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.run(*arguments, "--json", store=store).out)

    def there(self) -> list[Lease]:
        store = PostgresStore(self.shared, engine=lambda: OWN)
        try:
            return store.known()
        finally:
            store.close()

    def put_there(self, lease: Lease) -> None:
        store = PostgresStore(self.shared, engine=lambda: OWN)
        store.update(lease.session_id, lambda _: StoreUpdate(lease))
        store.close()

    def here(self, engine: EngineIdentity = THIS_MACHINE) -> list[Lease]:
        store = SqliteStore(self.own.removeprefix("sqlite://"), engine=lambda: engine)
        try:
            return store.known()
        finally:
            store.close()

    def move(self, *more: str) -> Done:
        return self.run("store", "migrate", "--from", self.own, "--to", self.shared, *more)


@pytest.fixture
def place(shell: Shell, docker: FakeDocker) -> Place:
    return Place(shell.using(docker))


def test_leases_move_to_a_shared_store_and_back(place: Place) -> None:
    place.run("allocate")
    place.run("--session", "named", "allocate")
    place.run("--session", "gone", "allocate")
    place.run("--session", "gone", "release")
    before = place.here()
    done = place.move()
    assert done.code == 0, done.err
    assert "3 moved, 0 stay" in done.err
    assert place.here() == []
    moved = {lease.session_id: lease for lease in place.there()}
    assert set(moved) == {f"ant:{before[0].session_id}", "named", "gone"}
    assert [moved["gone"].held, moved["named"].held] == [False, True]
    assert {lease.engine for lease in moved.values()} == {OWN.id}
    assert {lease.project for lease in moved.values()} == {lease.project for lease in before}
    # The session goes on there on its ports.
    again = place.json("allocate", store=place.shared)
    assert again["session_id"] == f"ant:{before[0].session_id}"
    assert again["db_port"] == before[0].db_port
    back = place.run("store", "migrate", "--from", place.shared, "--to", place.own)
    assert back.code == 0, back.err
    assert place.there() == []
    assert [(each.session_id, each.block, each.held, each.engine) for each in place.here()] == [
        (each.session_id, each.block, each.held, each.engine) for each in before
    ]


def test_a_dry_run_changes_nothing(place: Place) -> None:
    place.run("allocate")
    before = place.here()
    done = place.move("--dry-run", "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert (document["dry_run"], [each["moved"] for each in document["leases"]]) == (True, [True])
    assert place.here() == before
    assert place.there() == []


def test_a_lease_that_does_not_fit_stays_and_the_rest_moves(place: Place) -> None:
    place.run("--session", "one", "allocate")
    place.run("--session", "two", "allocate")
    first, second = place.here()
    place.put_there(
        Lease("rival", PortBlock(first.block.start, 5), project_name("rival"), 1.0, 2e9)
    )
    done = place.move()
    assert done.code == 75
    assert "stays: one" in done.err
    assert "the session rival holds its ports there" in done.err
    assert place.here() == [first]
    assert {lease.session_id for lease in place.there()} == {"rival", "two"}
    assert second.block in {lease.block for lease in place.there()}


def test_what_was_broken_off_is_finished_by_running_it_again(place: Place) -> None:
    """Written there, and not yet forgotten here: as after a kill in between."""
    place.run("--session", "one", "allocate")
    (lease,) = place.here()
    place.put_there(lease._replace(engine=OWN.id))
    done = place.move()
    assert done.code == 0, done.err
    assert place.here() == []
    assert [each.session_id for each in place.there()] == ["one"]
    assert place.move().code == 0


def test_leases_of_a_remote_engine_stay_that_engine_s(place: Place) -> None:
    remote = EngineIdentity("far", "far-host", "far.example", local=False)
    store = SqliteStore(place.own.removeprefix("sqlite://"), engine=lambda: remote)
    lease = Lease("a", PortBlock(10000, 10), project_name("a"), 1.0, 2e9, engine="far")
    store.update("a", lambda _: StoreUpdate(lease))
    store.close()
    assert place.move().code == 0
    found = PostgresStore(place.shared, engine=lambda: remote)
    (moved,) = found.known()
    assert moved.store == found.identity()
    assert len(moved.former_stores) == 1
    assert moved._replace(store="", former_stores=()) == lease
    found.close()
    assert place.here(remote) == []


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("memory:", "{shared}"),
        ("{own}", "memory:"),
        ("{own}", "{own}"),
        ("{shared}", "{shared}"),
        ("{own}", "mysql://somebody:secret@host/db"),
    ],
)
def test_stores_between_which_nothing_can_move_are_refused(
    place: Place, source: str, target: str
) -> None:
    names: Mapping[str, str] = {"own": place.own, "shared": place.shared}
    done = place.run(
        "store", "migrate", "--from", source.format(**names), "--to", target.format(**names)
    )
    assert done.code == 78
    assert "secret" not in done.err


def test_the_store_says_where_it_is(place: Place) -> None:
    assert place.json("store", "info")["store"]["format"] == 0
    place.run("--session", "one", "allocate")
    found = place.json("store", "info")["store"]
    assert (found["kind"], found["where"]) == ("sqlite", place.own.removeprefix("sqlite://"))
    assert [each["held"] for each in found["engines"]] == [["one"]]


def test_a_shared_store_says_who_holds_what_on_which_engine(place: Place) -> None:
    assert place.json("store", "info", store=place.shared)["store"]["format"] == 0
    made = place.run("store", "create", store=place.shared)
    assert made.code == 0
    assert "made: postgresql://...@" in made.err
    assert "up to date" in place.run("store", "create", store=place.shared).err
    place.run("--session", "one", "allocate", store=place.shared)
    found = place.json("store", "info", store=place.shared)["store"]
    assert (found["kind"], found["format"], found["lacking"]) == ("postgresql", 2, [])
    assert [(each["id"], each["held"]) for each in found["engines"]] == [(OWN.id, ["one"])]
    said = place.run("store", "info", store=place.shared).out
    assert "server: PostgreSQL" in said
    assert f"1 held ({OWN.id})" in said


@pytest.mark.parametrize("command", ["info", "create"])
def test_a_store_that_lets_nobody_in_is_exit_69(place: Place, command: str) -> None:
    refused = place.shared.replace(place.password, f"not-{place.password}")
    done = place.run("store", command, store=refused)
    assert done.code == 69
    assert "refuses this user" in done.err


def test_a_store_of_this_machine_needs_no_making(place: Place) -> None:
    assert place.run("store", "create").code == 78


def test_doctor_looks_at_a_shared_store(place: Place) -> None:
    place.run("store", "create", store=place.shared)
    place.run("--session", "one", "allocate", store=place.shared)
    document = place.json("doctor", store=place.shared)
    assert [each for each in document["findings"] if each["check"] == "store"] == []
    facts = document["facts"]["store"]
    assert (facts["format"], facts["lacking"]) == (2, [])
    assert [each["session_id"] for each in document["facts"]["sessions"]] == ["one"]
    refused = place.shared.replace(place.password, f"not-{place.password}")
    findings = place.json("doctor", store=refused)["findings"]
    assert any("refuses this user" in each["what"] for each in findings if each["check"] == "store")
