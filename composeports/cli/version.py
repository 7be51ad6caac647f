"""`composeports version`: the versions of composeports and of the Compose that it runs."""

import os

import click

from composeports import __version__
from composeports.cli.output import as_json_option, write_json, write_line
from composeports.core.visible_text import visible
from composeports.docker.compose_cli import start_version

EPILOG = """\b
Examples:
  composeports version
  composeports version --short
"""


@click.command("version", epilog=EPILOG)
@click.option("--short", is_flag=True, help="Only the number of composeports.")
@as_json_option
def command(*, short: bool, as_json: bool) -> None:
    """Print the version of composeports, and that of Docker Compose if it is installed."""
    if short and not as_json:
        write_line(__version__)
        return
    compose = start_version(os.environ).finish().out.strip()
    if as_json:
        write_json({"version": __version__, "compose": compose or None})
        return
    write_line(f"composeports {__version__}")
    write_line(visible(f"Docker Compose {compose or 'is not installed'}"))
