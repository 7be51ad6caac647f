"""A remote engine: no port is probed on this machine, and everything names the engine's host."""

from pathlib import Path

import pytest

from composeports.core.engine_identity import EngineIdentity
from composeports.core.lease import ComposeInvocation, Lease
from composeports.core.snapshot import StoreSnapshot
from composeports.docker.context import EngineEndpoint
from composeports.servers.context import open_context
from composeports.usecases.allocate import allocate
from composeports.usecases.port_probe import who_has
from composeports.usecases.reserve import reserve_lease
from composeports.usecases.status import environment, status, url
from tests.support.fakes import FakeEngine, FakeMachine
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration


class FarEngine(FakeEngine):
    """An engine on the host "box"."""

    def __init__(self) -> None:
        super().__init__()
        self.endpoint = EngineEndpoint("tcp://box:2376", "box", local=False)

    def identity(self, *, refresh: bool = False) -> EngineIdentity:
        """Return what it says of itself."""
        del refresh
        return EngineIdentity("id-of-box", "box", "box", local=False)


@pytest.fixture
def far(machine: FakeMachine) -> FakeMachine:
    machine.engine = FarEngine()
    return machine


def with_web(lease: Lease, _: StoreSnapshot) -> Lease:
    ports = {"web:80/tcp": lease.block.port(4)}
    return lease._replace(ports=ports, stack=ComposeInvocation(files=("/w/compose.yaml",)))


def test_what_is_busy_here_is_not_asked_for(far: FakeMachine) -> None:
    far.ports.used = {(20004, "tcp")}
    lease = reserve_lease(far.session("one"), (), with_web)
    assert lease.block.start == 20000
    assert far.ports.asked == []


def test_what_its_containers_publish_is_not_free(far: FakeMachine) -> None:
    far.engine.add("other", (20004, 80, "tcp"), state="exited")
    lease = reserve_lease(far.session("one"), tuple(far.engine.present), with_web)
    assert lease.block.start == 20010
    assert far.ports.asked == []


def test_a_lease_knows_the_engines_host(far: FakeMachine) -> None:
    one = far.session("one")
    lease = allocate(one)
    assert lease.host == "box"
    assert dict(environment(one))["SUPABASE_URL"] == "http://box:20001"
    assert url(one, "rest") == "http://box:20001"
    assert url(one, "db") == "box:20000"
    assert [each.as_dict()["host"] for each in status(one)] == ["box"]


def test_a_port_that_the_engine_chose_is_at_its_host(far: FakeMachine) -> None:
    one = far.session("one")
    lease = allocate(one)
    far.engine.add(lease.project, (32768, 80, "tcp"))
    assert url(one, "web") == "http://box:32768"


def test_who_has_a_port_there_cannot_be_seen(far: FakeMachine) -> None:
    user = who_has(far.session("one"), (20004, "tcp"), ())
    assert str(user) == "something on box that is no container of its engine"


def test_routes_of_this_machine_do_not_matter(far: FakeMachine) -> None:
    context = far.context()._replace(find_routed_subnets=lambda: ("10.213.0.0/16",))
    assert context.routes_of_engine() == ()
    assert context._replace(engine=FakeEngine()).routes_of_engine() == ("10.213.0.0/16",)


def test_its_files_are_beside_those_of_an_engine_here(far: FakeMachine, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").touch()
    there = far.session()
    assert there.folder.path == f"{tmp_path}/.composeports/{there.expected_project_name(None)}"
    far.engine = FakeEngine()
    assert far.session().folder.path == f"{tmp_path}/.composeports"


@pytest.fixture
def shell(shell: Shell, docker: FakeDocker) -> Shell:
    docker.publish(web=8080)
    docker.answer("info", "id-of-box\tbox\t/var/lib/docker\n")
    return shell.using(docker).having(DOCKER_HOST="tcp://box:2376", DOCKER_TLS_VERIFY="1")


def test_the_short_way_of_env_is_for_engines_of_this_machine(shell: Shell) -> None:
    near = shell.having(DOCKER_HOST="unix:///x.sock")
    assert near.run("allocate").code == 0
    assert shell.run("env").code == 66
    assert shell.run("allocate").code == 0
    assert "SUPABASE_URL=http://box:" in shell.run("env").out
    assert "SUPABASE_URL=http://localhost:" in near.run("env").out


def test_doctor_takes_no_file_of_an_engine_s_session_for_a_stray_one(shell: Shell) -> None:
    near = shell.having(DOCKER_HOST="unix:///x.sock")
    assert near.run("up").code == 0
    assert shell.run("up").code == 0
    for each in (near, shell):
        found = each.run("doctor", "--json").document["findings"]
        assert [one["what"] for one in found if ".composeports" in one["what"]] == []


def test_a_server_stays_on_the_engine_of_its_start(tmp_path: Path) -> None:
    known = {"HOME": str(tmp_path), "PATH": "", "COMPOSEPORTS_STORE": "memory:"}
    assert open_context(known).environ["DOCKER_CONTEXT"] == "default"
    given = {**known, "DOCKER_HOST": "tcp://box:2376"}
    assert "DOCKER_CONTEXT" not in open_context(given).environ
