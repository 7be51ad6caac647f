"""Another process takes a port between the check and the engine's bind: new block, or an error."""

import os
from pathlib import Path

import pytest

from tests.harness.engine import docker
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session
from tests.harness.taken_ports import Thieves
from tests.harness.waits import page
from tests.support.compose_gate import around_compose_up

pytestmark = pytest.mark.e2e

SHOP = stack(
    {
        "web": {"ports": ["8080:80"], "volumes": ["data:/data"]},
        "db": {"ports": ["5432:80"], "depends_on": ["web"]},
    },
    volumes={"data": {}},
)


@pytest.fixture
def one(make_repository: MakeRepository) -> Session:
    return make_repository({"compose.yaml": SHOP}).worktree("one")


def port_in_file(session: Session, name: str) -> int:
    """Return a port that this `up` has just written down."""
    return int(session.own_env[name])


def block(session: Session) -> int:
    return int(session.row["db_port"])


def check_running(session: Session) -> None:
    assert session.row["state"] == "running"
    published = {name.replace("-1", ""): port for name, port in session.published().items()}
    assert session.row["ports"] == published
    assert set(published) == {"web:80/tcp", "db:80/tcp"}
    assert page(session.ok("url", "web").strip())
    assert {port // 20 for port in published.values()} == {block(session) // 20}


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_port_that_a_process_takes_costs_a_move_to_another_block(
    one: Session, thieves: Thieves, tmp_path: Path, times: int
) -> None:
    stolen: list[int] = []

    def steal(count: int) -> None:
        if count <= times:
            stolen.append(port_in_file(one, "PORT_DB_80"))
            thieves.listen(stolen[-1])

    with around_compose_up(one.environ, tmp_path / "bin", steal):
        done = one.run("up", "--json")
    assert done.code == 0, done.err
    for number in stolen:
        assert (
            f"(process {os.getpid()}) took port {number}/tcp (db:80/tcp): the ports of" in done.err
        )
    assert len(set(stolen)) == times
    assert done.document["ports"] == one.row["ports"]
    check_running(one)
    assert len(one.resources_of("network")) == 1


def test_a_port_that_a_container_takes_is_told_with_its_name(
    one: Session, thieves: Thieves, tmp_path: Path
) -> None:
    names: list[str] = []

    def steal(count: int) -> None:
        if count == 1:
            names.append(thieves.run(port_in_file(one, "PORT_WEB_80")))

    with around_compose_up(one.environ, tmp_path / "bin", steal):
        done = one.run("up")
    assert done.code == 0, done.err
    assert f"the container {names[0]} took port" in done.err
    check_running(one)


def test_a_port_that_is_taken_for_ever_is_an_error_and_nothing_is_left(
    one: Session, thieves: Thieves, tmp_path: Path
) -> None:
    before = (docker("ps", "--all", "--quiet"), docker("network", "ls", "--quiet"))
    stolen: list[int] = []

    def steal(_count: int) -> None:
        stolen.append(port_in_file(one, "PORT_WEB_80"))
        thieves.listen(stolen[-1])

    with around_compose_up(one.environ, tmp_path / "bin", steal):
        done = one.run("up", "--json")
    assert done.code == 75, done.err
    error = done.error
    assert error["code"] == "port_taken"
    assert (
        error["details"].items()
        >= {
            "port": stolen[-1],
            "protocol": "tcp",
            "key": "web:80/tcp",
            "pid": os.getpid(),
            "container": "",
        }.items()
    )
    assert str(stolen[-1]) in error["message"]
    assert len(set(stolen)) == 4
    assert (docker("ps", "--all", "--quiet"), docker("network", "ls", "--quiet")) == before
    assert one.json("status") == []
    assert not (one.directory / ".composeports").exists()


def test_a_block_that_was_stolen_from_is_the_last_choice_of_all_sessions(
    make_repository: MakeRepository, thieves: Thieves, tmp_path: Path
) -> None:
    repository = make_repository({"compose.yaml": SHOP})
    one, two = repository.worktree("one"), repository.worktree("two")
    first = one.json("plan")["env"]["AGENT_COORDINATOR_DB_PORT"]

    def steal(count: int) -> None:
        if count == 1:
            thieves.listen(port_in_file(one, "PORT_WEB_80"))

    with around_compose_up(one.environ, tmp_path / "bin", steal):
        one.ok("up")
    thieves.exits.close()
    two.ok("up")
    assert str(block(one)) != first
    assert str(block(two)) != first


def test_a_port_that_is_free_again_costs_nothing_but_another_try(
    one: Session, thieves: Thieves, tmp_path: Path
) -> None:
    planned = one.json("plan")["ports"]

    def steal(count: int) -> None:
        if count == 1:
            thieves.listen(planned["web:80/tcp"])

    def give_back(_count: int) -> None:
        thieves.exits.close()

    with around_compose_up(one.environ, tmp_path / "bin", steal, give_back):
        done = one.run("up")
    assert done.code == 0, done.err
    assert f"port {planned['web:80/tcp']}/tcp (web:80/tcp) for a moment: trying again" in done.err
    assert one.row["ports"] == planned
    check_running(one)


def test_a_port_stolen_while_the_stack_was_stopped_moves_it_and_keeps_its_data(
    one: Session, thieves: Thieves
) -> None:
    one.ok("up")
    web = f"{one.project}-web-1"
    docker("exec", web, "sh", "-c", "echo kept > /data/file")
    one.ok("stop")
    thieves.listen(one.row["ports"]["web:80/tcp"])
    volumes, old = one.resources_of("volume"), block(one)
    done = one.must_run("up")
    assert f"(process {os.getpid()}) uses port" in done.err
    assert "its ports move to another block" in done.err
    check_running(one)
    assert block(one) != old
    assert one.resources_of("volume") == volumes
    assert docker("exec", web, "cat", "/data/file") == "kept\n"


def test_a_port_stolen_from_a_stack_that_runs_partly_moves_all_of_it(
    one: Session, thieves: Thieves
) -> None:
    one.ok("up")
    web, old = f"{one.project}-web-1", block(one)
    docker("exec", web, "sh", "-c", "echo kept > /data/file")
    one.ok("stop", "db")
    thieves.listen(one.row["ports"]["db:80/tcp"])
    done = one.must_run("up")
    assert "the ports of this session move to another block" in done.err
    check_running(one)
    assert block(one) != old
    assert docker("exec", web, "cat", "/data/file") == "kept\n"


def test_a_stack_that_was_there_before_stays_when_every_block_is_stolen_from(
    one: Session, thieves: Thieves, tmp_path: Path
) -> None:
    one.ok("up")
    one.ok("stop", "db")
    volumes = one.resources_of("volume")

    def steal(_count: int) -> None:
        thieves.listen(port_in_file(one, "PORT_DB_80"))

    with around_compose_up(one.environ, tmp_path / "bin", steal):
        done = one.run("up")
    assert done.code == 75, done.err
    assert "lease are kept" in done.err
    assert len(one.resources_of("container")) == 2
    assert one.resources_of("volume") == volumes
    thieves.exits.close()
    one.ok("up")
    check_running(one)


def test_a_udp_port_that_is_stolen_moves_too(
    make_repository: MakeRepository, thieves: Thieves, tmp_path: Path
) -> None:
    file = stack({"dns": {"ports": ["53:53/udp", "53:53/tcp"]}})
    one = make_repository({"compose.yaml": file}).worktree("one")

    def steal(count: int) -> None:
        if count == 1:
            thieves.listen(port_in_file(one, "PORT_DNS_53_UDP"), "udp")

    with around_compose_up(one.environ, tmp_path / "bin", steal):
        done = one.run("up")
    assert done.code == 0, done.err
    assert "/udp (dns:53/udp)" in done.err
    assert one.published() == {f"dns-1:53/{kind}": block(one) + 4 for kind in ("tcp", "udp")}


def test_a_pinned_port_that_is_stolen_is_an_error_at_once(
    make_repository: MakeRepository, thieves: Thieves, tmp_path: Path
) -> None:
    files = {"compose.yaml": SHOP, "composeports.toml": 'pin = {"web:80" = 18999}\n'}
    one = make_repository(files).worktree("one")
    calls: list[int] = []

    def steal(count: int) -> None:
        calls.append(count)
        thieves.listen(18999)

    with around_compose_up(one.environ, tmp_path / "bin", steal):
        done = one.run("up", "--json")
    assert done.code == 75, done.err
    error = done.error
    assert (error["code"], error["details"]["port"]) == ("port_taken", 18999)
    assert calls == [1]
    thieves.exits.close()
    assert one.resources_of("container network") == []
    assert one.json("status") == []


def test_replicas_that_want_one_port_fail_as_compose_says(make_repository: MakeRepository) -> None:
    file = stack({"web": {"ports": ["8080:80"], "deploy": {"replicas": 2}}})
    one = make_repository({"compose.yaml": file}).worktree("one")
    planned = one.json("plan")["ports"]
    done = one.run("up")
    assert done.code == 1
    assert "another block" not in done.err
    assert "so the lease is kept" in done.err
    assert one.row["ports"] == planned
    assert len(one.published()) == 1


def test_up_in_the_foreground_moves_too(one: Session, thieves: Thieves, tmp_path: Path) -> None:
    file = {"job": {"command": ["sh", "-c", "echo done here; exit 3"], "ports": ["8080:80"]}}
    (one.directory / "compose.yaml").write_text(stack(file))

    def steal(count: int) -> None:
        if count == 1:
            thieves.listen(port_in_file(one, "PORT_JOB_80"))

    with around_compose_up(one.environ, tmp_path / "bin", steal):
        done = one.run("up", "--exit-code-from", "job")
    assert done.code == 3, done.err
    assert "done here" in done.out
    assert "move to another block" in done.err
