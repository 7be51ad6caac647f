"""What options and arguments are completed with when a shell asks; imports little until then."""

from typing import Any

import click


def files(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Leave it to the shell to complete a file."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for shells

    return [CompletionItem(incomplete, type="file")]


def folders(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Leave it to the shell to complete a folder."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for shells

    return [CompletionItem(incomplete, type="dir")]


def sessions(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the sessions that begin so."""
    from composeports.cli.completion_values import sessions as found  # noqa: PLC0415 - only for shells

    return found(ctx, parameter, incomplete)


def seeds(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return what `--seed-from` takes, and begins so."""
    from composeports.cli.completion_values import seeds as found  # noqa: PLC0415 - only for shells

    return found(ctx, parameter, incomplete)


def services(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the services that begin so."""
    from composeports.cli.completion_values import services as found  # noqa: PLC0415 - only for shells

    return found(ctx, parameter, incomplete)
