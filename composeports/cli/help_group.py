"""A click group whose help shows the whole line of each command."""

import click


class WholeHelpGroup(click.Group):
    """A group that wraps the lines of its commands in `--help` and cuts none of them."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with the first sentence of its help."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [
            (name, whole_line(command))
            for name, command in commands
            if command is not None and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def whole_line(command: click.Command) -> str:
    """Return the first paragraph of a command's help as one line; it may be longer than a line."""
    paragraph = (command.help or "").partition("\n\n")[0]
    return command.short_help or " ".join(paragraph.split())
