"""Find the engine as docker does; without a program if a file names it."""

import hashlib
import json
from pathlib import Path

import pytest

from composeports.docker import context
from composeports.docker.context import SOCKET, EngineEndpoint, find_endpoint, is_secured
from tests.support.machine import FakeDocker

pytestmark = pytest.mark.integration

FAR = "tcp://10.9.8.7:2376"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with contexts "far" and "near"; none of them is in use."""
    folder = tmp_path / "home"
    folder.mkdir()
    write_context(folder / ".docker", "far", FAR)
    write_context(folder / ".docker", "near", "unix:///run/user/7/docker.sock")
    return folder


def write_context(folder: Path, name: str, address: object) -> None:
    place = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    place.mkdir(parents=True)
    document = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": address}}}
    (place / "meta.json").write_text(json.dumps(document))


def use(home: Path, name: str) -> None:
    (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": name}))


def parts(found: EngineEndpoint) -> tuple[str, str, bool, str]:
    return found.address, found.host, found.local, found.context


# variables, the context in use: address, host, local, context
CASES = {
    "nothing said": ({}, "", (SOCKET, "localhost", True, "default")),
    "a remote DOCKER_HOST": ({"DOCKER_HOST": FAR}, "", (FAR, "10.9.8.7", False, "")),
    "it overrides all contexts": (
        {"DOCKER_HOST": "tcp://box:1", "DOCKER_CONTEXT": "far"},
        "near",
        ("tcp://box:1", "box", False, ""),
    ),
    "over IPv6": (
        {"DOCKER_HOST": "tcp://[fd00::1]:2376"},
        "",
        ("tcp://[fd00::1]:2376", "fd00::1", False, ""),
    ),
    "TCP to this machine": (
        {"DOCKER_HOST": "tcp://127.0.0.1:2375"},
        "",
        ("tcp://127.0.0.1:2375", "localhost", True, ""),
    ),
    "a socket of one's own": (
        {"DOCKER_HOST": "unix:///x.sock"},
        "far",
        ("unix:///x.sock", "localhost", True, ""),
    ),
    "a pipe": ({"DOCKER_HOST": "npipe:////./x"}, "", ("npipe:////./x", "localhost", True, "")),
    "a context by its name": ({"DOCKER_CONTEXT": "far"}, "near", (FAR, "10.9.8.7", False, "far")),
    "the context in use": ({}, "far", (FAR, "10.9.8.7", False, "far")),
    "a near context": (
        {},
        "near",
        ("unix:///run/user/7/docker.sock", "localhost", True, "near"),
    ),
    "the default by its name": (
        {"DOCKER_CONTEXT": "default"},
        "far",
        (SOCKET, "localhost", True, "default"),
    ),
    "the default in use": ({}, "default", (SOCKET, "localhost", True, "default")),
    "empty variables": (
        {"DOCKER_HOST": "", "DOCKER_CONTEXT": "", "COMPOSEPORTS_HOST": ""},
        "",
        (SOCKET, "localhost", True, "default"),
    ),
    "a host of one's own": (
        {"DOCKER_HOST": FAR, "COMPOSEPORTS_HOST": "box.example.com"},
        "",
        (FAR, "box.example.com", False, ""),
    ),
    "a host of one's own for a socket": (
        {"COMPOSEPORTS_HOST": "[fd00::2]"},
        "",
        (SOCKET, "fd00::2", False, "default"),
    ),
    "a tunnel to this machine": (
        {"DOCKER_HOST": FAR, "COMPOSEPORTS_HOST": "127.0.0.1"},
        "",
        (FAR, "localhost", True, ""),
    ),
}


@pytest.mark.parametrize(("variables", "in_use", "expected"), CASES.values(), ids=CASES)
def test_the_engine_is_where_docker_would_go(
    home: Path, variables: dict[str, str], in_use: str, expected: tuple[str, str, bool, str]
) -> None:
    if in_use:
        use(home, in_use)
    # No program is to be had, and none is needed.
    assert parts(find_endpoint({"HOME": str(home), "PATH": "", **variables})) == expected


def test_dockers_settings_may_lie_elsewhere(home: Path, tmp_path: Path) -> None:
    write_context(tmp_path / "other", "far", "tcp://other:2376")
    environ = {
        "HOME": str(home),
        "PATH": "",
        "DOCKER_CONFIG": str(tmp_path / "other"),
        "DOCKER_CONTEXT": "far",
    }
    assert find_endpoint(environ).host == "other"


def test_docker_is_asked_for_a_context_that_is_in_no_file(home: Path, docker: FakeDocker) -> None:
    docker.answer("context", "tcp://strange:2376\n")
    environ = {**docker.environ(), "HOME": str(home), "DOCKER_CONTEXT": "strange"}
    assert parts(find_endpoint(environ))[:2] == ("tcp://strange:2376", "strange")


@pytest.mark.parametrize("address", [None, 7, "", {"a": 1}])
def test_a_context_that_nobody_knows_is_no_place(
    home: Path, docker: FakeDocker, address: object
) -> None:
    docker.answer("context", "", code=1)
    write_context(docker.config, "odd", address)
    environ = {**docker.environ(), "HOME": str(home), "DOCKER_CONTEXT": "odd"}
    assert parts(find_endpoint(environ)) == ("", "", False, "odd")


def test_settings_that_are_not_json_name_no_context(home: Path) -> None:
    (home / ".docker" / "config.json").write_text("{currentContext")
    assert find_endpoint({"HOME": str(home), "PATH": ""}).address == SOCKET


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `ssh -G` that knows the alias "box", and notes what it is asked."""
    monkeypatch.setattr(context, "_hosts", {})
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\n'
        'case "$*" in *" box") echo "host box"; echo "hostname 10.1.1.1";;\n'
        '*" here") echo "hostname ::1";;\n*) exit 255;; esac\n'
    )
    program.chmod(0o755)
    return tmp_path / "asked"


def over_ssh(home: Path, ssh: Path, address: str) -> EngineEndpoint:
    environ = {"HOME": str(home), "PATH": f"{ssh.parent}/bin:/usr/bin:/bin"}
    return find_endpoint({**environ, "DOCKER_HOST": address})


def test_ssh_says_what_an_alias_stands_for_once(home: Path, ssh: Path) -> None:
    for _ in range(2):
        found = over_ssh(home, ssh, "ssh://me@box:2222")
        assert parts(found) == ("ssh://me@box:2222", "10.1.1.1", False, "")
    assert ssh.read_text() == "-G -l me -p 2222 -- box\n"


def test_an_alias_for_this_machine_is_local(home: Path, ssh: Path) -> None:
    assert over_ssh(home, ssh, "ssh://here").local


def test_without_an_answer_of_ssh_the_alias_is_the_host(home: Path, ssh: Path) -> None:
    assert over_ssh(home, ssh, "ssh://me@unknown").host == "unknown"


@pytest.mark.parametrize(
    ("address", "path"),
    [("unix:///x.sock", "/x.sock"), ("unix://x", ""), ("tcp://box", ""), ("", "")],
)
def test_a_socket_has_a_path(address: str, path: str) -> None:
    assert EngineEndpoint(address, "localhost", local=True).socket == path


# The address, whether it is a context's, variables: whether it is secured.
SECURED = {
    "a socket": ("unix:///x.sock", False, {}, True),
    "ssh": ("ssh://box", False, {}, True),
    "TCP to this machine": ("tcp://127.0.0.1:2375", False, {}, True),
    "TCP": (FAR, False, {}, False),
    "TCP with TLS": (FAR, False, {"DOCKER_TLS_VERIFY": "1"}, True),
    "TLS that trusts anybody": (FAR, False, {"DOCKER_TLS": "1"}, True),
    "a context": (FAR, True, {"DOCKER_TLS_VERIFY": "1"}, False),
}


@pytest.mark.parametrize(
    ("address", "of_context", "variables", "secured"), SECURED.values(), ids=SECURED
)
def test_an_engine_is_secured(
    home: Path, address: str, variables: dict[str, str], *, of_context: bool, secured: bool
) -> None:
    found = EngineEndpoint(address, "x", local=False, context="far" if of_context else "")
    assert is_secured(found, {"HOME": str(home), **variables}) is secured


def test_a_context_with_certificates_is_secured(home: Path) -> None:
    found = EngineEndpoint(FAR, "x", local=False, context="far")
    key = hashlib.sha256(b"far").hexdigest()
    (home / ".docker" / "contexts" / "tls" / key).mkdir(parents=True)
    assert is_secured(found, {"HOME": str(home)})
