"""The commands after `up`: their order, what allows them, and when none runs."""

import pytest

from composeports.core.after_up import (
    AfterCommand,
    allowed_key,
    commands_of,
    is_record_of,
    record_text,
    shown,
    why_not_run,
)
from composeports.core.settings import Settings
from tests.support.planning import plan_of

FIRST, EACH = AfterCommand("first-up", "make fixtures"), AfterCommand("up", "make migrate")
BOTH = Settings(after_first_up="make fixtures", after_up="make migrate")


def test_the_command_of_the_first_up_runs_first() -> None:
    assert commands_of(BOTH) == (FIRST, EACH)
    assert commands_of(Settings(after_up="make migrate")) == (EACH,)
    assert commands_of(Settings()) == ()


@pytest.mark.parametrize(
    ("repository", "folder", "commands"),
    [
        ("/src/other/.git", ".", (FIRST, EACH)),
        ("/src/shop/.git", "sub", (FIRST, EACH)),
        ("/src/shop/.git", ".", (EACH,)),
        ("/src/shop/.git", ".", (FIRST, AfterCommand("up", "make migrate "))),
        ("/src/shop/.git", ".", (AfterCommand("up", "make fixtures"), EACH)),
    ],
)
def test_whatever_differs_has_to_be_allowed_again(
    repository: str, folder: str, commands: tuple[AfterCommand, ...]
) -> None:
    key = allowed_key("/src/shop/.git", ".", (FIRST, EACH))
    assert allowed_key("/src/shop/.git", ".", [FIRST, EACH]) == key
    assert allowed_key(repository, folder, commands) != key


def test_a_record_allows_what_its_first_line_names() -> None:
    key = allowed_key("/src/\udcff", ".", (EACH,))
    text = record_text(key, "/src/\udcff", (EACH,))
    assert is_record_of(text, key)
    assert '"after": {"up": "make migrate"}' in text
    assert not any(is_record_of(other, key) for other in ("", f" {text}", f"x\n{key}\n", key[:-1]))


@pytest.mark.parametrize(
    ("arguments", "started", "foreground", "why"),
    [
        ((), "web db", False, ""),
        (("--wait",), "web db", False, ""),
        (("--wait=true", "web", "db"), "web db", False, ""),
        ((), "web db", True, "foreground"),
        (("--wait=false",), "web db", False, "does not wait"),
        (("db",), "db", False, "starts only db"),
    ],
)
def test_they_need_the_whole_stack_and_its_health(
    arguments: tuple[str, ...], started: str, why: str, *, foreground: bool
) -> None:
    found = why_not_run(arguments, started.split(), ["web", "db"], foreground=foreground)
    assert why in found
    assert bool(found) == bool(why)


def test_a_command_of_several_lines_is_shown_in_full() -> None:
    assert shown(AfterCommand("up", "make a\nmake b\n")) == "up: make a\n    make b"


def test_a_plan_notes_what_runs_afterwards() -> None:
    document: dict[str, object] = {"services": {"web": {}}}
    [note] = [note for note in plan_of(document, settings=BOTH).plan.notes if "[after]" in note]
    assert "(first-up: make fixtures; up: make migrate)" in note
    assert "composeports allow" in note
    assert not plan_of(document).plan.notes
