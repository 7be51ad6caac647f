"""Which name a session gets from its folder or id, and that no two held leases share one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.ports import PortBlock
from composeports.core.session_name import (
    LETTERS,
    LONGEST_NAME,
    default_name,
    is_session_name,
    name_of,
    slug,
    unique_name,
)

WORKTREE = WorktreeLocation("/src/Shop", "/src/Shop/.git", "/src/Shop", "main")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop", "shop"),
        ("Shop_API.v2", "shop-api-v2"),
        ("--a  b--", "a-b"),
        ("Größe", "gro-e"),
        ("crème brûlée", "creme-brulee"),
        ("日本", "session"),
        ("", "session"),
        ("$(touch x)", "touch-x"),
        ("a\x1b[31mb\n", "a-31mb"),
        ("feature/add-login-with-tokens", "feature-add-login-wi"),
        ("abcdefghijklmnopqrs-tuv", "abcdefghijklmnopqrs"),
    ],
)
def test_a_text_becomes_a_slug(text: str, expected: str) -> None:
    assert slug(text) == expected


@given(st.text())
def test_every_slug_is_safe_short_and_its_own_slug(text: str) -> None:
    name = slug(text)
    assert 0 < len(name) <= LONGEST_NAME
    assert set(name) <= LETTERS | {"-"}
    assert "-" not in {name[0], name[-1]}
    assert slug(name) == name
    assert is_session_name(name)


@given(st.text(), st.integers(0, 30))
def test_a_unique_name_is_none_of_the_taken_ones(text: str, count: int) -> None:
    taken: list[str] = []
    for _ in range(count):
        taken.append(unique_name(slug(text), taken))
    assert len(set(taken)) == count
    assert all(map(is_session_name, taken))


def test_a_number_follows_a_taken_name() -> None:
    assert unique_name("shop", ()) == "shop"
    assert unique_name("shop", {"shop", "shop-2"}) == "shop-3"
    assert unique_name("a" * 20, {"a" * 20}) == "a" * 18 + "-2"
    assert unique_name("a" * 17 + "-bc", {"a" * 17 + "-bc"}) == "a" * 17 + "-2"


@pytest.mark.parametrize("text", ["", "A", "a b", "-a", "a-", "a" * 21, "a\n", None, 7])
def test_what_is_no_name(text: object) -> None:
    assert not is_session_name(text)


@pytest.mark.parametrize(
    ("session_id", "place", "expected"),
    [
        (WORKTREE.session_id, WORKTREE, "shop"),
        ("mars:/src/Shop/.git", WORKTREE._replace(machine="mars"), "shop"),
        ("/src/Shop/.git#api", WORKTREE._replace(directory="/src/Shop/api"), "shop"),
        ("Agent 7", WORKTREE, "agent-7"),
        ("feature/login", WorktreeLocation(), "feature-login"),
        ("/src/shop", WorktreeLocation(), "shop"),
        ("mars:/src/shop/", WorktreeLocation(), "shop"),
        ("/", WorktreeLocation("/", "", "/"), "session"),
        ("/src/Other/.git", WORKTREE, "shop"),
        ("/src/Other/.git", WorktreeLocation(), "other"),
        ("host:/src/Other/.git", WorktreeLocation(), "other"),
    ],
)
def test_a_session_is_named_by_folder_or_id(
    session_id: str, place: WorktreeLocation, expected: str
) -> None:
    assert default_name(session_id, place) == expected


def test_a_lease_of_an_earlier_version_is_shown_by_its_folder() -> None:
    lease = Lease(WORKTREE.session_id, PortBlock(10000, 10), "ac-1", 0, 0, place=WORKTREE)
    assert name_of(lease) == "shop"
    assert name_of(lease._replace(name="shop-2")) == "shop-2"
