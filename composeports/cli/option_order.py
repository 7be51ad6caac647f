"""Options of Compose that belong before the command, but were typed after it."""

import shlex
from collections.abc import Sequence
from itertools import takewhile

import click

# Options before the command; those with a value, then those without. Commands that are passed
# through have short options of their own, such as `logs -f` and `ps -q`.
LONG_WITH_VALUE = frozenset({"--file", "--profile", "--env-file", "--project-directory"})
LONG_OF_PROJECT = frozenset({"--project-name"})
SHORT_WITH_VALUE, SHORT_OF_PROJECT, FLAGS = frozenset({"-f"}), frozenset({"-p"}), frozenset({"-q"})
# Commands whose words after the service are those of another program.
RUNNING_PROGRAMS = frozenset({"exec", "run"})


def check_option_order(command: str, arguments: Sequence[str], *, has_own_short: bool) -> None:
    """Raise UsageError, with the right line, for an option that belongs before the command.

    `has_own_short` means that the command may have short options of the same names.
    """
    short = not has_own_short
    with_value = LONG_WITH_VALUE | (SHORT_WITH_VALUE if short else frozenset())
    of_project = LONG_OF_PROJECT | (SHORT_OF_PROJECT if short else frozenset())
    flags = FLAGS if short else frozenset()
    words = list(takewhile(lambda word: word != "--", arguments))
    if command in RUNNING_PROGRAMS:
        words = list(takewhile(lambda word: word.startswith("-"), words))
    for index, word in enumerate(words):
        name, sign, _ = word.partition("=")
        if name in of_project:
            raise click.UsageError(
                f"{name} is no option of {command}: composeports names the project itself. To "
                "choose a session, use --session."
            )
        if name in with_value | flags:
            end = index + (2 if name in with_value and not sign else 1)
            moved, rest = arguments[index:end], (*arguments[:index], *arguments[end:])
            line = shlex.join(("composeports", *moved, command, *rest))
            raise click.UsageError(f"{name} belongs before the command: {line}")
