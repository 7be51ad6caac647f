"""`composeports completion`: print the script that a shell needs to complete commands."""

import click
from click.shell_completion import get_completion_class

from composeports.cli.output import write_line
from composeports.cli.root import root
from composeports.cli.shell_completion import PROGRAMS, variable

EPILOG = """\b
Examples:
  eval "$(composeports completion bash)"        # in ~/.bashrc
  eval "$(composeports completion zsh)"         # in ~/.zshrc, after compinit
  composeports completion fish > ~/.config/fish/completions/composeports.fish
"""


@click.command("completion", epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that completes commands, options, services and sessions.

    The script also completes compose-up and compose-down.
    """
    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover - click supports all three
        raise click.UsageError(f"there is no completion for {shell}")
    for program in PROGRAMS:
        completer = kind(root, {}, program, variable(program))
        write_line((completer.source_template % completer.source_vars()).strip())
