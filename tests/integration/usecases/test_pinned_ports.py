"""Leases with pins and subnets that the machine or the engine already uses."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from composeports.config import Config, PortAllocatorConfig
from composeports.core.lease import Lease
from composeports.core.snapshot import StoreSnapshot
from composeports.core.subnets import SubnetNeed
from composeports.docker.containers import Container
from composeports.docker.engine import Engine
from composeports.errors import ComposeportsError, EngineError, PortHeldError
from composeports.stores.memory import MemoryStore
from composeports.usecases.context import Context
from composeports.usecases.options import Options
from composeports.usecases.release import release_lease
from composeports.usecases.reserve import preview_lease, reserve_lease, subnets_in_use, with_subnets
from composeports.usecases.session import Session

pytestmark = pytest.mark.integration

Port = tuple[int, str]
Answer = Callable[[str, str], None]
PINS = {"web:3000/tcp": 3000, "dns:53/udp": 5353}
POOL = "10.213.0.0/16"
BACKEND = SubnetNeed("backend#0", "backend", "172.28.0.0/24", 24, 4)


def container(project: str, *ports: Port, state: str = "running", name: str = "") -> Container:
    shown = tuple((port, 80, protocol) for port, protocol in ports)
    return Container("0123456789abcdef", state, project, "web", shown, name)


@dataclass
class Machine:
    """The used ports and subnets of a machine, and its sessions."""

    cwd: Path
    engine: Engine = field(default_factory=lambda: Engine({}))
    store: MemoryStore = field(default_factory=MemoryStore)
    used: set[Port] = field(default_factory=set)
    routes: tuple[str, ...] = ()
    asked: set[Port] = field(default_factory=set)

    def taken(self, wanted: Iterable[Port]) -> frozenset[Port]:
        self.asked = set(wanted)
        return frozenset(self.asked & self.used)

    def session(self, name: str) -> Session:
        context = Context(
            environ={},
            cwd=str(self.cwd),
            config=Config(port_allocator=PortAllocatorConfig(20000, 10, 30, 3)),
            store=self.store,
            engine=self.engine,
            now=lambda: 43200.0,
            find_taken_ports=self.taken,
            find_routed_subnets=lambda: self.routes,
        )
        return Session(context, Options(session=name))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def docker(tmp_path: Path, machine: Machine) -> Answer:
    """Set the answers of `docker network ls` and `docker network inspect`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    machine.engine = Engine({"PATH": f"{folder}:/usr/bin:/bin"})
    (folder / "docker").write_text(f'#!/bin/sh\n. "{folder}/$2"\n')
    (folder / "docker").chmod(0o755)

    def answer(command: str, script: str) -> None:
        (folder / command).write_text(script)

    answer("ls", "echo a; echo b; echo c")
    return answer


def test_free_pins_are_taken_and_looked_at_by_their_protocol(machine: Machine) -> None:
    lease = reserve_lease(machine.session("a"), (), pins=PINS)
    assert lease.pins == PINS
    assert machine.asked >= {(3000, "tcp"), (5353, "udp")}
    assert machine.store.held() == [lease]


@pytest.mark.parametrize("taken", [(3000, "tcp"), (5353, "udp")])
def test_a_pin_that_something_uses_is_refused_and_the_store_as_before(
    machine: Machine, taken: Port
) -> None:
    machine.used = {taken}
    with pytest.raises(PortHeldError) as told:
        reserve_lease(machine.session("a"), (), pins=PINS)
    assert f"port {taken[0]}/{taken[1]}" in told.value.message
    assert told.value.message.endswith("is in use by something else")
    assert machine.store.get("a") is None


def test_the_same_number_of_another_protocol_is_not_in_the_way(machine: Machine) -> None:
    machine.used = {(3000, "udp"), (5353, "tcp")}
    assert reserve_lease(machine.session("a"), (), pins=PINS).pins == PINS


def test_the_container_that_publishes_a_pin_is_named(machine: Machine) -> None:
    there = container("shop", (3000, "tcp"), name="shop-web-1")
    with pytest.raises(PortHeldError) as told:
        reserve_lease(machine.session("a"), (there,), pins=PINS)
    expected = "in use by the container shop-web-1 (service web of the project shop)"
    assert told.value.message.endswith(expected)
    assert told.value.details["container"] == "shop-web-1"


def test_a_container_of_no_project_is_named_by_its_id_where_it_has_no_name(
    machine: Machine,
) -> None:
    with pytest.raises(PortHeldError, match=r"by the container 0123456789ab$"):
        reserve_lease(machine.session("a"), (container("", (3000, "tcp")),), pins=PINS)


def test_what_the_session_held_comes_back_after_a_refusal(machine: Machine) -> None:
    before = reserve_lease(machine.session("a"), (), pins={"web:3000/tcp": 3000})
    machine.used = {(8080, "tcp")}
    with pytest.raises(PortHeldError):
        reserve_lease(machine.session("a"), (), pins={"web:3000/tcp": 8080})
    assert machine.store.held() == [before]


def test_a_running_stack_s_own_pins_are_not_looked_at_but_new_ones_are(machine: Machine) -> None:
    pins = {"web:3000/tcp": 3000}
    project = reserve_lease(machine.session("a"), (), pins=pins).project
    machine.used = {(3000, "tcp"), (5353, "udp")}
    own = container(project, (20001, "tcp"))
    assert reserve_lease(machine.session("a"), (own,), pins=pins).pins == pins
    with pytest.raises(PortHeldError, match="port 5353/udp"):
        reserve_lease(machine.session("a"), (own,), pins=PINS)


def test_a_stopped_stack_s_pins_are_looked_at_again(machine: Machine) -> None:
    reserve_lease(machine.session("a"), (), pins=PINS)
    machine.used = {(3000, "tcp")}
    with pytest.raises(PortHeldError):
        reserve_lease(machine.session("a"), (), pins=PINS)


def test_a_pin_that_the_plan_gives_out_moves_no_block(machine: Machine) -> None:
    """The ports of a plan have the pinned ones among them, which no other block would free."""

    def finish(lease: Lease, _: StoreSnapshot) -> Lease:
        return lease._replace(ports={**PINS, "db:5432/tcp": lease.block.start + 4})

    machine.used = {(20004, "tcp")}
    lease = reserve_lease(machine.session("a"), (), finish, PINS)
    assert lease.block.start == 20010
    machine.used = {(3000, "tcp")}
    with pytest.raises(PortHeldError):
        preview_lease(machine.session("a"), (), finish, PINS)


def test_two_sessions_cannot_have_one_pin_until_it_is_released(machine: Machine) -> None:
    first, second = machine.session("a"), machine.session("b")
    reserve_lease(first, (), pins=PINS)
    for take in (reserve_lease, preview_lease):
        with pytest.raises(PortHeldError, match=f"by the session a in {machine.cwd}"):
            take(second, (), lambda lease, _: lease, PINS)
    release_lease(first)
    assert reserve_lease(second, (), pins=PINS).pins == PINS


# Subnets


def given_subnets(session: Session, in_use: Iterable[str] = ()) -> dict[str, str]:
    def finish(lease: Lease, snapshot: StoreSnapshot) -> Lease:
        return with_subnets(lease, snapshot, [BACKEND], in_use, POOL)

    return dict(reserve_lease(session, (), finish).subnets)


def test_sessions_get_subnets_apart_and_keep_them(machine: Machine) -> None:
    first, second = machine.session("a"), machine.session("b")
    assert given_subnets(first, ["10.213.0.0/24"]) == {"backend#0": "10.213.1.0/24"}
    assert given_subnets(second) == {"backend#0": "10.213.0.0/24"}
    release_lease(first)
    assert given_subnets(machine.session("c")) == {"backend#0": "10.213.2.0/24"}
    assert given_subnets(first) == {"backend#0": "10.213.1.0/24"}


def test_subnets_in_use_are_the_engine_s_and_the_routed_ones(
    machine: Machine, docker: Answer
) -> None:
    """What the session's own networks have, and their routes, are not in its way."""
    own = reserve_lease(machine.session("a"), ()).project
    docker(
        "inspect",
        f"printf '\\t172.17.0.0/16\\n'; printf '{own}\\t10.213.4.0/24\\tfd0d:c5e7::/64\\n';"
        "printf 'other\\t10.213.5.0/24\\t\\n'; printf '\\n'",
    )
    machine.routes = ("10.213.4.0/24", "10.8.0.0/24", "172.17.0.0/16", "fd0d:c5e7::1/128")
    found = subnets_in_use(machine.session("a"))
    assert found == ("172.17.0.0/16", "10.213.5.0/24", "10.8.0.0/24")
    assert "10.213.4.0/24" in subnets_in_use(machine.session("b"))
    everything = ("172.17.0.0/16", "10.213.4.0/24", "fd0d:c5e7::/64", "10.213.5.0/24")
    assert machine.engine.subnets() == everything
    assert machine.engine.subnets(own) == ("172.17.0.0/16", "10.213.5.0/24")


@pytest.mark.parametrize(
    "said", ["Error: No such network: b", "Error response from daemon: network b not found"]
)
def test_networks_that_vanish_in_between_are_no_failure(
    machine: Machine, docker: Answer, said: str
) -> None:
    docker("inspect", f"printf '\\t172.17.0.0/16\\n'; echo '{said}' >&2; echo '{said}' >&2; exit 1")
    assert machine.engine.subnets() == ("172.17.0.0/16",)


@pytest.mark.parametrize("said", ["", "permission denied", "No such network: b\nCannot connect"])
def test_an_engine_that_says_anything_else_is_a_failure(
    machine: Machine, docker: Answer, said: str
) -> None:
    docker("inspect", f"printf '\\t172.17.0.0/16\\n'; printf '{said}' >&2; exit 1")
    with pytest.raises(EngineError):
        machine.engine.subnets()
    docker("ls", "exit 1")
    with pytest.raises(ComposeportsError):
        subnets_in_use(machine.session("a"))


def test_an_engine_without_networks_has_no_subnets(machine: Machine, docker: Answer) -> None:
    docker("ls", "")
    docker("inspect", "exit 1")
    assert machine.engine.subnets() == ()


@pytest.mark.parametrize(
    ("shown", "name"),
    {"shop-web-1": "shop-web-1", "app/db,shop-db-1": "shop-db-1", "a/b": "a/b"}.items(),
)
def test_a_container_has_the_name_that_is_no_link_s(tmp_path: Path, shown: str, name: str) -> None:
    (tmp_path / "docker").write_text(f"#!/bin/sh\nprintf 'id\\trunning\\tp\\ts\\t\\t{shown}\\n'\n")
    (tmp_path / "docker").chmod(0o755)
    (found,) = Engine({"PATH": f"{tmp_path}:/usr/bin:/bin"}).containers()
    assert (found.name, found.ports) == (name, ())
