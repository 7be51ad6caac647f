"""What an engine's address means, and which hosts a user may set."""

import pytest

from composeports.core.engine_address import (
    host_problem,
    in_url,
    is_this_machine,
    split_address,
    without_brackets,
)

# address: scheme, host, user, port
ADDRESSES = {
    "unix:///var/run/docker.sock": ("unix", "", "", ""),
    "npipe:////./pipe/docker_engine": ("npipe", "", "", ""),
    "fd://": ("fd", "", "", ""),
    "tcp://docker:2376": ("tcp", "docker", "", "2376"),
    "tcp://10.0.0.1": ("tcp", "10.0.0.1", "", ""),
    "tcp://:2375": ("tcp", "localhost", "", "2375"),
    "tcp://": ("tcp", "localhost", "", ""),
    "tcp://[fd00::1]:2376": ("tcp", "fd00::1", "", "2376"),
    "tcp://[fd00::1]": ("tcp", "fd00::1", "", ""),
    "tcp://box:2376/prefix": ("tcp", "box", "", "2376"),
    "http://box:2375": ("http", "box", "", "2375"),
    "box:2375": ("tcp", "box", "", "2375"),
    " tcp://box:2375 ": ("tcp", "box", "", "2375"),
    "ssh://box": ("ssh", "box", "", ""),
    "ssh://me@box:2222": ("ssh", "box", "me", "2222"),
    "ssh://me:secret@box": ("ssh", "box", "me", ""),
    "ssh://me@[fd00::1]:22": ("ssh", "fd00::1", "me", "22"),
    "ssh://box/run/docker.sock": ("ssh", "box", "", ""),
}


@pytest.mark.parametrize(("text", "parts"), ADDRESSES.items(), ids=ADDRESSES)
def test_an_address_has_parts(text: str, parts: tuple[str, ...]) -> None:
    found = split_address(text)
    assert (found.scheme, found.host, found.user, found.port) == parts


HERE = "localhost LocalHost localhost. me.localhost 127.0.0.1 127.8.9.10 ::1 0:0:0:0:0:0:0:1"
HERE += " ::ffff:127.0.0.1"
ELSEWHERE = "docker 10.0.0.1 127 127.0.0.1.example.com ::2 fd00::1 notlocalhost 128.0.0.1"


@pytest.mark.parametrize(
    ("host", "here"),
    [(each, True) for each in HERE.split()] + [(each, False) for each in ["", *ELSEWHERE.split()]],
)
def test_a_loopback_address_is_this_machine(host: str, *, here: bool) -> None:
    assert is_this_machine(host) is here


@pytest.mark.parametrize(
    ("host", "shown"),
    [("box", "box"), ("10.0.0.1", "10.0.0.1"), ("fd00::1", "[fd00::1]")],
)
def test_a_url_has_an_ipv6_address_in_brackets(host: str, shown: str) -> None:
    assert in_url(host) == shown
    assert without_brackets(shown) == host


@pytest.mark.parametrize(
    "host", ["box", "box.example.com", "my_box", "10.0.0.1", "fd00::1", "[fd00::1]", "bücher.de"]
)
def test_a_name_or_an_address_is_a_host(host: str) -> None:
    assert host_problem(host) == ""


PROBLEMS = {
    " ": "it is empty",
    "http://box": "it is a URL",
    "box/path": "it is a URL",
    "box:80": "it has a port",
    "[fd00::1]:80": "its brackets do not match",
    "[fd00::1": "its brackets do not match",
    "fd00::xyz": "it has a port",
    "me@box": "it has characters that no name has",
    "a box": "it has characters that no name has",
    "a\nbox": "it has characters that no name has",
    "$(box)": "it has characters that no name has",
}


@pytest.mark.parametrize(("host", "problem"), PROBLEMS.items(), ids=map(repr, PROBLEMS))
def test_anything_else_is_no_host(host: str, problem: str) -> None:
    assert host_problem(host) == problem
