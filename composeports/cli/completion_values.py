"""The words that can complete arguments and options: services, sessions and seed sources."""

import os
from collections.abc import Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from composeports.usecases import completion
from composeports.usecases.options import Options

# Compose commands whose first word is a service, and whose other words are not services.
ONE_SERVICE = frozenset({"attach", "commit", "exec", "export", "port", "run"})
NO_SERVICE = frozenset({"bridge", "cp", "ls", "publish", "version"})


def services(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the services that start with `incomplete`, or files if no service can follow."""
    words = ctx.params.get(parameter.name or "") or ()
    if ctx.info_name in NO_SERVICE or (ctx.info_name in ONE_SERVICE and _has_word(words)):
        return [CompletionItem(incomplete, type="file")]
    names = completion.services(os.environ, _here(), options_of(ctx))
    return _beginning(names, incomplete)


def sessions(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the matching ids of sessions that hold a lease."""
    return _beginning(completion.sessions(os.environ), incomplete)


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
