"""Lines of scripts whose docker cannot be wrapped are found, and others are not."""

import pytest

from composeports.core.unwrapped import bypasses


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("PATH=/usr/bin:/bin", "sets PATH anew"),
        ("export PATH='/usr/bin'", "sets PATH anew"),
        ("PATH := /usr/bin", "sets PATH anew"),
        ("true; PATH=/bin docker ps", "sets PATH anew"),
        ("/usr/bin/docker ps", "calls docker by its path"),
        ("\t@/usr/local/bin/docker-compose up", "calls docker by its path"),
        ("ids=$(/usr/bin/docker ps -q)", "calls docker by its path"),
        ("sudo docker ps", "calls docker by sudo"),
        ("\t@sudo -E docker compose up", "calls docker by sudo"),
        ("env  -i docker ps", "calls docker by env -i"),
    ],
)
def test_a_line_that_cannot_be_wrapped_is_found(line: str, why: str) -> None:
    assert bypasses(f"#!/bin/sh\n{line}\n") == [(2, why)]


@pytest.mark.parametrize(
    "line",
    [
        'PATH="$HOME/bin:$PATH"',
        "export PATH=/opt/bin:${PATH}",
        "PATH := $(CURDIR)/bin:$(PATH)",
        "PATH=",
        "# PATH=/usr/bin",
        "MANPATH=/usr/share/man",
        "docker compose up",
        "ls /var/lib/docker /etc/docker/daemon.json",
        "sudo systemctl restart docker",
        "sudo -u me ls",
    ],
)
def test_others_are_not(line: str) -> None:
    assert bypasses(f"{line}\n") == []
