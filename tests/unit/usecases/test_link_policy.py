"""The block in `.env`: at its end, once, with the session's variables, and removed completely."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.marked_block import (
    LINK_MARKS,
    BlockParts,
    is_broken,
    with_block,
    without_block,
)
from composeports.usecases.link.policy import (
    EXPLANATION,
    REPEATED,
    body,
    head,
    is_all_ours,
    overridden,
    project_of,
    repeated,
    unlinked,
    with_exclusion,
    without_exclusion,
)

BODY = b"WEB_PORT=10004\n"
TEXTS = [b"", b"\n", b"A=1", b"A=1\n", b"A=1\r\nB=2\r\n", b"A=1\r\nB=2", b"\n\n", b"\xff\xfe", b"#"]


def linked(text: bytes, project: str = "ac-1", *, made: bool = False) -> bytes:
    return with_block(text, LINK_MARKS, head(project, made=made), BODY)


@pytest.mark.parametrize("text", TEXTS)
def test_a_block_goes_in_once_and_comes_out_whole(text: bytes) -> None:
    once = linked(text)
    assert once.startswith(text)
    assert once.endswith(b"\n")
    assert linked(once) == once
    assert without_block(once, LINK_MARKS) == text
    assert project_of(once) == "ac-1"
    assert not is_broken(once, LINK_MARKS)


@given(st.binary().filter(lambda text: b"composeports" not in text))
def test_every_text_comes_back(text: bytes) -> None:
    assert without_block(linked(text), LINK_MARKS) == text
    assert without_block(text, LINK_MARKS) == text
    assert not is_broken(text, LINK_MARKS)


@pytest.mark.parametrize(
    ("before", "later", "expected"),
    [
        (b"A=1", b"B=2\n", b"A=1\nB=2\n"),
        (b"A=1\n", b"B=2", b"A=1\nB=2"),
        (b"", b"B=2\n", b"B=2\n"),
    ],
)
def test_what_is_added_behind_the_block_stays_and_the_block_moves_to_the_end(
    before: bytes, later: bytes, expected: bytes
) -> None:
    text = linked(before) + later
    assert without_block(text, LINK_MARKS) == expected
    again = linked(text)
    assert again.startswith(expected)
    assert without_block(again, LINK_MARKS) == expected


@pytest.mark.parametrize("text", TEXTS)
def test_an_editor_may_change_its_newlines(text: bytes) -> None:
    edited = linked(text).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert project_of(edited) == "ac-1"
    assert b"WEB_PORT" not in without_block(edited, LINK_MARKS)
    assert b"composeports" not in without_block(edited, LINK_MARKS)


def test_the_last_newline_may_be_missing() -> None:
    assert without_block(linked(b"A=1\n").removesuffix(b"\n"), LINK_MARKS) == b"A=1\n"


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        (LINK_MARKS.begin + b" x >>>\n", True),
        (LINK_MARKS.end, True),
        (LINK_MARKS.end + b"\n" + LINK_MARKS.begin + b"\n", True),
        (linked(b"A=1\n") + linked(b""), True),
        (b"A=" + LINK_MARKS.begin + b"\n" + LINK_MARKS.end, True),
        (b"# >>> composeports >>>\n", False),
    ],
)
def test_parts_of_a_block_are_no_block(text: bytes, *, broken: bool) -> None:
    assert is_broken(text, LINK_MARKS) is broken
    if BlockParts.of(text, LINK_MARKS) is None:
        assert without_block(text, LINK_MARKS) == text
        assert project_of(text) == ""


def test_a_file_that_holds_nothing_else_is_known() -> None:
    made = linked(b"", made=True)
    assert is_all_ours(made)
    assert project_of(made) == "ac-1"
    assert not is_all_ours(made + b"A=1\n")
    assert not is_all_ours(linked(b""))
    assert not is_all_ours(b"")
    assert unlinked(made + b"A=1\n") == b"A=1\n"


def test_the_body_says_what_it_is_and_leaves_out_what_compose_would_not_read() -> None:
    pairs = [("WEB_PORT", "10004"), ("COMPOSE_FILE", "/a b/c"), ("COMPOSE_ENV_FILES", "/x")]
    assert body(pairs, b"A=1\n") == EXPLANATION + b"WEB_PORT=10004\nCOMPOSE_FILE='/a b/c'\n"


def test_the_body_repeats_lines_that_are_made_from_its_variables() -> None:
    text = linked(b"WEB_PORT=8080\nSITE=http://localhost:${WEB_PORT}\n")
    assert body([("WEB_PORT", "10004")], text).endswith(
        b"WEB_PORT=10004\n" + REPEATED + b"SITE=http://localhost:${WEB_PORT}\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"S=$WEB_PORT", [b"S=$WEB_PORT\n"]),
        (b"export S = ${WEB_PORT:-1}\r\n", [b"export S = ${WEB_PORT:-1}\n"]),
        (b'S="a${WEB_PORT}" # c', [b'S="a${WEB_PORT}" # c\n']),
        (b"S=${WEB_PORT}\nT=${S}/x\nU=$T", [b"S=${WEB_PORT}\n", b"T=${S}/x\n", b"U=$T\n"]),
        (b"S=$WEB_PORTS$WEB_PORT", [b"S=$WEB_PORTS$WEB_PORT\n"]),
        (b"S=$WEB_PORTS", []),
        (b"S='$WEB_PORT'", []),
        (b"# S=$WEB_PORT", []),
        (b"WEB_PORT=$WEB_PORT", []),
        (b'S="$WEB_PORT\nmore"', []),
        (b"a line $WEB_PORT", []),
        (b"S S=$WEB_PORT", []),
        (b"S=8080", []),
    ],
)
def test_which_lines_are_repeated(text: bytes, expected: list[bytes]) -> None:
    assert list(repeated(text, {"WEB_PORT"})) == expected


def test_which_of_the_users_lines_do_not_count_while_linked() -> None:
    text = linked(b"export WEB_PORT=8080\r\nA=1\nCOMPOSE_ENV_FILES=x\n")
    pairs = [("API_PORT", "1"), ("WEB_PORT", "2"), ("COMPOSE_ENV_FILES", "y")]
    assert overridden(text, pairs) == ["WEB_PORT"]


@pytest.mark.parametrize("text", TEXTS)
def test_an_exclusion_goes_in_once_a_project_and_comes_out_whole(text: bytes) -> None:
    one = with_exclusion(text, "ac-1", ".env")
    assert one == b"# composeports link ac-1\n/.env\n" + text
    assert with_exclusion(one, "ac-1", ".env") == one
    both = with_exclusion(one, "ac-2", "a b/.env")
    assert b"/a\\ b/.env\n" in both
    assert without_exclusion(both, "ac-2") == one
    assert without_exclusion(without_exclusion(both, "ac-1"), "ac-2") == text
    assert without_exclusion(text, "ac-1") == text
