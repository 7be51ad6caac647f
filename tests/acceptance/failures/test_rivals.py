"""A rival acts a moment earlier: takes a subnet, or joins a network that is to be removed.

A gate in front of the engine lets the rival act between Compose's last check and its change.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest

from composeports.usecases.start_failure import SUBNET_TAKEN, SUBNET_TRIES
from tests.acceptance.failures.conftest import Gate, assert_untouched
from tests.harness.engine import docker, engine
from tests.harness.repository import TINY, stack
from tests.harness.session import MakeRepository, Session
from tests.harness.taken_ports import foreign_container
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

ASKS_FOR_A_SUBNET = rb'POST \S+/networks/create[\s\S]*"Subnet":"([^"]+)"'
REMOVES_A_NETWORK = rb"DELETE \S+/networks/"
REFUSES_TO_REMOVE = rb"has active endpoints"
FIXED = stack(
    {"web": {"ports": ["8080:80"], "networks": {"back": {"ipv4_address": "172.29.77.10"}}}},
    networks={"back": {"ipam": {"config": [{"subnet": "172.29.77.0/24"}]}}},
)


@pytest.fixture
def one(make_repository: MakeRepository, environ: dict[str, str], gate: Gate) -> Session:
    """Return a session with a fixed subnet that reaches the engine through the gate."""
    environ["DOCKER_HOST"] = gate.address
    return make_repository({"compose.yaml": FIXED}).main


@dataclass
class Thief:
    """A rival that creates networks with the subnets that a session requests from the engine."""

    name: str
    took: list[str] = field(default_factory=list)

    def take(self, asked: re.Match[bytes]) -> None:
        """Make a network with the subnet of a request, before the engine sees the request."""
        self.took.append(asked[1].decode())
        docker("network", "create", "--subnet", self.took[-1], f"{self.name}-{len(self.took)}")


@pytest.fixture
def thief(one: Session) -> Iterator[Thief]:
    made = Thief(f"{one.project}-thief")
    yield made
    for number in range(len(made.took)):
        docker("network", "rm", f"{made.name}-{number + 1}")


def subnet_of(network: str) -> str:
    """Return the subnet of a network that exists."""
    form = "{{(index .IPAM.Config 0).Subnet}}"
    return docker("network", "inspect", "--format", form, network).strip()


def test_a_subnet_that_is_taken_at_the_last_moment_costs_a_second_try(
    one: Session, gate: Gate, thief: Thief
) -> None:
    gate.once(ASKS_FOR_A_SUBNET, thief.take)
    done = one.must_run("up", "--json")
    assert done.err.count(SUBNET_TAKEN) == 1
    network = f"{one.project}_back"
    got = ip_network(subnet_of(network))
    (taken,) = thief.took
    assert not got.overlaps(ip_network(taken))
    (web,) = one.containers("running").values()
    assert web["NetworkSettings"]["Networks"][network]["IPAddress"] == str(got[10])
    assert page(one.ok("url", "web").strip())
    assert str(got) in done.out
    ids = one.ids()
    one.ok("up")
    assert one.ids() == ids, "the subnet that was found is the session's from now on"
    one.ok("down", "-t", "0")
    assert one.leases() == []


def test_somebody_who_takes_every_subnet_ends_it_and_nothing_is_left(
    one: Session, gate: Gate, thief: Thief
) -> None:
    for _ in range(1 + SUBNET_TRIES):
        gate.once(ASKS_FOR_A_SUBNET, thief.take)
    done = one.run("up")
    assert done.code == 1, done.err
    assert len(set(thief.took)) == 1 + SUBNET_TRIES, done.err
    assert done.err.count(SUBNET_TAKEN) == SUBNET_TRIES
    assert "so the lease is released" in done.err
    assert_untouched(one)


@pytest.mark.parametrize("times", [1, 5])
def test_a_network_that_is_not_free_yet_is_removed_by_a_further_down(
    one: Session, gate: Gate, times: int
) -> None:
    one.ok("up")
    network = f"{one.project}_back"
    with foreign_container("--network", "none", TINY) as guest:
        docker("network", "disconnect", "none", guest)
        for _ in range(times):
            gate.once(REMOVES_A_NETWORK, lambda _: docker("network", "connect", network, guest))
            gate.once(REFUSES_TO_REMOVE, lambda _: docker("network", "disconnect", network, guest))
        done = one.must_run("down", "-t", "0")
        assert done.err.count("active endpoints") >= times
        assert "released " in done.err
        assert docker("container", "inspect", "--format", "{{.State.Running}}", guest) == "true\n"
    assert one.resources_of() == []
    assert one.leases() == []


def test_a_network_that_stays_in_use_keeps_the_lease(one: Session) -> None:
    one.ok("up")
    network = f"{one.project}_back"
    with foreign_container("--network", network, TINY) as guest:
        done = one.run("down", "-t", "0", "--json")
        assert done.code == 75
        error = done.error
        assert error["code"] == "stack_left"
        assert "1 network" in error["message"]
        assert engine().resources(one.project) == [f"network {network}"]
        assert len(one.leases()) == 1
        assert docker("container", "inspect", "--format", "{{.State.Running}}", guest) == "true\n"
    one.ok("down")
    assert one.resources_of() == []
    assert one.leases() == []
