"""Generate the reference of the commands from their `--help`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from composeports.cli.root import COMMANDS, PASSED_THROUGH, root

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 100
INTRODUCTION = """\
# Commands

This page has the `--help` text of every command. `compose-up` and `compose-down` are short names of
`composeports up` and `composeports down`.
"""


def page() -> str:
    """Return docs/reference/commands.md."""
    context = _context(root, "composeports", None)
    sections = [INTRODUCTION, *_sections(root, context, 2), _passed_through()]
    return "\n".join(sections)


def _sections(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * level} {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if not isinstance(command, click.Group):
        return
    names = COMMANDS if command is root else command.list_commands(context)
    for name in names:
        below = command.get_command(context, name)
        if below is not None and not below.hidden:
            yield from _sections(below, _context(below, name, context), min(level + 1, 4))


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    return click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )


def _passed_through() -> str:
    names = ", ".join(f"`{name}`" for name in sorted(PASSED_THROUGH))
    return (
        "### Docker Compose's commands\n\n"
        f"These commands run on this session's stack, with Compose's options: {names}.\n"
    )
