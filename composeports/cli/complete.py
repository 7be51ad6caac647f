"""Completion functions for options and arguments; they import little until a shell calls them."""

from typing import Any

import click


def files(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return an item that makes the shell complete file names."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - for shells

    return [CompletionItem(incomplete, type="file")]


def folders(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return an item that makes the shell complete folder names."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - for shells

    return [CompletionItem(incomplete, type="dir")]


def sessions(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the session ids that start with `incomplete`."""
    from composeports.cli.completion_values import sessions as found  # noqa: PLC0415 - for shells

    return found(ctx, parameter, incomplete)


def existing_sessions(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the names and ids of sessions that start with `incomplete`."""
    from composeports.cli.completion_values import (  # noqa: PLC0415 - for shells
        existing_sessions as found,
    )

    return found(ctx, parameter, incomplete)


def seeds(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the values for `--seed-from` that start with `incomplete`."""
    from composeports.cli.completion_values import seeds as found  # noqa: PLC0415 - for shells

    return found(ctx, parameter, incomplete)


def error_codes(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the error codes that start with `incomplete`."""
    from composeports.cli.completion_values import codes as found  # noqa: PLC0415 - for shells

    return found(ctx, parameter, incomplete)


def profiles(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the profiles of the Compose files that start with `incomplete`."""
    from composeports.cli.completion_values import profiles as found  # noqa: PLC0415 - for shells

    return found(ctx, parameter, incomplete)


def ports(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the container ports of the service that start with `incomplete`."""
    from composeports.cli.completion_values import ports as found  # noqa: PLC0415 - for shells

    return found(ctx, parameter, incomplete)


def services(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    """Return the services that start with `incomplete`."""
    from composeports.cli.completion_values import services as found  # noqa: PLC0415 - for shells

    return found(ctx, parameter, incomplete)


class ComposeCommand(click.Command):
    """A command that passes options on to the Compose command of the same name.

    A shell completes Compose's options, too.
    """

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return the options that start with `incomplete`, composeports' own first."""
        own_items = super().shell_complete(ctx, incomplete)
        if not incomplete.startswith("-"):
            return own_items
        from composeports.cli.completion_values import (  # noqa: PLC0415 - for shells
            compose_options,
        )

        return compose_options(ctx, own_items, incomplete)
