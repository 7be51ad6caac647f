"""The table of `status`: short names, health and age."""

import pytest

from composeports.cli.status import COLUMNS, WIDE_COLUMNS, rows_of
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.ports import PortBlock
from composeports.usecases.status import SessionStatus


def status(
    place: WorktreeLocation, session_id: str = "", **fields: int | str | bool
) -> SessionStatus:
    lease = Lease(session_id or place.session_id, PortBlock(10000, 100), "ac-1", 0, 0, place=place)
    all_fields = {"state": "running", "mine": False, "remaining_ttl_minutes": 120, **fields}
    return SessionStatus(lease, **all_fields)  # type: ignore[arg-type]


def worktree(path: str, below: str = "", machine: str = "") -> WorktreeLocation:
    directory = f"{path}/{below}" if below else path
    return WorktreeLocation(path, f"{path}/.git", directory, "main", machine)


@pytest.mark.parametrize(
    ("places", "names"),
    [
        ([worktree("/home/me/shop"), worktree("/home/me/login")], ["shop", "login"]),
        ([worktree("/a/shop"), worktree("/b/shop")], ["a/shop", "b/shop"]),
        ([worktree("/shop"), worktree("/b/shop")], ["/shop", "b/shop"]),
        ([worktree("/a/shop", "api")], ["shop (api)"]),
        ([worktree("/a/shop", machine="ant")], ["ant:shop"]),
        ([worktree("/a/shop"), worktree("/a/shop", "api")], ["shop", "shop (api)"]),
    ],
)
def test_a_session_has_the_name_of_its_folder(
    places: list[WorktreeLocation], names: list[str]
) -> None:
    assert [row[1] for row in rows_of(map(status, places))] == names


def test_a_session_with_a_given_id_has_that_name() -> None:
    (row,) = rows_of([status(worktree("/a/shop"), "nightly")])
    assert row[1] == "nightly"


@pytest.mark.parametrize(
    ("minutes", "age"), [(0, "0 min"), (59, "59 min"), (60, "1 h"), (1439, "23 h"), (4400, "3 d")]
)
def test_the_age_is_in_its_largest_unit(minutes: int, age: str) -> None:
    (row,) = rows_of([status(worktree("/a/shop"), age_minutes=minutes)])
    assert row[4] == age


def test_health_is_shown_where_it_is_checked() -> None:
    rows = rows_of(
        [
            status(worktree("/a/one"), healthy=3, checked=4),
            status(worktree("/a/two")),
        ]
    )
    assert [row[3] for row in rows] == ["running, 3/4 healthy", "running"]


def test_a_wide_row_has_path_project_and_ports() -> None:
    (row,) = rows_of([status(worktree("/a/shop"), mine=True)], wide=True)
    assert dict(zip((*COLUMNS, *WIDE_COLUMNS), row, strict=True)) == {
        "": "*",
        "Session": "/a/shop",
        "Branch": "main",
        "State": "running",
        "Age": "0 min",
        "TTL": "120 min",
        "Project": "ac-1",
        "Ports": "10000-10099",
    }


@pytest.mark.parametrize(
    ("place", "session_id", "short", "wide"),
    [
        (worktree("/a/shop"), "", "shop-2", "shop-2 (/a/shop)"),
        (worktree("/a/shop", "api"), "", "shop-2 (api)", "shop-2 (/a/shop (api))"),
        (worktree("/a/shop", machine="ant"), "", "ant:shop-2", "ant:shop-2 (ant:/a/shop)"),
        (worktree("/a/shop"), "Shop 2", "shop-2", "shop-2 (Shop 2)"),
        (worktree("/a/shop"), "shop-2", "shop-2", "shop-2"),
    ],
)
def test_the_name_of_a_session_comes_first(
    place: WorktreeLocation, session_id: str, short: str, wide: str
) -> None:
    unnamed = status(place, session_id)
    named = unnamed._replace(lease=unnamed.lease._replace(name="shop-2"))
    assert rows_of([named])[0][1] == short
    assert rows_of([named], wide=True)[0][1] == wide
