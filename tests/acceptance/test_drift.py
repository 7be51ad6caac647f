"""A stack that plain Compose has started on other ports is told, and no dead address is given."""

import pytest

from tests.acceptance.conftest import MakeRepository, page, stack

pytestmark = pytest.mark.e2e

LITERAL = 28931


def test_a_stack_on_other_ports_is_drifted_until_the_next_up(
    make_repository: MakeRepository,
) -> None:
    file = stack({"web": {"container_name": "drift-web", "ports": [f"{LITERAL}:80"]}})
    session = make_repository({"compose.dev.yml": file}).worktree("login")
    session.ok("-f", "compose.dev.yml", "up")
    leased = session.row["ports"]["web:80/tcp"]
    assert session.row["state"] == "running"
    plain = ("env", "--no-wrap", "--", "docker", "compose", "-f", "compose.dev.yml", "up", "-d")
    done = session.run(*plain)
    assert done.code == 0, done.err
    assert (session.row["state"], session.row["kept_by"]) == ("drifted", "ttl")
    done = session.run("url", "web")
    assert done.out == f"http://localhost:{LITERAL}\n"
    assert f"is published on {LITERAL}, although its lease says {leased}" in done.err
    assert page(done.out.strip())
    assert f"published on {LITERAL}" in session.run("doctor").out
    session.ok("-f", "compose.dev.yml", "up")
    assert session.row["state"] == "running"
    assert session.run("url", "web").out == f"http://localhost:{leased}\n"
    session.ok("env", "--", "docker", "compose", "-f", "compose.dev.yml", "up", "-d")
    assert session.row["state"] == "running"
