"""`composeports explain`: print the page of an error code, or the list of all codes."""

import click

from composeports.cli.complete import error_codes
from composeports.cli.context import inform
from composeports.cli.output import as_json_option, write_json, write_line, write_table
from composeports.host.bundled_files import path_of
from composeports.usecases.explain import error_pages, explain

EPILOG = """\b
Example, after `error.code` or the last line of an error:
  composeports explain no_ports_available
"""


@click.command("explain", epilog=EPILOG)
@as_json_option
@click.argument("code", required=False, shell_complete=error_codes)
def command(code: str | None, *, as_json: bool) -> None:
    """Say what an error code means and what to do, without a network.

    Without CODE, list all codes, and name the folder with the other pages of the docs. The codes
    are in the last line of an error, in `error.code` of --json, and in `error` of HTTP and MCP.
    """
    if code is not None:
        page = explain(code)
        if as_json:
            write_json(page.as_dict())
        else:
            write_line(page.text)
        return
    pages = error_pages().values()
    if as_json:
        write_json([{"code": page.code, "summary": page.summary} for page in pages])
    else:
        write_table(("Code", "Meaning"), [(page.code, page.summary) for page in pages])
        inform(f"the other pages of the docs: {path_of('docs')}")
