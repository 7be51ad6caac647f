"""Rootless engines, Docker's and Podman's: ports they may not bind, and doctor."""

import os
import re
from pathlib import Path

import pytest

from tests.acceptance.engines.conftest import KIND
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Repository
from tests.harness.taken_ports import Thieves
from tests.harness.waits import page
from tests.support.compose_gate import around_compose_up

pytestmark = pytest.mark.e2e

LOW = stack({"web": {"ports": ["80:80"]}, "db": {"ports": ["5432:80"]}})


def test_a_stack_comes_up_beside_another_one(shop: Repository) -> None:
    for each in (shop.main, shop.worktree("two")):
        ports = each.json("up")["ports"]
        named = {name.replace("-1:", ":"): port for name, port in each.published().items()}
        assert named == ports
        assert min(ports.values()) >= 1024
        assert page(each.ok("url", "web", "80").strip())
        assert each.row["state"] == "running"


def test_a_port_that_a_process_takes_costs_a_move(
    shop: Repository, thieves: Thieves, tmp_path: Path
) -> None:
    stolen: list[int] = []

    def steal(count: int) -> None:
        if count == 1:
            stolen.append(int(shop.main.own_env["PORT_DB_80"]))
            thieves.listen(stolen[0])

    with around_compose_up(shop.main.environ, tmp_path / "bin", steal):
        done = shop.main.run("up")
    assert done.code == 0, done.err
    assert f"(process {os.getpid()}) took port {stolen[0]}/tcp" in done.err
    assert page(shop.main.ok("url", "db").strip())


@pytest.mark.parametrize("pinned", [False, True])
def test_a_port_below_what_it_may_have_is_an_error_at_once(
    make_repository: MakeRepository, *, pinned: bool
) -> None:
    one = make_repository({"compose.yaml": LOW}).main
    if pinned:
        (one.directory / "composeports.toml").write_text('pin = {"web:80" = 80}\n')
    done = one.run("up", "--json", *([] if pinned else ["--default-ports"]))
    error = done.error
    assert (done.code, error["code"]) == (78, "port_privileged")
    assert error["message"].startswith("port 80/tcp, which web:80/tcp has to have, is below 1024")
    assert "ip_unprivileged_port_start=80" in error["hint"]
    assert done.err.count("privileged port 80,") == 1  # Compose was started once
    assert one.resources_of() == []
    assert one.row == {}


def test_doctor_says_that_it_is_rootless_and_where_ports_begin(shop: Repository) -> None:
    document = shop.main.json("doctor")
    product = "Podman" if "podman" in KIND else "Docker"
    assert re.search(rf"engine     {product} \S+, rootless at unix://", shop.main.ok("doctor"))
    notes = [each["what"] for each in document["findings"]]
    assert "a rootless engine publishes ports from 1024 on" in notes


def test_doctor_finds_a_socket_that_docker_does_not_look_at(
    shop: Repository, tmp_path: Path
) -> None:
    name = "podman/podman.sock" if "podman" in KIND else "docker.sock"
    there = tmp_path / "run" / name
    there.parent.mkdir(parents=True)
    there.symlink_to(shop.main.environ["DOCKER_HOST"].removeprefix("unix://"))
    nowhere = {
        "DOCKER_HOST": f"unix://{tmp_path}/nowhere.sock",
        "XDG_RUNTIME_DIR": f"{tmp_path}/run",
    }
    done = shop.main.run("doctor", "--json", **nowhere)
    found = next(each for each in done.document["findings"] if each["check"] == "engine")
    assert found["next_step"].endswith(f"export DOCKER_HOST=unix://{there}")
    assert "rootless at" in shop.main.ok("doctor", **{**nowhere, "DOCKER_HOST": f"unix://{there}"})
