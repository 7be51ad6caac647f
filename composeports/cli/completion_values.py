"""The words that can complete arguments and options: services, sessions and seed sources."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from composeports.cli.option_order import RUNNING_PROGRAMS
from composeports.usecases import completion
from composeports.usecases.options import Options

# Compose commands whose first word is a service, and whose other words are not services.
ONE_SERVICE = frozenset({"attach", "commit", "exec", "export", "port", "run"})
# Commands that take a session in place of services.
OR_SESSION = frozenset({"down", "restart", "start", "stop"})
NO_SERVICE = frozenset({"bridge", "cp", "ls", "publish", "version"})


def services(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the services that start with `incomplete`, or files if no service can follow."""
    words = ctx.params.get(parameter.name or "") or ()
    if words and words[-1].startswith("-") and _needs_value(ctx, words[-1]):
        return [CompletionItem(incomplete, type="file")]
    if ctx.info_name in NO_SERVICE or (ctx.info_name in ONE_SERVICE and _has_word(words)):
        return [CompletionItem(incomplete, type="file")]
    names = completion.services(os.environ, _here(), options_of(ctx))
    if ctx.info_name in OR_SESSION and not _has_word(words):
        names = list(dict.fromkeys((*names, *completion.session_names(os.environ))))
    return _beginning(names, incomplete)


def compose_options(
    ctx: click.Context, own_items: Sequence[CompletionItem], incomplete: str
) -> list[CompletionItem]:
    """Return the command's own options, then Compose's that start with `incomplete`.

    After the service of `exec` and `run`, all words are those of another program: no option is
    Compose's.
    """
    words = ctx.params.get("arguments") or ()
    if ctx.info_name in RUNNING_PROGRAMS and _has_word(words):
        return []
    names = {item.value for item in own_items}
    # fish would cut the text at a comma.
    return [
        *own_items,
        *(
            CompletionItem(name, help=option.help.replace(",", ";"))
            for option in completion.compose_options(os.environ, ctx.info_name or "")
            for name in option.names
            if name.startswith(incomplete) and name not in names
        ),
    ]


def profiles(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the matching profiles of the Compose files."""
    return _beginning(completion.profiles(os.environ, _here(), options_of(ctx)), incomplete)


def ports(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the matching container ports of the service that is on the line."""
    session = ctx.params.get("session_id") or ctx.find_root().params.get("session")
    options = options_of(ctx)._replace(session=session)
    service = ctx.params.get("service") or ""
    return _beginning(completion.ports(os.environ, _here(), options, service), incomplete)


def _needs_value(ctx: click.Context, word: str) -> bool:
    """Return True if the word is an option of Compose whose value is the next word."""
    options = completion.compose_options(os.environ, ctx.info_name or "")
    return any(word in option.names and option.takes_value for option in options)


def sessions(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the matching ids of sessions that hold a lease."""
    return _beginning(completion.sessions(os.environ), incomplete)


def existing_sessions(
    _ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[Any]:
    """Return the matching names, then ids, of sessions that hold a lease."""
    names, ids = completion.session_names(os.environ), completion.sessions(os.environ)
    return _beginning(dict.fromkeys((*names, *ids)), incomplete)


def seeds(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the matching values for `--seed-from`.

    They are `main`, and the branches and projects that hold a lease.
    """
    return _beginning(completion.seeds(os.environ), incomplete)


def codes(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the matching error codes, each with what it means."""
    from composeports.usecases.explain import error_pages  # noqa: PLC0415 - for one command

    # fish would cut the text at a comma.
    return [
        CompletionItem(page.code, help=page.summary.replace(",", ";"))
        for page in error_pages().values()
        if page.code.startswith(incomplete)
    ]


def options_of(ctx: click.Context) -> Options:
    """Return the options before the command; click has not stored them as `Options` yet."""
    parameters = ctx.find_root().params
    return Options(
        files=tuple(parameters.get("files") or ()),
        env_files=tuple(parameters.get("env_files") or ()),
        project_directory=parameters.get("project_directory"),
    )


def _beginning(found: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(value) for value in found if value.startswith(incomplete)]


def _has_word(given: Iterable[str]) -> bool:
    return any(not word.startswith("-") for word in given)


def _here() -> str:
    return os.environ.get("PWD") or os.getcwd()
