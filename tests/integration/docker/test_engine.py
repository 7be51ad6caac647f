"""Requests to the engine, with a `docker` command that gives prepared answers."""

import json

import pytest

from composeports.docker.containers import Container, container_of
from composeports.docker.engine import Engine
from composeports.errors import ComposeMissingError, ComposeportsError, EngineError
from tests.support.machine import UNREACHABLE, FakeDocker

pytestmark = pytest.mark.integration

PORTS = {
    "": [],
    "99/tcp": [],
    "80/tcp, 443/tcp": [],
    "0.0.0.0:8000->80/tcp": [(8000, 80, "tcp")],
    "0.0.0.0:8000->80/tcp, :::8000->80/tcp": [(8000, 80, "tcp")],
    "0.0.0.0:8000->80/tcp, [::]:8000->80/tcp": [(8000, 80, "tcp")],
    "[::]:53->53/udp": [(53, 53, "udp")],
    ":::53->53/udp": [(53, 53, "udp")],
    "127.0.0.1:5432->5432/tcp, 8080/tcp": [(5432, 5432, "tcp")],
    "[fe80::1%eth0]:7000->70/tcp": [(7000, 70, "tcp")],
    "0.0.0.0:8000-8002->80-82/tcp": [(8000, 80, "tcp"), (8001, 81, "tcp"), (8002, 82, "tcp")],
    "0.0.0.0:9999->132/sctp": [(9999, 132, "sctp")],
    "10.1.2.3:1024-1025->24-25/udp, 0.0.0.0:5000->1/tcp": [
        (1024, 24, "udp"),
        (1025, 25, "udp"),
        (5000, 1, "tcp"),
    ],
}


@pytest.fixture
def engine(docker: FakeDocker) -> Engine:
    return Engine(docker.environ())


@pytest.mark.parametrize(("shown", "ports"), PORTS.items(), ids=str)
def test_ports_are_read_as_docker_shows_them(
    docker: FakeDocker, engine: Engine, shown: str, ports: list[tuple[int, int, str]]
) -> None:
    docker.answer("ps", f"abc\trunning\tac-1\tweb\t{shown}\n")
    assert engine.containers() == (Container("abc", "running", "ac-1", "web", tuple(ports)),)


def test_a_container_of_no_project_is_listed_too(docker: FakeDocker, engine: Engine) -> None:
    docker.answer("ps", "a\trunning\t\t\t0.0.0.0:80->80/tcp\nb\texited\t\t\t\n")
    assert engine.containers() == (
        Container("a", "running", "", "", ((80, 80, "tcp"),)),
        Container("b", "exited", "", "", ()),
    )


def test_no_containers_are_no_failure(docker: FakeDocker, engine: Engine) -> None:
    docker.answer("ps", "")
    assert engine.containers() == ()


@pytest.mark.parametrize(
    ("state", "running"),
    {
        "running": True,
        "restarting": True,
        "paused": True,
        "created": False,
        "exited": False,
        "dead": False,
        "removing": False,
    }.items(),
)
def test_a_container_holds_its_ports_in_some_states(state: str, running: bool) -> None:
    assert Container("a", state, "", "").is_running is running


@pytest.mark.parametrize(
    ("name", "replaces"),
    {
        "0123456789ab_ac-1-web-1": "ac-1-web-1",
        "ac-1-web-1": "",
        "0123456789a_ac-1-web-1": "",
        "abcdef_web": "",
        "": "",
    }.items(),
)
def test_a_container_that_replaces_another_has_its_name_in_its_own(
    name: str, replaces: str
) -> None:
    assert Container("a", "created", "", "", name=name).replaces == replaces


def test_one_project_is_asked_for_by_its_label(docker: FakeDocker, engine: Engine) -> None:
    engine.containers("ac-1")
    engine.containers()
    only, every = docker.calls
    assert "--all" in only
    assert "--filter label=com.docker.compose.project=ac-1" in only
    assert "--filter" not in every


# What containers reserve

STOPPED = Container("s", "exited", "other", "web")
RUNNING = Container("r", "running", "other", "web", ((8000, 80, "tcp"),))


def test_ports_of_running_containers_cost_no_question(docker: FakeDocker, engine: Engine) -> None:
    assert engine.reserved_ports([RUNNING]) == {(8000, "tcp")}
    assert engine.reserved_ports([]) == frozenset()
    assert docker.calls == []


def test_stopped_containers_are_asked_for_what_they_will_publish(
    docker: FakeDocker, engine: Engine
) -> None:
    docker.answer("inspect", "8080 80/tcp\n5353 53/udp\n 99/tcp\n7000 70\n0 1/tcp\n\n")
    found = engine.reserved_ports([RUNNING, STOPPED, STOPPED._replace(id="t")])
    assert found == {(8000, "tcp"), (8080, "tcp"), (5353, "udp"), (7000, "tcp"), (0, "tcp")}
    assert [call for call in docker.calls if call.endswith(" s t")]


def test_a_container_that_went_away_in_between_has_nothing(
    docker: FakeDocker, engine: Engine
) -> None:
    docker.answer("inspect", "8080 80/tcp\n", err="Error: No such container: t\n", code=1)
    found = engine.reserved_ports([STOPPED, STOPPED._replace(id="t")])
    assert found == {(8080, "tcp")}


def test_an_engine_that_goes_away_in_between_is_a_failure(
    docker: FakeDocker, engine: Engine
) -> None:
    docker.answer("inspect", err=UNREACHABLE, code=1)
    with pytest.raises(EngineError):
        engine.reserved_ports([STOPPED])


# Networks and volumes


def test_networks_and_volumes_are_those_of_the_project(docker: FakeDocker, engine: Engine) -> None:
    docker.answer("network", "id1\nid2\n")
    docker.answer("volume", "one\ntwo words\n")
    assert engine.networks("ac-1") == ("id1", "id2")
    assert engine.volumes("ac-1") == ("one", "two words")
    assert all("label=com.docker.compose.project=ac-1" in call for call in docker.calls)


def test_no_networks_and_no_volumes_are_none(engine: Engine) -> None:
    assert engine.networks("ac-1") == engine.volumes("ac-1") == ()


# Engines that do not answer

FAILURES = {
    "unreachable": (UNREACHABLE, "Cannot connect to the Docker daemon", "DOCKER_HOST"),
    "old wording": (
        "error during connect: Get http://x/containers/json: dial tcp: lookup x\n",
        "Get http://x/containers/json",
        "start the engine",
    ),
    "not allowed": (
        "permission denied while trying to connect to the Docker daemon socket at x\n",
        "permission denied while trying",
        "group `docker`",
    ),
    "a context that does not exist": (
        'context "x" does not exist\nmore\n',
        'context "x" does not exist',
        "docker context ls",
    ),
    "silent": ("", "docker ended with exit code 1", "start the engine"),
}


@pytest.mark.parametrize(("err", "said", "hint"), FAILURES.values(), ids=FAILURES)
def test_an_engine_that_does_not_answer_is_told_with_a_next_step(
    docker: FakeDocker, engine: Engine, err: str, said: str, hint: str
) -> None:
    for name in ("ps", "network", "volume"):
        docker.answer(name, err=err, code=1)
    for ask in (engine.containers, lambda: engine.networks("x"), lambda: engine.volumes("x")):
        with pytest.raises(EngineError) as told:
            ask()
        assert told.value.message.startswith("the Docker engine did not answer: " + said)
        assert hint in told.value.hint
        assert "\n" not in told.value.message
        assert (told.value.exit_code, told.value.code) == (69, "engine_unreachable")


def test_a_failure_is_never_taken_for_nothing_runs(docker: FakeDocker, engine: Engine) -> None:
    """Even where half an answer was given."""
    docker.answer("ps", "abc\trunning\tac-1\tweb\t\n", err="unexpected EOF\n", code=1)
    with pytest.raises(EngineError, match="unexpected EOF"):
        engine.containers()


def test_without_a_docker_command_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ComposeMissingError) as told:
        Engine({"PATH": "/nowhere"}).containers()
    assert "`docker` command was not found" in told.value.message
    assert told.value.exit_code == 69
    assert isinstance(told.value, ComposeportsError)


def test_two_questions_are_under_way_at_once(docker: FakeDocker, engine: Engine) -> None:
    """Each answer waits until both were asked, so they come only side by side."""
    asked = docker.folder / "asked"
    docker.run_before(
        "ps",
        f'echo >> {asked}; while [ "$(/usr/bin/wc -l < {asked})" -lt 2 ]; do /bin/sleep 0.01; done',
    )
    first, second = engine.start_listing(), engine.start_listing("ac-1")
    assert first.containers() == second.containers() == ()


def test_names_by_network_are_those_that_the_engine_knows(
    docker: FakeDocker, engine: Engine
) -> None:
    place = {"Aliases": ["web", "shop"], "DNSNames": ["c1", "web", "0123"]}
    inspected = [
        {
            "Id": "i1",
            "Name": "/c1",
            "Config": {"Hostname": "front"},
            "NetworkSettings": {"Networks": {"edge": place, "bridge": {"Aliases": None}}},
        },
        {"Id": "i2", "Name": "/c2"},
    ]
    docker.answer("inspect", json.dumps(inspected))
    assert engine.host_names(["i1", "i2"]) == {
        "i1": {
            "edge": frozenset({"c1", "front", "web", "shop", "0123"}),
            "bridge": frozenset({"c1", "front"}),
        },
        "i2": {},
    }
    docker.answer("inspect", "", code=1)
    assert engine.host_names(["i1"]) == {}
    assert engine.host_names([]) == {}


def test_the_networks_of_a_container_are_listed(docker: FakeDocker, engine: Engine) -> None:
    docker.answer("ps", "i\trunning\tac-1\tweb\t\tn\t/w\tf.yaml\t\t\tedge,ac-1_default\n")
    (found,) = engine.containers()
    assert found.networks == ("edge", "ac-1_default")
    entry = {"Id": "i", "State": "running", "NetworkSettings": {"Networks": {"edge": {}}}}
    assert container_of(entry).networks == ("edge",)
