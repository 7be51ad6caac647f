"""Session ids: ids from directories, refused ids, project names."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.session import (
    MAX_LENGTH,
    check_session_id,
    derive_session_id,
    project_name,
)
from composeports.errors import InvalidSessionError


@pytest.mark.parametrize(
    ("git_dir", "worktree", "directory", "session_id"),
    [
        pytest.param("/r/.git", "/r", "/r", "/r/.git", id="the worktree itself"),
        pytest.param("/r/.git", "/r", "/r/a/b", "/r/.git#a/b", id="a sub-folder"),
        pytest.param("/.git", "/", "/a", "/.git#a", id="a checkout of the root"),
        pytest.param("/.git", "/", "/", "/.git", id="the root itself"),
        pytest.param(None, "/x", "/x", "/x", id="outside git"),
        pytest.param("/r/.git", "/r", "/r/é à", "/r/.git#é à", id="no ASCII"),
        pytest.param("/r/.git", "/r", "/r/\udcff", "/r/.git#\\xff", id="no UTF-8"),
        pytest.param(None, "/\udcff", "/\udcff", "/\\xff", id="no UTF-8 outside git"),
    ],
)
def test_a_place_has_an_id(
    git_dir: str | None, worktree: str, directory: str, session_id: str
) -> None:
    assert derive_session_id(git_dir, worktree, directory) == session_id


names = st.text("ab#/ ", min_size=1, max_size=4).map(
    lambda text: text.strip("/").replace("//", "/")
)
places = st.tuples(names.filter(bool), names)


@given(places, places)
def test_two_places_never_have_the_same_id(one: tuple[str, str], other: tuple[str, str]) -> None:
    def session(place: tuple[str, str]) -> str:
        name, below = place
        root = f"/w/{name}"
        directory = f"{root}/{below}".rstrip("/")
        return derive_session_id(f"/r/.git/worktrees/{name}", root, directory)

    assert (session(one) == session(other)) == (one == other)


def test_a_worktree_with_a_number_sign_is_no_sub_folder_of_another() -> None:
    whole = derive_session_id("/r/.git/worktrees/fix#42", "/w/fix#42", "/w/fix#42")
    below = derive_session_id("/r/.git/worktrees/fix", "/w/fix", "/w/fix/42")
    assert whole != below


@pytest.mark.parametrize("session_id", ["a", " a ", "é", "a\nb", "$(id)", "x" * MAX_LENGTH])
def test_an_id_that_can_name_a_session_is_returned_as_it_is(session_id: str) -> None:
    assert check_session_id(session_id) == session_id


@pytest.mark.parametrize(
    ("session_id", "message"),
    [
        pytest.param("", "the session id is empty", id="empty"),
        pytest.param(" \t\n", "the session id is empty", id="blank"),
        pytest.param("\u3000", "the session id is empty", id="blank in Japanese"),
        pytest.param(
            "x" * (MAX_LENGTH + 1), "has 4097 characters; 4096 are accepted", id="too long"
        ),
        pytest.param("a\0b", r"'a\x00b' holds a character that is not text", id="NUL"),
        pytest.param("a\udcff", r"'a\udcff' holds a character that is not text", id="no UTF-8"),
    ],
)
def test_an_id_that_cannot_name_a_session_is_refused(session_id: str, message: str) -> None:
    with pytest.raises(InvalidSessionError, match=re.escape(message)) as told:
        check_session_id(session_id)
    assert told.value.hint


def test_a_project_is_named_by_the_hash_of_its_session() -> None:
    assert project_name("session-1") == "ac-84097828"  # printf session-1 | sha256sum
    assert project_name("session-1", prefix="team") == "team-84097828"


@given(st.text(), st.integers(0, 4))
def test_a_project_name_is_new_and_the_same_every_time(session_id: str, others: int) -> None:
    taken: set[str] = set()
    for _ in range(others):
        taken.add(project_name(session_id, taken))
    name = project_name(session_id, taken)
    assert len(taken) == others
    assert name not in taken
    assert name == project_name(session_id, taken)
    assert re.fullmatch("ac-[0-9a-f]{8}", name)
