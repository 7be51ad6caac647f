"""Options of Compose that belong before the command, but were typed after it."""

import shlex
from collections.abc import Callable, Sequence
from itertools import takewhile

import click

from composeports.cli.call_words import WORDS_BEFORE

# Options before the command; those with a value, then those without. Commands that are passed
# through have short options of their own, such as `logs -f` and `ps -q`.
WITH_VALUE = frozenset({"-f", "--file", "--profile", "--env-file", "--project-directory"})
OF_PROJECT = frozenset({"-p", "--project-name"})
FLAGS = frozenset({"-q"})
SHORT = frozenset({"-f", "-p", "-q"})
# Commands whose words after the service are those of another program.
RUNNING_PROGRAMS = frozenset({"exec", "run"})


def _none() -> frozenset[str]:
    return frozenset()


def check_option_order(
    command: str, arguments: Sequence[str], *, own_short: Callable[[], frozenset[str]] = _none
) -> None:
    """Raise UsageError, with the right line, for an option that belongs before the command.

    `own_short` returns the command's own short options. It is called only if one of the words may
    be such an option.
    """
    context = click.get_current_context(silent=True)
    before = ("composeports", *(context.meta.get(WORDS_BEFORE, ()) if context else ()))
    words = list(takewhile(lambda word: word != "--", arguments))
    if command in RUNNING_PROGRAMS:
        words = list(takewhile(lambda word: word.startswith("-"), words))
    own = own_short() if SHORT.intersection(words) else frozenset()
    with_value, of_project, flags = (names - own for names in (WITH_VALUE, OF_PROJECT, FLAGS))
    for index, word in enumerate(words):
        name, sign, value = word.partition("=")
        if name in of_project:
            end = index + (1 if sign else 2)
            session = value or "".join(arguments[index + 1 : end]) or "NAME"
            rest = (*arguments[:index], *arguments[end:])
            line = shlex.join((*before, "--session", session, command, *rest))
            raise click.UsageError(
                f"{name} is no option of {command}: composeports names the project itself. To "
                f"choose a session, use --session: {line}"
            )
        if name in with_value | flags:
            end = index + (2 if name in with_value and not sign else 1)
            moved, rest = arguments[index:end], (*arguments[:index], *arguments[end:])
            line = shlex.join((*before, *moved, command, *rest))
            raise click.UsageError(f"{name} belongs before the command: {line}")


def check_unknown_option(error: click.NoSuchOption, arguments: Sequence[str]) -> None:
    """Raise UsageError, with the right line, if the unknown option belongs before the command.

    `arguments` are the words after the command. Nothing happens for a command of a group.
    """
    context = error.ctx
    if context is not None and context.parent is not None and context.parent.parent is None:
        context.invoke(check_option_order, context.info_name or "", arguments)
