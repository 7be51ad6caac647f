"""The owner of resources, from the store's records and the labels."""

import pytest

from composeports.core.labels import UNMARKED, Mark, mark_of, session_label
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.ownership import (
    Origin,
    Owner,
    containers_started_elsewhere,
    first_names,
    not_owners,
    owner_of,
)
from composeports.core.ports import PortBlock

STARTED = Lease(
    "s",
    PortBlock(20000, 100),
    "ac-12345678",
    0,
    0,
    place=WorktreeLocation("/w/before", "", "/w/before/app"),
    stack=ComposeInvocation(files=("/w/before/app/compose.yaml",)),
    store="store-1",
    former_stores=("store-0",),
)
ALLOCATED = STARTED._replace(place=WorktreeLocation())
OWN, FORMER = Mark("store-1", "s"), Mark("store-0", "s")
LOST, OTHERS, TWIN = Mark("store-9", "s"), Mark("store-1", "t"), Mark("store-9", "t")
HERE, BEFORE, BELOW, ELSEWHERE, NOWHERE = "/w/here", "/w/before/app", "/w/before/x", "/x", ""
EVERYWHERE = (HERE, BEFORE, BELOW, ELSEWHERE, NOWHERE)


def not_ours(record: Lease | None, mark: Mark, *, adopt_allowed: bool = True) -> tuple[str, ...]:
    """Return from where containers with a mark are not those of a session that asks in HERE."""
    owner = owner_of("s", record, "store-1", {HERE, ""}, "")
    origins = [Origin("web-1", directory, mark=mark) for directory in EVERYWHERE]
    return tuple(
        each.directory
        for each in containers_started_elsewhere(owner, origins, adopt_allowed=adopt_allowed)
    )


@pytest.mark.parametrize("record", [None, STARTED, STARTED._replace(held=False), ALLOCATED])
def test_a_container_with_the_session_s_own_labels_is_its_own_wherever_it_came_from(
    record: Lease | None,
) -> None:
    assert not_ours(record, OWN) == ()
    assert not_ours(record, OWN, adopt_allowed=False) == ()


@pytest.mark.parametrize("record", [None, STARTED])
@pytest.mark.parametrize("mark", [OTHERS, TWIN])
def test_a_container_with_another_session_s_labels_is_that_one_s(
    record: Lease | None, mark: Mark
) -> None:
    assert not_ours(record, mark) == EVERYWHERE


@pytest.mark.parametrize(
    ("record", "others"),
    [
        (None, (BEFORE, BELOW, ELSEWHERE, NOWHERE)),
        (ALLOCATED, (BEFORE, BELOW, ELSEWHERE, NOWHERE)),
        (STARTED, (ELSEWHERE, NOWHERE)),
        (STARTED._replace(held=False), (ELSEWHERE, NOWHERE)),
    ],
)
def test_a_container_without_labels_or_of_a_lost_store_is_known_by_its_folder(
    record: Lease | None, others: tuple[str, ...]
) -> None:
    assert not_ours(record, UNMARKED) == others
    assert not_ours(record, LOST) == others
    assert not_ours(record, LOST, adopt_allowed=False) == EVERYWHERE


def test_labels_of_a_store_that_kept_the_lease_before_are_the_session_s() -> None:
    assert not_ours(STARTED, FORMER, adopt_allowed=False) == ()
    assert not_ours(None, FORMER, adopt_allowed=False) == EVERYWHERE


def test_the_worktree_s_other_folders_are_the_session_s() -> None:
    owner = owner_of("s", None, "store-1", {HERE}, "/w")
    assert (
        containers_started_elsewhere(owner, [Origin("web-1", "/w/other")], adopt_allowed=False)
        == ()
    )
    assert (
        containers_started_elsewhere(owner, [Origin("web-1", "/wide")], adopt_allowed=False) != ()
    )


def test_a_store_without_an_id_has_marked_nothing() -> None:
    owner = owner_of("s", None, "", {HERE})
    assert not owner.has_marked(Mark("", "s"))
    assert mark_of("", "s") == UNMARKED
    assert UNMARKED.labels == {}


@pytest.mark.parametrize(
    ("session", "machine", "label", "named"),
    [
        ("/r/.git", "", "/r/.git", True),
        ("/r/.git", "", "build:/r/.git", True),
        ("build:/r/.git", "build", "/r/.git", True),
        ("build:/r/.git", "build", "build:/r/.git", True),
        ("build:/r/.git", "", "/r/.git", False),
        ("build:/r/.git", "other", "/r/.git", False),
        ("/r/.git", "", "/r/.git#sub", False),
        ("/r/.git", "build", "other:/r/.git", False),
    ],
)
def test_a_session_is_named_as_in_stores_of_one_machine_and_of_many(
    session: str, machine: str, label: str, *, named: bool
) -> None:
    assert Owner(session, machine).is_named(label) is named


def test_a_label_is_one_line_whatever_the_session_s_name() -> None:
    assert session_label("a\n\tb c") == "a\\u000a\\u0009b c"


VOLUMES = (("own", OWN), ("former", FORMER), ("lost", LOST), ("others", OTHERS), ("bare", UNMARKED))


@pytest.mark.parametrize(
    ("proven", "others"),
    [
        ((), ("lost", "others", "bare")),
        (("store-1",), ("lost", "others")),
        (("",), ("lost", "others")),
        (("store-9",), ("others",)),
    ],
)
def test_volumes_are_the_session_s_by_their_labels_or_by_containers_that_are(
    proven: tuple[str, ...], others: tuple[str, ...]
) -> None:
    assert not_owners(Owner.of(STARTED), VOLUMES, proven=proven) == others


def test_a_message_names_some_and_says_that_there_are_more() -> None:
    assert first_names(["web-1"]) == "web-1"
    assert first_names(list("abcde")) == "a, b, c, d, e"
    assert first_names(list("abcdef")) == "a, b, c, d, e, ..."
