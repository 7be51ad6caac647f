"""Lines of scripts whose docker cannot be wrapped are found, and others are not."""

import pytest

from composeports.core.unwrapped import bypasses, calls_by_name


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


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("docker exec -i shop-db psql", [(2, "exec", "shop-db")]),
        ("\t-docker exec shop-db true", [(2, "exec", "shop-db")]),
        ("id=$(docker inspect -f '{{.Id}}' \"shop-db\")", [(2, "inspect", "shop-db")]),
        ("docker --log-level error logs shop-db | tail", [(2, "logs", "shop-db")]),
        ("docker cp a.sql shop-db:/a.sql; docker restart shop-db", None),
        ('"seed": "docker exec shop-db seed",', [(2, "exec", "shop-db")]),
        ("docker exec -i \\\n  shop-db psql", [(2, "exec", "shop-db")]),
        ("docker container stop shop-db", [(2, "container", "shop-db")]),
        ("# docker exec shop-db psql", []),
        ("docker exec other shop-db", []),
        ("docker exec $DB psql", []),
        ("docker ps", []),
        ("docker", []),
        ("mydocker exec shop-db", []),
        ("echo shop-db", []),
    ],
)
def test_a_call_that_names_a_container_is_found(
    line: str, found: list[tuple[int, str, str]] | None
) -> None:
    if found is None:
        found = [(2, "cp", "shop-db"), (2, "restart", "shop-db")]
    assert calls_by_name(f"#!/bin/sh\n{line}\n", {"shop-db"}) == found
