"""A stack that publishes other ports than its lease has is found, and no other stack."""

import pytest

from composeports.core.lease import Lease
from composeports.core.port_drift import Drift, drifts_of
from composeports.core.ports import PortBlock

LEASE = Lease(
    session_id="one",
    block=PortBlock(10000, 100),
    project="ac-1",
    allocated_at=0,
    expires_at=60,
    ports={"web:80/tcp": 10004, "web:80/tcp#1": 10005, "db:53/udp": 10006},
)


@pytest.mark.parametrize(
    "published",
    [
        [],
        [("web:80/tcp", 10004), ("web:80/tcp", 10004), ("db:53/udp", 10006)],
        [("web:80/tcp", 10005)],
        [("web:443/tcp", 32768), ("other:80/tcp", 80)],
    ],
)
def test_what_is_where_the_lease_says_has_not_drifted(published: list[tuple[str, int]]) -> None:
    assert drifts_of(LEASE, published) == ()


def test_a_port_elsewhere_has() -> None:
    published = [("web:80/tcp", 8080), ("web:80/tcp", 10005), ("db:53/udp", 53)]
    assert drifts_of(LEASE, published) == (
        Drift("web:80/tcp", (8080, 10005), (10004, 10005)),
        Drift("db:53/udp", (53,), (10006,)),
    )
