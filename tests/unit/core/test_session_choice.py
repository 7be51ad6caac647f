"""Which session a text means. Tables of cases."""

import pytest

from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.ports import PortBlock
from composeports.core.session import project_name
from composeports.core.session_choice import SessionCandidate, choose_session
from composeports.errors import UsageError


def at(
    worktree: str, branch: str, name: str, *, session: str = "", below: str = ""
) -> SessionCandidate:
    directory = f"{worktree}/{below}".rstrip("/")
    place = WorktreeLocation(worktree, f"/git/{worktree}", directory, branch)
    session_id = session or place.session_id
    lease = Lease(session_id, PortBlock(10000, 10), project_name(session_id), 0, 60, place=place)
    return SessionCandidate(lease._replace(name=name), branch)


MAIN = at("/src/shop", "main", "shop")
LOGIN = at("/src/login", "feature/login", "login")
RENAMED = at("/src/login", "feature/login", "x")
LOGIN_API = at("/src/login", "feature/login", "login-2", below="api")
SEARCH = at("/src/search", "feature/search", "search")
NAMED = at("/src/search", "feature/search", "agent-7", session="Agent 7")
OTHER = at("/home/shop", "trunk", "shop-2")
ALONE = SessionCandidate(Lease("agent-70", PortBlock(20000, 10), "ac-00000070", 0, 60))
ALL = (MAIN, LOGIN, SEARCH, NAMED, OTHER, ALONE)


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        pytest.param("Agent 7", "", NAMED, id="an id"),
        pytest.param(LOGIN.lease.session_id, "", LOGIN, id="the id of a worktree"),
        pytest.param(MAIN.lease.project, "", MAIN, id="a project"),
        pytest.param("search", "", SEARCH, id="a folder means its own session"),
        pytest.param("../search", "/src/search", SEARCH, id="a path"),
        pytest.param("feature/login", "", LOGIN, id="a branch"),
        pytest.param("trunk", "", OTHER, id="another repository's branch"),
        pytest.param("shop", "", MAIN, id="a name that two folders have"),
        pytest.param("shop-2", "", OTHER, id="a name with a number"),
        pytest.param("agent-7", "", NAMED, id="a name comes before a part of an id's name"),
        pytest.param("logi", "", LOGIN, id="a part of all"),
        pytest.param("trun", "", OTHER, id="a part of a branch"),
        pytest.param("70", "", ALONE, id="a part of a session without a folder"),
    ],
)
def test_a_text_means(text: str, path: str, expected: SessionCandidate) -> None:
    choice = choose_session(text, path, ALL)
    assert choice is not None
    assert choice.lease == expected.lease
    assert choice.shown == expected.shown
    assert choice.is_part == (text in {"logi", "trun", "70"})


@pytest.mark.parametrize("text", ["nothing", "/src/elsewhere", "ac-", "Login", "Agent"])
def test_a_text_means_nothing(text: str) -> None:
    assert choose_session(text, "/src/elsewhere", ALL) is None


def test_a_session_without_a_folder_is_at_no_path() -> None:
    assert choose_session(".", "", [ALONE]) is None


@pytest.mark.parametrize("text", ["logi", "trun"])
def test_no_part_is_accepted_where_it_must_not_be(text: str) -> None:
    assert choose_session(text, "", ALL, parts=False) is None


@pytest.mark.parametrize(
    ("text", "known", "expected"),
    [
        ("feature", ALL, [LOGIN, NAMED, SEARCH]),
        ("login", (RENAMED, LOGIN_API), [RENAMED, LOGIN_API]),
        ("main", (MAIN, at("/blog", "main", "blog")), [at("/blog", "main", "blog"), MAIN]),
    ],
)
def test_several_sessions_are_listed(
    text: str, known: tuple[SessionCandidate, ...], expected: list[SessionCandidate]
) -> None:
    with pytest.raises(UsageError, match=f"several sessions are meant by '{text}'") as error:
        choose_session(text, "", known)
    assert all(candidate.shown in error.value.hint for candidate in expected)
    ids = sorted(candidate.lease.session_id for candidate in expected)
    assert error.value.details["sessions"] == ids


def test_a_session_is_shown_without_control_characters() -> None:
    assert MAIN.shown == f"shop (/src/shop on main, {MAIN.lease.project})"
    assert ALONE.shown == "agent-70 (agent-70, ac-00000070)"
    assert "\\x1b" in at("/src/a\x1b", "", "a").shown
