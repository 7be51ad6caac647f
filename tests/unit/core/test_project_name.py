"""The form of project names: with a prefix, with a readable name, and whose name one is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.lease import WorktreeLocation
from composeports.core.project_name import (
    HASH,
    NAMINGS,
    WORKTREE,
    is_project_of,
    prefix_of,
    project_prefix,
    with_prefix,
)
from composeports.core.session import LONGEST_PREFIX, PREFIX, project_name

LOGIN = WorktreeLocation("/src/Shop_Login", "/src/shop/.git/worktrees/x", "/src/Shop_Login/api")
# The longest label of a DNS name; Compose's names of containers add a service and a number.
LONGEST_LABEL = 63
DIGEST = project_name("s").rpartition("-")[2]


@pytest.mark.parametrize(
    ("naming", "session_id", "place", "expected"),
    [
        (HASH, LOGIN.session_id, LOGIN, "ac"),
        (WORKTREE, LOGIN.session_id, LOGIN, "ac-shop-login"),
        (WORKTREE, "Agent 7", LOGIN, "ac-agent-7"),
        (WORKTREE, "Agent 7", WorktreeLocation(), "ac-agent-7"),
        (WORKTREE, "/src/\u65e5\u672c", WorktreeLocation("/src/\u65e5\u672c"), "ac-session"),
    ],
)
def test_a_prefix_has_the_name_of_folder_or_id(
    naming: str, session_id: str, place: WorktreeLocation, expected: str
) -> None:
    assert project_prefix("ac", naming, session_id, place) == expected


prefixes = st.text("".join(sorted(PREFIX)), min_size=1, max_size=LONGEST_PREFIX).filter(
    lambda text: text[0] not in "_-"
)


@given(prefixes, st.sampled_from(NAMINGS), st.text(min_size=1))
def test_every_project_name_is_short_safe_and_known_as_its_session_s(
    prefix: str, naming: str, session_id: str
) -> None:
    name = project_name(
        session_id, prefix=project_prefix(prefix, naming, session_id, WorktreeLocation())
    )
    assert re.fullmatch("[a-z0-9][a-z0-9_-]*", name)
    assert len(name) <= LONGEST_LABEL
    assert is_project_of(name, session_id)
    assert not is_project_of(name, f"{session_id}!")


@given(st.text("ab-", min_size=1), st.text("ab-", min_size=1))
def test_another_prefix_keeps_the_hash(prefix: str, other: str) -> None:
    project = project_name("s", prefix=prefix)
    assert prefix_of(project) == prefix
    assert with_prefix(project, other) == project_name("s", prefix=other)


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "-ac",
        "AC",
        "ac login",
        "a" * 21,
        "ac-Shop",
        "ac-" + "b" * 21,
        "a" * 20 + "-" + "b" * 21,
        "a" * 21 + "-b",
        "a" * 20 + "--b",
        "a" * 20 + "-b_c",
        "a" * 20 + "-b-",
        "_a-b" + "c" * 20,
        "a-" * 1000,
    ],
)
def test_other_text_before_the_hash_is_no_session_s(prefix: str) -> None:
    assert not is_project_of(f"{prefix}-{DIGEST}", "s")


def test_the_hash_of_another_session_is_not_the_session_s() -> None:
    assert not is_project_of(f"ac-{DIGEST}-{project_name('t').rpartition('-')[2]}", "s")
    assert not is_project_of(DIGEST, "s")
    assert not is_project_of("", "s")


def test_a_name_under_a_late_salt_is_nobody_s() -> None:
    names: list[str] = []
    for _ in range(17):
        names.append(project_name("s", names))
    assert [is_project_of(name, "s") for name in names] == [True] * 16 + [False]
