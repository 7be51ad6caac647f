"""The container list from the engine's socket equals that of `docker ps`, which is the fallback."""

import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from composeports.docker.api_socket import plain_socket
from composeports.docker.containers import Container
from composeports.docker.context import SOCKET
from composeports.docker.engine import Engine
from tests.support.machine import FakeDocker

pytestmark = pytest.mark.integration

ENTRIES = [
    {
        "Id": "abc",
        "State": "running",
        "Names": ["/other/alias", "/ac-1-web-1"],
        "Labels": {"com.docker.compose.project": "ac-1", "com.docker.compose.service": "web"},
        "Ports": [
            {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8000, "Type": "tcp"},
            {"IP": "::", "PrivatePort": 80, "PublicPort": 8000, "Type": "tcp"},
            {"PrivatePort": 99, "Type": "tcp"},
            {"IP": "0.0.0.0", "PrivatePort": 53, "PublicPort": 53, "Type": "udp"},
        ],
    },
    {"Id": "def", "State": "created", "Names": None, "Labels": None, "Ports": None},
    # Podman 5 lists the ports that a container will publish, Docker does not.
    {
        "Id": "eda",
        "State": "created",
        "Names": ["/ac-1-db-1"],
        "Labels": {"com.docker.compose.project": "ac-1", "com.docker.compose.service": "db"},
        "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8001, "Type": "tcp"}],
    },
]
CONTAINERS = (
    Container("abc", "running", "ac-1", "web", ((53, 53, "udp"), (8000, 80, "tcp")), "ac-1-web-1"),
    Container("def", "created", "", ""),
    Container("eda", "created", "ac-1", "db", (), "ac-1-db-1"),
)
SHOWN = "cmd\trunning\tac-1\tweb\t\tname\n"


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[list[bytes]]:
    """Answer one question at the socket `path`; the questions are in the list."""
    asked: list[bytes] = []
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    asked.append(connection.recv(4096))
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def ok(body: Any) -> bytes:  # noqa: ANN401 - any JSON
    return b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + json.dumps(body).encode()


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a `docker` that is a program, not a script, and a socket path."""
    programs = tmp_path / "programs"
    programs.mkdir()
    shutil.copy(shutil.which("true") or "/bin/true", programs / "docker")
    return {
        "PATH": str(programs),
        "HOME": str(tmp_path),
        "DOCKER_HOST": f"unix://{tmp_path}/engine.sock",
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.sock"


def test_the_engines_entries_become_containers(environ: dict[str, str], path: Path) -> None:
    with answering(path, ok(ENTRIES)) as asked:
        assert Engine(environ).containers() == CONTAINERS
    assert asked[0].startswith(b"GET /containers/json?all=1 HTTP/1.0\r\n")


def test_one_project_is_asked_for_by_its_label(environ: dict[str, str], path: Path) -> None:
    with answering(path, ok([])) as asked:
        assert Engine(environ).containers("ac-1") == ()
    query = b"%7B%22label%22%3A%20%5B%22com.docker.compose.project%3Dac-1%22%5D%7D"
    assert asked[0].startswith(b"GET /containers/json?all=1&filters=" + query + b" HTTP/1.0\r\n")


NO_ANSWERS = {
    "an error": b'HTTP/1.0 500 Internal Server Error\r\n\r\n{"message": "no"}',
    "nothing": b"",
    "a part": ok(ENTRIES)[:-20],
    "not a list": ok({"message": "no"}),
    "not JSON": b"HTTP/1.0 200 OK\r\n\r\nhello",
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_answer_is_asked_of_the_command(
    environ: dict[str, str], path: Path, answer: bytes
) -> None:
    with answering(path, answer):
        listing = Engine(environ).start_listing()
        # From here on the command answers; it shows that it was asked.
        script = Path(environ["PATH"]) / "docker"
        script.write_text(f"#!/bin/sh\nprintf '{SHOWN}'\n")
        assert [each.id for each in listing.containers()] == ["cmd"]


def test_where_nobody_listens_the_command_is_asked(docker: FakeDocker, tmp_path: Path) -> None:
    docker.answer("ps", SHOWN)
    environ = docker.environ() | {"DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}
    assert [each.id for each in Engine(environ).containers()] == ["cmd"]


def test_a_docker_that_is_a_script_is_asked_itself(docker: FakeDocker, path: Path) -> None:
    docker.answer("ps", SHOWN)
    environ = docker.environ() | {"DOCKER_HOST": f"unix://{path}"}
    with answering(path, ok(ENTRIES)) as asked:
        assert [each.id for each in Engine(environ).containers()] == ["cmd"]
    assert asked == []


PLAIN = SOCKET.removeprefix("unix://")
SOCKETS = {
    "nothing set": ({}, None, PLAIN),
    "a socket": ({"DOCKER_HOST": "unix:///run/x.sock"}, None, "/run/x.sock"),
    "tcp": ({"DOCKER_HOST": "tcp://10.0.0.1:2376"}, None, ""),
    "ssh": ({"DOCKER_HOST": "ssh://box"}, None, ""),
    "no path": ({"DOCKER_HOST": "unix://x.sock"}, None, ""),
    "a bare path": ({"DOCKER_HOST": "/run/x.sock"}, None, ""),
    "a context": ({"DOCKER_CONTEXT": "far"}, None, ""),
    "the default context": ({"DOCKER_CONTEXT": "default"}, None, PLAIN),
    "a context in the settings": ({}, '{"currentContext": "far"}', ""),
    "headers in the settings": ({}, '{"HttpHeaders": {"A": "b"}}', ""),
    "headers and a host": (
        {"DOCKER_HOST": "unix:///run/x.sock"},
        '{"HttpHeaders": {"A": "b"}}',
        "",
    ),
    "headers in a variable": ({"DOCKER_CUSTOM_HEADERS": "A=b"}, None, ""),
    "other settings": ({}, '{"auths": {}}', PLAIN),
}


@pytest.mark.parametrize(("variables", "settings", "path"), SOCKETS.values(), ids=SOCKETS)
def test_which_socket_is_plain(
    tmp_path: Path, variables: dict[str, str], settings: str | None, path: str
) -> None:
    if settings is not None:
        (tmp_path / ".docker").mkdir()
        (tmp_path / ".docker" / "config.json").write_text(settings)
    assert plain_socket({"HOME": str(tmp_path), **variables}) == path


def test_settings_that_cannot_be_read_are_left_to_the_command(tmp_path: Path) -> None:
    os.makedirs(tmp_path / ".docker" / "config.json")
    assert plain_socket({"HOME": str(tmp_path)}) == ""
