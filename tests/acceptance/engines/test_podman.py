"""Podman's socket under `docker compose`, as root and rootless: the same promises hold."""

import os
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from composeports.docker.containers import Container
from composeports.docker.engine import Engine
from tests.acceptance.engines.conftest import KIND
from tests.harness.engine import PROJECT_LABEL, docker, engine, remove
from tests.harness.repository import TINY, stack
from tests.harness.session import MakeRepository, Repository
from tests.harness.taken_ports import Thieves
from tests.harness.waits import page, wait_until
from tests.support.compose_gate import around_compose_up

pytestmark = pytest.mark.e2e

NAMED = stack(
    {
        "web": {
            "ports": ["8080:80"],
            "container_name": "shop-web",
            "volumes": ["data:/data", "shared:/shared"],
            "networks": {"back": {"aliases": ["front"], "ipv4_address": "172.30.7.9"}},
        },
        "side": {"network_mode": "service:web", "command": ["sleep", "1000"]},
        "asks": {"networks": ["back"], "command": ["sleep", "1000"]},
    },
    volumes={"data": {"name": "shop-data"}, "shared": {"external": True}},
    networks={"back": {"ipam": {"config": [{"subnet": "172.30.7.0/24"}]}}},
)
BUILT = stack({"job": {"build": ".", "image": "shop-job:dev", "ports": ["8080:80"]}})


def test_two_worktrees_run_at_once_and_each_says_what_it_publishes(shop: Repository) -> None:
    sessions = [shop.main, shop.worktree("two")]
    for each in sessions:
        published = {key.replace("-1:", ":"): url for key, url in each.json("up")["ports"].items()}
        assert each.row["ports"] == published
        assert each.row["state"] == "running"
        named = {name.replace("-1:", ":"): port for name, port in each.published().items()}
        assert named == published
        assert len(named) == 6
        assert page(each.ok("url", "web", "80").strip())
        assert each.ok("exec", "-T", "db", "echo", "here") == "here\n"
        assert "db" in each.ok("ps", "--services")
    assert not set(sessions[0].published().values()) & set(sessions[1].published().values())
    sessions[0].ok("down")
    assert sessions[0].resources_of("container network") == []
    assert sessions[0].resources_of("volume")
    sessions[1].ok("down", "-v")
    assert sessions[1].resources_of() == []


@pytest.fixture
def shared() -> Iterator[str]:
    """Yield a volume that no stack owns; it is removed after the stacks that use it."""
    docker("volume", "create", "shared")
    yield "shared"
    remove("volume", "shared")


def test_names_networks_and_addresses_are_each_sessions_own(
    shared: str, make_repository: MakeRepository
) -> None:
    repository = make_repository({"compose.yaml": NAMED})
    for each in (repository.main, repository.worktree("two")):
        each.ok("up")
        answer = page(each.ok("url", "web").strip())
        for name in ("web", "front", "shop-web"):
            asked = each.ok("exec", "-T", "asks", "wget", "-q", "-O", "-", f"http://{name}/")
            assert asked.strip() == answer
    repository.main.ok("down", "-v")
    assert repository.main.resources_of() == []
    assert shared in docker("volume", "ls", "--quiet").split()


def _without_age(containers: Iterable[Container]) -> list[Container]:
    """Return the containers without their status, which ages, and without what one way lacks."""
    return [container._replace(network_ids=(), status="") for container in containers]


def test_ports_of_a_run_are_seen_all_by_socket_and_command(shop: Repository) -> None:
    shop.main.ok("up")
    engine = Engine(shop.main.environ)
    assert engine.is_podman
    told = engine.containers(shop.main.project)
    by_command = engine.listing_by_command(shop.main.project).containers()
    assert _without_age(by_command) == _without_age(told)
    assert sorted(port for each in told for port, *_ in each.ports) == sorted(
        shop.main.published().values()
    )
    shop.main.ok("stop")
    stopped = engine.containers(shop.main.project)
    assert {each.ports for each in stopped} == {()}
    assert {port for port, _ in engine.reserved_ports(stopped)} == set(
        shop.main.row["ports"].values()
    )


def test_a_port_inside_a_run_of_somebody_else_is_not_given_out(
    shop: Repository, environ: dict[str, str]
) -> None:
    base = int(environ["PORT_ALLOC_BASE"])
    published = f"{base + 3}-{base + 6}:1-4"
    docker("create", "--name", "others", "--publish", published, TINY)
    try:
        assert set(shop.main.json("up")["ports"].values()) == set(range(base + 24, base + 30))
    finally:
        docker("rm", "--force", "others")


@pytest.mark.parametrize("pinned", [False, True])
def test_a_port_that_is_taken_costs_a_move_unless_it_is_pinned(
    shop: Repository, thieves: Thieves, tmp_path: Path, *, pinned: bool
) -> None:
    stolen: list[int] = []
    if pinned:
        number = int(shop.main.environ["PORT_ALLOC_BASE"]) - 7
        (shop.main.directory / "composeports.toml").write_text(f'pin = {{"db:80" = {number}}}\n')

    def steal(count: int) -> None:
        if count == 1:
            stolen.append(int(shop.main.own_env["PORT_DB_80"]))
            thieves.listen(stolen[0])

    with around_compose_up(shop.main.environ, tmp_path / "bin", steal):
        done = shop.main.run("up", "--json")
    thief = f"(process {os.getpid()}) took port {stolen[0]}/tcp"
    if pinned:
        error = done.error
        assert (done.code, error["code"], error["details"]["port"]) == (75, "port_taken", stolen[0])
        assert thief in error["message"]
        project = error["details"]["compose_project_name"]
        assert engine().resources(project, "container network") == []
    else:
        assert done.code == 0, done.err
        assert thief in done.err
        assert stolen[0] not in shop.main.row["ports"].values()
        assert page(shop.main.ok("url", "db").strip())


def test_data_is_not_copied_rather_than_without_its_owners(shop: Repository) -> None:
    shop.main.ok("up")
    two = shop.worktree("two")
    done = two.run("up", "--seed-from", "main", "--json")
    error = done.error
    assert (done.code, error["code"]) == (69, "seed_failed")
    assert "without their owners" in error["message"]
    assert two.resources_of() == []
    assert shop.main.row["state"] == "running"


def test_gc_removes_the_stack_of_a_worktree_that_is_gone(shop: Repository) -> None:
    two = shop.worktree("two")
    two.ok("up")
    project = two.project
    shop.git("worktree", "remove", "--force", str(two.directory))
    shop.main.ok("gc")
    assert engine().resources(project, "container network") == []
    shop.main.ok("gc", "--volumes")
    assert engine().resources(project) == []


def test_podman_builds_where_buildkit_is_not_asked_for(make_repository: MakeRepository) -> None:
    recipe = f"FROM {TINY}\nRUN echo built > /built\n"
    one = make_repository({"compose.yaml": BUILT, "Dockerfile": recipe}).main
    one.environ["DOCKER_BUILDKIT"] = "0"
    one.ok("up", "--build")
    assert one.ok("exec", "-T", "job", "cat", "/built") == "built\n"
    one.ok("down", "--rmi", "all")
    assert one.project not in docker("image", "ls", "--format", "{{.Tag}}")


def test_what_happens_is_heard(environ: dict[str, str]) -> None:
    following = Engine(environ).follow_events()
    try:
        # The question may be under way still: there is one event after the other until it is heard.
        label = f"{PROJECT_LABEL}=ac-heard"
        heard: list[str] = []

        def listen() -> None:
            for project in following:
                heard.extend([project] if project else [])

        def again() -> bool:
            docker("run", "--rm", "--label", label, TINY, "true")
            return bool(heard)

        thread = threading.Thread(target=listen)
        thread.start()
        wait_until(again, "an event")
    finally:
        following.stop()
        thread.join()
    assert set(heard) == {"ac-heard"}


def test_doctor_names_podman(shop: Repository) -> None:
    lines = shop.main.ok("doctor").splitlines()
    rights = ", rootless" if "rootless" in KIND else ""
    name = rf"engine     Podman \d+\.\d+\.\d+{rights} at unix://"
    assert any(re.search(name, line) for line in lines)
