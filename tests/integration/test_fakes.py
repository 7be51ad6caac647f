"""The fakes behave like the real classes, as far as the use cases can see."""

from pathlib import Path

import pytest

from composeports.docker.engine import Engine
from composeports.errors import EngineError
from tests.support.fakes import NOON, FakeMachine
from tests.support.machine import FakeDocker

pytestmark = pytest.mark.integration


def test_the_fake_engine_lists_all_containers_or_those_of_one_project(
    machine: FakeMachine,
) -> None:
    first = machine.engine.add("ac-1", (8000, 80, "tcp"))
    second = machine.engine.add("ac-2", (8001, 80, "tcp"), state="exited")
    assert machine.engine.containers() == (first, second)
    assert machine.engine.containers("ac-2") == (second,)
    assert machine.engine.networks("ac-2") == ("ac-2",)
    assert machine.engine.networks("ac-3") == machine.engine.volumes("ac-1") == ()


def test_a_stopped_container_shows_no_port_and_reserves_it(machine: FakeMachine) -> None:
    stopped = machine.engine.add("ac-2", (8001, 80, "tcp"), state="exited")
    assert stopped.ports == ()
    assert machine.engine.reserved_ports([stopped]) == {(8001, "tcp")}
    assert machine.engine.reserved_ports([]) == frozenset()


def test_the_fake_engine_agrees_with_the_real_door_on_the_same_containers(
    machine: FakeMachine, docker: FakeDocker
) -> None:
    machine.engine.add("ac-1", (8000, 80, "tcp"), (5300, 53, "udp"))
    machine.engine.add("ac-2", (8001, 80, "tcp"), state="exited", service="db")
    shown = ["0.0.0.0:8000->80/tcp, 0.0.0.0:5300->53/udp", ""]
    lines = [
        f"{each.id}\t{each.state}\t{each.project}\t{each.service}\t{ports}"
        for each, ports in zip(machine.engine.present, shown, strict=True)
    ]
    docker.answer("ps", "\n".join(lines) + "\n")
    docker.answer("inspect", "8001 80/tcp\n")
    real, fake = Engine(docker.environ()), machine.engine
    found = real.containers()
    assert [(each.id, each.is_running, set(each.ports)) for each in found] == [
        (each.id, each.is_running, set(each.ports)) for each in fake.containers()
    ]
    assert real.reserved_ports(found) == fake.reserved_ports(fake.containers())


def test_an_engine_that_is_away_answers_nothing(machine: FakeMachine) -> None:
    machine.engine.away = True
    with pytest.raises(EngineError):
        machine.engine.containers()


def test_the_fake_ports_tell_what_is_used_and_remember_the_question(
    machine: FakeMachine,
) -> None:
    machine.ports.used = {(8000, "tcp")}
    assert machine.ports.taken([(8000, "tcp"), (8000, "udp")]) == {(8000, "tcp")}
    assert machine.ports.asked == [{(8000, "tcp"), (8000, "udp")}]


def test_the_clock_stands_still_until_it_is_moved(machine: FakeMachine) -> None:
    assert machine.clock.now() == machine.clock.now() == NOON
    machine.clock.pass_minutes(1)
    assert machine.clock.now() == NOON + 60


def test_sessions_of_one_machine_share_store_and_voice(
    machine: FakeMachine, tmp_path: Path
) -> None:
    first, second = machine.session("a"), machine.session("b", tmp_path)
    assert first.context.store is second.context.store
    assert (first.session_id, second.session_id) == ("a", "b")
    first.context.report("hello")
    assert machine.said == ["hello"]
