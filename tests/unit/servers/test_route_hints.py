"""HTTP's words for errors: routes and fields, and no path of the machine."""

import pytest

from composeports.errors import (
    ComposeFileError,
    ComposeportsError,
    ForeignProjectError,
    NoPortsAvailableError,
    PortHeldError,
    SeedError,
    UsageError,
)
from composeports.servers.http.error_responses import ROUTES, body_of

IN_FOLDER = "(in a shell in the session's folder)"


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("`composeports up` starts it", "`POST /stacks/up` starts it"),
        ("`composeports up web --wait`", "`POST /stacks/up` (`services`: [web], `wait`: true)"),
        ("`composeports down a`", "`POST /stacks/down` (`session_id`: a)"),
        (
            "`composeports down` there frees it",
            "`POST /stacks/down` (`session_id`: the one of that session) frees it",
        ),
        ("`composeports status`", "`GET /ports/status`"),
        ("`composeports plan` says why", f"`composeports plan` {IN_FOLDER} says why"),
        ("`composeports gc`", "`composeports gc` (in a shell on the server's machine)"),
        ("another name with --session", "another name with the field `session_id`"),
        ("leave out --seed-from", "leave out the field `seed`"),
    ],
)
def test_commands_and_options_become_routes_and_fields(hint: str, expected: str) -> None:
    assert ROUTES.say(hint) == expected


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (NoPortsAvailableError("full", hint="`composeports status`"), "`GET /ports/status`"),
        (PortHeldError("held by /a/b", hint="see https://a.example"), "see https://a.example"),
        (
            ForeignProjectError("of /a/b", hint="remove it", left=["volume a"], project="ac-1"),
            "remove it",
        ),
        (UsageError("no a", hint="give b (/w/b)"), "`GET /ports/status` lists the sessions"),
        (
            ComposeFileError("bad /a/b", hint="correct /a/b"),
            f"`composeports plan` {IN_FOLDER} says why",
        ),
        (
            SeedError("bad", hint="move '/a/b'"),
            "the server's own output says more; `composeports explain seed_failed` (in a shell on",
        ),
    ],
)
def test_a_hint_has_no_path_and_a_step_all_the_same(error: ComposeportsError, hint: str) -> None:
    document = body_of(error)
    assert str(document["hint"]).startswith(hint)
    assert "/a/b" not in str(document)
    assert "/w/b" not in str(document)


def test_the_owner_of_a_foreign_project_is_told_by_its_command() -> None:
    error = ForeignProjectError("of /a/b", hint="x", project="ac-1", containers=["web-1"])
    document = body_of(error)
    assert "`docker compose -p ac-1 down` in a shell" in str(document["hint"])
    assert str(document["message"]).endswith("web-1")


def test_without_a_project_the_hint_is_that_of_the_error() -> None:
    error = ForeignProjectError("a copy", hint="give it a session of its own with --session NAME")
    assert body_of(error)["hint"] == "give it a session of its own with the field `session_id`"


def test_words_of_the_request_are_sent_and_paths_are_not() -> None:
    assert body_of(UsageError("no service 'a'"))["message"] == "no service 'a'"
    assert "/a/b" not in str(body_of(UsageError("no service '/a/b'"))["message"])
