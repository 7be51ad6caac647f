"""`composeports up`: lease, plan, start, and print the URLs."""

import click

from composeports.app.options import Options
from composeports.cli.opening import plan_options, session_option, workspace
from composeports.cli.output import as_json_option

EPILOG = """\b
Examples:
  composeports up
  composeports up --build --wait web
  composeports up --attach
"""


@click.command("up", epilog=EPILOG, context_settings={"ignore_unknown_options": True})
@click.option("--attach", is_flag=True, help="Stay in the foreground and show the logs.")
@plan_options
@session_option
@as_json_option
@click.argument(
    "arguments", nargs=-1, type=click.UNPROCESSED, metavar="[COMPOSE UP OPTIONS] [SERVICE]..."
)
@click.pass_obj
def command(
    options: Options,
    arguments: tuple[str, ...],
    session: str | None,
    *,
    attach: bool,
    strict: bool,
    default_ports: bool,
    as_json: bool,
) -> int:
    """Lease ports for this session, plan, start the stack, and print its URLs.

    All options of `docker compose up` are accepted (--build, --wait, --force-recreate, ...).
    Again in the same worktree it changes nothing that is up to date. The exit code is Compose's.
    """
    with workspace(options, session) as here:
        _ = here.questions  # Compose and the engine are at work while the rest is imported
        from composeports.app import stack  # noqa: PLC0415
        from composeports.app.planning import Wishes  # noqa: PLC0415
        from composeports.cli.started import prepare, show  # noqa: PLC0415

        wishes = Wishes(strict=strict, default_ports=default_ports)
        started = stack.up(here, arguments, wishes, attach=attach, meanwhile=prepare)
    show(started, as_json=as_json)
    return started.code
