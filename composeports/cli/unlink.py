"""`composeports unlink`: restore the project's `.env` to its state before `composeports link`."""

import click

from composeports.cli.context import inform, open_session, session_option
from composeports.cli.output import as_json_option, write_json
from composeports.core.visible_text import visible
from composeports.usecases.link.link import unlink
from composeports.usecases.options import Options

EPILOG = """\b
Example:
  composeports unlink
"""


@click.command("unlink", epilog=EPILOG)
@session_option
@as_json_option
@click.pass_obj
def command(options: Options, session_id: str | None, *, as_json: bool) -> None:
    """Remove the block of `composeports link` from `.env`, and keep every other byte.

    If the file contains nothing else, it is removed.
    """
    with open_session(options, session_id) as session:
        result = unlink(session)
    if as_json:
        write_json({"ok": True, "path": result.path, "changed": result.changed})
    text = (
        f"unlinked: {result.path}"
        if result.changed
        else f"nothing to do: {result.path} is not linked"
    )
    inform(visible(text))
