"""Podman 4.3's answers, corrected to Docker's: real samples, through a socket and a command."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import AF_UNIX, SHUT_RDWR, socket
from typing import Any

import pytest

from composeports.docker.engine import Engine
from composeports.docker.features import is_rootless, podman_info
from composeports.docker.podman import Ports, inspected, shows_bare, spread
from composeports.usecases.doctor.collect_other_engines import others_here
from composeports.usecases.doctor.facts import EngineFacts
from tests.integration.docker.test_api_socket import ok

pytestmark = pytest.mark.integration

LABELS = {"com.docker.compose.project": "ac-1", "com.docker.compose.service": "web"}
AS_DOCKER = [
    {
        "Id": "da5f",
        "Names": ["/fixed"],
        "Image": "localhost/composeports-dev/tiny:1",
        "State": "running",
        "Labels": LABELS,
        "Ports": [
            {"PrivatePort": 80, "PublicPort": 20080, "Type": "tcp"},
            {"PrivatePort": 100, "PublicPort": 20100, "Type": "tcp"},
            {"PrivatePort": 53, "PublicPort": 20053, "Type": "udp"},
            {"IP": "127.0.0.1", "PrivatePort": 81, "PublicPort": 20081, "Type": "tcp"},
        ],
    },
    {
        "Id": "a245",
        "Names": ["/ac-1-db-1"],
        "State": "exited",
        "Labels": LABELS,
        "Ports": [{"PrivatePort": 90, "PublicPort": 20090, "Type": "tcp"}],
    },
    {
        "Id": "new",
        "Names": ["/ac-1-new-1"],
        "State": "running",
        "Labels": LABELS,
        "Ports": [{"PrivatePort": 1, "PublicPort": 20001, "Type": "tcp"}],
    },
]


def mapping(host: int, target: int, span: int = 1, protocol: str = "tcp") -> dict[str, Any]:
    """Return a mapping in Podman's own form."""
    return {
        "host_ip": "",
        "container_port": target,
        "host_port": host,
        "range": span,
        "protocol": protocol,
    }


OWN = [
    {
        "Id": "da5f",
        "Ports": [
            mapping(20080, 80),
            mapping(20100, 100, 4),
            mapping(20053, 53, protocol="udp"),
            mapping(20081, 81),
        ],
    },
    {"Id": "a245", "Ports": [mapping(20090, 90, 3)]},
]
SEEN = (
    (20053, 53, "udp"),
    (20080, 80, "tcp"),
    (20081, 81, "tcp"),
    (20100, 100, "tcp"),
    (20101, 101, "tcp"),
    (20102, 102, "tcp"),
    (20103, 103, "tcp"),
)
HEAD = b"HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\nLibpod-Api-Version: 4.3.1\r\n"
HEAD += b"Server: Libpod/4.3.1 (linux)\r\n"


def podmans(body: Any) -> bytes:  # noqa: ANN401 - any JSON
    return ok(body).replace(b"HTTP/1.0 200 OK\r\n", HEAD)


@contextmanager
def answering(path: Path, answers: dict[bytes, bytes]) -> Iterator[list[bytes]]:
    """Answer questions at the socket `path` by what they ask for; the questions are in the list."""
    asked: list[bytes] = []
    with closing(socket(AF_UNIX)) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked.append(connection.recv(4096).split()[1])
                    connection.sendall(answers[asked[-1].partition(b"?")[0]])

        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
        server.shutdown(SHUT_RDWR)
        thread.join()


LIST, OWN_LIST = b"/containers/json", b"/v4.0.0/libpod/containers/json"
INFO = b"/v4.0.0/libpod/info"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """Return an engine whose `docker` is a program that says nothing."""
    programs = tmp_path / "programs"
    programs.mkdir()
    shutil.copy(shutil.which("true") or "/bin/true", programs / "docker")
    host = f"unix://{tmp_path}/engine.sock"
    return Engine({"PATH": str(programs), "HOME": str(tmp_path), "DOCKER_HOST": host})


def test_runs_of_ports_are_seen_whole_and_stopped_containers_have_none(
    engine: Engine, tmp_path: Path
) -> None:
    answers = {LIST: podmans(AS_DOCKER), OWN_LIST: podmans(OWN)}
    with answering(tmp_path / "engine.sock", answers) as asked:
        found = {each.id: each.ports for each in engine.containers("ac-1")}
    assert found == {"da5f": SEEN, "a245": (), "new": ((20001, 1, "tcp"),)}
    label = b"filters=%7B%22label%22%3A%20%5B%22com.docker.compose.project%3Dac-1%22%5D%7D"
    assert asked == [LIST + b"?all=1&" + label, OWN_LIST + b"?all=true&" + label]


def test_a_podman_that_does_not_know_the_question_is_taken_by_its_word(
    engine: Engine, tmp_path: Path
) -> None:
    answers = {LIST: podmans(AS_DOCKER), OWN_LIST: b"HTTP/1.0 404 Not Found\r\n\r\n{}"}
    with answering(tmp_path / "engine.sock", answers):
        found = {each.id: [host for host, *_ in each.ports] for each in engine.containers()}
    assert found == {"da5f": [20053, 20080, 20081, 20100], "a245": [], "new": [20001]}


def test_docker_is_asked_once(engine: Engine, tmp_path: Path) -> None:
    with answering(tmp_path / "engine.sock", {LIST: ok(AS_DOCKER)}) as asked:
        assert len(engine.containers()) == len(AS_DOCKER)
    assert asked == [LIST + b"?all=1"]


@pytest.mark.parametrize(
    ("mappings", "ports"),
    [
        ([], ()),
        ([mapping(20000, 80)], ((20000, 80, "tcp"),)),
        ([mapping(20000, 80, 0)], ((20000, 80, "tcp"),)),
        ([mapping(20000, 80, 2)], ((20000, 80, "tcp"), (20001, 81, "tcp"))),
        ([mapping(20000, 53, 1, "tcp,udp")], ((20000, 53, "tcp"), (20000, 53, "udp"))),
        ([mapping(0, 80)], ()),
    ],
)
def test_mappings_in_podmans_own_form(mappings: list[dict[str, Any]], ports: Ports) -> None:
    assert spread(mappings) == ports


@pytest.mark.parametrize(
    ("line", "bare"),
    [
        ("id\trunning\tac-1\tweb\t80/tcp, 53/udp, 127.0.0.1:20081->81/tcp\tfixed", True),
        ("id\trunning\tac-1\tweb\t127.0.0.1:20081->81/tcp, 82/tcp\tfixed", True),
        ("id\trunning\tac-1\tweb\t127.0.0.1:20081->81/tcp\tfixed", False),
        ("id\trunning\tac-1\tweb\t0.0.0.0:8000-8002->80-82/tcp\tfixed", False),
        ("id\trunning\tac-1\tweb\t\tfixed\t/srv/80/tcp", False),
    ],
)
def test_ports_that_docker_ps_does_not_take_for_published(line: str, *, bare: bool) -> None:
    assert shows_bare(line) is bare


def test_what_inspect_shows() -> None:
    text = "da5f 20101 101/tcp\nda5f 20100 100/tcp\nda5f  53/udp\n\na245 20090 90/tcp\n\n"
    assert inspected(text) == {
        "da5f": ((20100, 100, "tcp"), (20101, 101, "tcp")),
        "a245": ((20090, 90, "tcp"),),
    }


@pytest.mark.parametrize("rootless", [True, False])
def test_podman_says_itself_whether_it_is_rootless(
    engine: Engine, tmp_path: Path, *, rootless: bool
) -> None:
    engine.is_podman = True
    host = {"networkBackend": "netavark", "security": {"rootless": rootless}}
    with answering(tmp_path / "engine.sock", {INFO: podmans({"host": host})}):
        assert is_rootless(engine) is rootless
        assert podman_info(engine)["networkBackend"] == "netavark"


def test_an_engine_that_is_away_is_not_rootless_and_says_nothing(engine: Engine) -> None:
    assert podman_info(engine) == {}
    assert not engine.is_podman
    assert not is_rootless(engine)


def test_sockets_of_other_engines_are_found(tmp_path: Path) -> None:
    (tmp_path / "podman").mkdir()
    (tmp_path / "podman/podman.sock").touch()
    (tmp_path / "docker.sock").touch()
    engine = Engine({"PATH": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)})
    here = EngineFacts(host=f"unix://{tmp_path}/docker.sock")
    found = others_here(engine, here)
    assert found.sockets[0] == f"{tmp_path}/podman/podman.sock"
    assert f"{tmp_path}/docker.sock" not in found.sockets
    assert not found.podman_command
