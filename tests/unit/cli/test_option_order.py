"""Options that belong before the command are answered with the right line."""

import click
import pytest

from composeports.cli.option_order import check_option_order

# Compose's own short options of these names.
OWN = {
    "logs": frozenset({"-f"}),
    "ps": frozenset({"-q"}),
    "build": frozenset({"-q"}),
    "run": frozenset({"-p"}),
}


@pytest.mark.parametrize(
    ("command", "words", "line"),
    [
        ("up", ("--profile", "debug", "--build"), "composeports --profile debug up --build"),
        ("up", ("web", "-f", "a b.yaml"), "composeports -f 'a b.yaml' up web"),
        ("up", ("--env-file=x.env",), "composeports --env-file=x.env up"),
        ("up", ("-q", "web"), "composeports -q up web"),
        ("down", ("-v", "--project-directory", "x"), "composeports --project-directory x down -v"),
        ("logs", ("web", "--profile", "x"), "composeports --profile x logs web"),
        ("run", ("--profile", "x", "web"), "composeports --profile x run web"),
        ("up", ("--profile",), "composeports --profile up"),
        *(
            (command, words, f"composeports {' '.join(words)} {command}")
            for command in ("up", "down", "logs", "ps", "build")
            for words in (
                ("-q",),
                ("-f", "a.yaml"),
                ("--file", "a.yaml"),
                ("--profile", "x"),
                ("--env-file", "x.env"),
                ("--project-directory", "x"),
            )
            if words[0] not in OWN.get(command, ())
        ),
    ],
)
def test_an_option_after_the_command_is_moved(
    command: str, words: tuple[str, ...], line: str
) -> None:
    with pytest.raises(click.UsageError) as told:
        check_option_order(command, words, own_short=lambda: OWN.get(command, frozenset()))
    assert told.value.message.endswith(f" belongs before the command: {line}")


@pytest.mark.parametrize("command", ["up", "down", "logs", "ps", "build"])
@pytest.mark.parametrize("words", [("-p", "x"), ("--project-name", "x"), ("--project-name=x",)])
def test_a_project_name_is_answered_with_the_session(command: str, words: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError) as told:
        check_option_order(command, words, own_short=lambda: OWN.get(command, frozenset()))
    assert told.value.message.endswith(f"use --session: composeports --session x {command}")


def test_a_project_name_without_a_value_is_answered_with_a_place_for_it() -> None:
    with pytest.raises(click.UsageError, match="composeports --session NAME up"):
        check_option_order("up", ("-p",))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("up", ("--build", "-t", "3", "web")),
        ("down", ("-v", "-t", "0")),
        ("logs", ("-f", "web")),
        ("ps", ("-q",)),
        ("run", ("-p", "8080:80", "web", "tool", "--profile", "x")),
        ("exec", ("web", "tool", "--file", "x")),
        ("up", ("web", "--", "--profile")),
    ],
)
def test_options_of_the_command_itself_stay(command: str, words: tuple[str, ...]) -> None:
    check_option_order(command, words, own_short=lambda: OWN.get(command, frozenset()))
