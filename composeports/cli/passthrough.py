"""Passes the Compose commands that composeports does not define through to Compose."""

import os
from collections.abc import Sequence
from itertools import takewhile

import click

from composeports.cli.complete import ComposeCommand, services
from composeports.cli.context import open_existing_session, open_session
from composeports.cli.option_order import check_option_order
from composeports.host.process import exec_program
from composeports.usecases.options import Options
from composeports.usecases.passthrough import MAKING, READING, pass_through
from composeports.usecases.session_search import split_known_session

# Commands that are not about one project, so that they need no lease.
PROJECTLESS = frozenset({"ls"})
# Commands whose only word may be another session.
OF_A_SESSION = frozenset({"restart", "start", "stop"})


def passing_command(name: str) -> click.Command:
    """Return a command that runs `docker compose NAME` and its arguments on the session's stack."""
    may_be_new = name in MAKING or name in READING
    opener = open_session if may_be_new else open_existing_session

    @click.command(
        name,
        cls=ComposeCommand,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED, shell_complete=services)
    @click.pass_obj
    def command(options: Options, arguments: tuple[str, ...]) -> int:
        check_option_order(name, arguments, own_short=lambda: _own_short(name))
        with opener(options) as session:
            if name in PROJECTLESS or _asks_for_help(arguments):
                return exec_program(("docker", "compose", name, *arguments), session.environ)
            if name in OF_A_SESSION:
                chosen, arguments = split_known_session(session, arguments)
                return pass_through(chosen, name, arguments)
            return pass_through(session, name, arguments)

    return command


def _own_short(name: str) -> frozenset[str]:
    from composeports.usecases.completion import short_options  # noqa: PLC0415 - rarely needed

    return short_options(os.environ, name)


def _asks_for_help(arguments: Sequence[str]) -> bool:
    """Return True if `--help` is for Compose; after a word it may be for the program of `exec`."""
    return "--help" in takewhile(lambda argument: argument.startswith("-"), arguments)
