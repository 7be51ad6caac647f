"""`composeports down`: stop and remove the stack, then release its ports."""

import click

from composeports.cli.complete import ComposeCommand, services
from composeports.cli.context import (
    adopt_option,
    existing_session_option,
    inform,
    open_existing_session,
    warn,
)
from composeports.cli.option_order import check_option_order
from composeports.cli.output import as_json_option, write_json
from composeports.core.visible_text import visible
from composeports.usecases.down import down
from composeports.usecases.options import Options

EPILOG = """\b
Examples:
  composeports down
  composeports down -v
"""


@click.command(
    "down",
    cls=ComposeCommand,
    epilog=EPILOG,
    context_settings={"ignore_unknown_options": True},
)
@adopt_option
@existing_session_option
@as_json_option
@click.argument(
    "arguments",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="[COMPOSE DOWN OPTIONS] [SERVICE]...",
    shell_complete=services,
)
@click.pass_obj
def command(
    options: Options,
    arguments: tuple[str, ...],
    session_id: str | None,
    *,
    adopt: bool,
    as_json: bool,
) -> int:
    """Take this session's stack down, also services of inactive profiles, and release its ports.

    Named volumes stay unless -v is given. It also works if the Compose file has changed or is
    gone. It does nothing (exit 0) if no stack was started.
    """
    check_option_order("down", arguments)
    with open_existing_session(options._replace(adopt=adopt), session_id) as session:
        result = down(session, arguments)
    if as_json:
        write_json(
            {
                "ok": not result.code,
                "session_id": result.session_id,
                "compose_project_name": result.project,
                "released": result.released,
            }
        )
    (warn if result.code else inform)(visible(result.note))
    return result.code
