"""A stack that plain Compose started on other ports is reported; `url` prints no dead address."""

import pytest

from tests.harness.engine import docker
from tests.harness.repository import stack
from tests.harness.session import MakeRepository
from tests.harness.waits import page

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
    session.ok(*plain)
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


def test_another_name_or_network_is_drift_too(make_repository: MakeRepository) -> None:
    web = {"container_name": "drift-name", "networks": ["back"]}
    file = stack({"web": web, "db": {}}, networks={"back": {"name": "drift-back"}})
    session = make_repository({"compose.yaml": file}).worktree("login")
    session.ok("up")
    assert session.row["state"] == "running"
    plain = ("env", "--no-wrap", "--", "docker", "compose", "-f", "compose.yaml", "up", "-d")
    session.ok(*plain)
    assert session.row["state"] == "drifted"
    told = session.run("doctor").out
    assert "is called drift-name, not" in told
    assert "is not on the network" in told
    session.ok("up")
    assert session.row["state"] == "running"
    docker("network", "rm", "drift-back")
    db = session.containers()["db-1"]["Name"].removeprefix("/")
    docker("network", "disconnect", f"{session.project}_default", db)
    assert session.row["state"] == "drifted"
    assert f"{db} is not on the network {session.project}_default" in session.run("doctor").out
    session.ok("down", "-t", "0")


def test_a_container_of_run_is_no_drift(make_repository: MakeRepository) -> None:
    file = stack({"web": {"container_name": "drift-run"}})
    session = make_repository({"compose.yaml": file}).worktree("login")
    session.ok("up")
    single = session.ok("run", "-d", "web", "sleep", "60").split()[-1]
    assert session.row["state"] == "running"
    docker("rm", "--force", single)
    session.ok("down", "-t", "0")
