"""`composeports open`: open a service in the user's browser, or print its URL."""

import sys

import click

from composeports.cli.complete import services
from composeports.cli.context import (
    existing_session_option,
    inform,
    open_existing_session,
    own_host_option,
)
from composeports.cli.output import as_json_option, write_json, write_line
from composeports.host.browser import open_in_browser
from composeports.usecases.options import Options
from composeports.usecases.web_url import web_url

EPILOG = """\b
Examples:
  composeports open
  composeports open web 8080
  composeports open web --print
"""


@click.command("open", epilog=EPILOG)
@click.argument("service", default="", shell_complete=services)
@click.argument("port", default="")
@click.option("--print", "only_print", is_flag=True, help="Print the URL, and open no browser.")
@own_host_option
@existing_session_option
@as_json_option
@click.pass_obj
def command(
    options: Options,
    service: str,
    port: str,
    session_id: str | None,
    *,
    only_print: bool,
    own_host: bool,
    as_json: bool,
) -> None:
    """Open SERVICE in your browser; without a browser, print its URL.

    SERVICE may be left out if only one service speaks HTTP. PORT is the port inside the container.
    BROWSER in your environment names another browser than the desktop's.
    """
    with open_existing_session(options, session_id) as session:
        found = web_url(session, service, port, own_host=own_host)
        is_opened = not only_print and open_in_browser(
            session.context.run, found.url, session.environ, has_terminal=sys.stdout.isatty()
        )
    if as_json:
        write_json({"service": found.service, "url": found.url, "opened": is_opened})
    elif is_opened:
        inform(f"opened {found.url}")
    else:
        if not only_print:
            inform("no browser was found: open this address")
        write_line(found.url)
