"""The lease as a value: its ports, its time, its location."""

import pytest

from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.ports import PortBlock

NOON = 43200.0
LEASE = Lease("me", PortBlock(10000, 10), "ac-mine", NOON, NOON + 60)


def test_the_four_ports_are_the_first_of_the_block() -> None:
    ports = (LEASE.db_port, LEASE.rest_port, LEASE.realtime_port, LEASE.api_port)
    assert ports == (10000, 10001, 10002, 10003)


def test_a_lease_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        LEASE.held = False  # type: ignore[misc]


def test_renewing_takes_hold_and_starts_the_time_to_live_anew() -> None:
    renewed = LEASE._replace(held=False).renewed(NOON + 30, 2)
    assert renewed == LEASE._replace(expires_at=NOON + 150, ttl_minutes=2)


@pytest.mark.parametrize("name", Lease._fields)
def test_a_lease_is_the_same_in_any_store_and_differs_by_every_other_field(name: str) -> None:
    other = LEASE._replace(**{name: "another"})  # type: ignore[arg-type]
    assert (other == LEASE) is (name == "store")
    assert (other != LEASE) is (name != "store")


def test_a_lease_has_no_hash_since_it_has_mappings() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(LEASE)


def test_releasing_ends_the_hold_alone() -> None:
    assert LEASE.released() == LEASE._replace(held=False)


@pytest.mark.parametrize(
    ("now", "expired"), [(NOON + 59.9, False), (NOON + 60, True), (NOON + 61, True)]
)
def test_a_lease_expires_the_moment_its_time_is_over(now: float, expired: bool) -> None:
    assert LEASE.expired(now) is expired


OLD = WorktreeLocation("/old", "/r/.git", "/old/sub", "main")
NEW = WorktreeLocation("/new", "/r/.git", "/new/sub", "main")
FILES = ("/old/sub/compose.yaml", "/old/sub/deep/x.yaml", "/old/other.yaml", "/old/subway.yaml")


@pytest.mark.parametrize(
    ("before", "after", "files"),
    [
        pytest.param(
            OLD,
            NEW,
            (
                "/new/sub/compose.yaml",
                "/new/sub/deep/x.yaml",
                "/old/other.yaml",
                "/old/subway.yaml",
            ),
            id="files move along with their directory",
        ),
        pytest.param(OLD, OLD._replace(branch="other"), FILES, id="another branch moves none"),
        pytest.param(WorktreeLocation(), NEW, FILES, id="from nowhere none moves"),
    ],
)
def test_a_lease_moves_with_its_session(
    before: WorktreeLocation, after: WorktreeLocation, files: tuple[str, ...]
) -> None:
    lease = LEASE._replace(
        place=before, stack=ComposeInvocation(FILES, FILES[:1], ("dev",), overridden=True)
    )
    moved = lease.at(after)
    assert moved.place == after
    assert moved.stack == ComposeInvocation(files, files[:1], ("dev",), overridden=True)


@pytest.mark.parametrize("place", [OLD, WorktreeLocation()], ids=["the same", "unknown"])
def test_a_session_that_did_not_move_has_the_very_same_lease(place: WorktreeLocation) -> None:
    lease = LEASE._replace(place=OLD, stack=ComposeInvocation(FILES))
    assert lease.at(place) is lease


@pytest.mark.parametrize(
    ("session_id", "host", "shares"),
    [
        pytest.param("/w/.git", "localhost", False, id="the place's own"),
        pytest.param("mine", "localhost", True, id="a name"),
        pytest.param("/w/.git", "build", True, id="on a remote engine"),
    ],
)
def test_a_session_may_share_its_place(session_id: str, host: str, *, shares: bool) -> None:
    place = WorktreeLocation("/w", "/w/.git", "/w")
    lease = LEASE._replace(session_id=session_id, place=place, host=host)
    assert lease.shares_place is shares
