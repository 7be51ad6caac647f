"""`composeports down`: stop and remove the stack, then release its ports."""

import sys
from collections.abc import Sequence

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
from composeports.core.lease import Lease
from composeports.core.session_name import name_of
from composeports.core.visible_text import visible
from composeports.errors import UsageError
from composeports.usecases.down import down, named_services, takes_volumes
from composeports.usecases.down_many import Outcome, down_all, leases_of_all
from composeports.usecases.options import Options
from composeports.usecases.session import Session
from composeports.usecases.session_search import split_session

EPILOG = """\b
Examples:
  composeports down
  composeports down -v
  composeports down login
  composeports down --all
"""


@click.command(
    "down",
    cls=ComposeCommand,
    epilog=EPILOG,
    context_settings={"ignore_unknown_options": True},
)
@click.option(
    "--all", "everything", is_flag=True, help="Take down every session of this machine and engine."
)
@click.option("--yes", is_flag=True, help="With --all: do not ask.")
@adopt_option
@existing_session_option
@as_json_option
@click.argument(
    "arguments",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="[COMPOSE DOWN OPTIONS] [SESSION | SERVICE...]",
    shell_complete=services,
)
@click.pass_obj
def command(
    options: Options,
    arguments: tuple[str, ...],
    session_id: str | None,
    *,
    everything: bool,
    yes: bool,
    adopt: bool,
    as_json: bool,
) -> int:
    """Take this session's stack down, also services of inactive profiles, and release its ports.

    Named volumes stay unless -v is given. It also works if the Compose file has changed or is
    gone. It does nothing (exit 0) if no stack was started.

    With SESSION, from any folder: another session, by its id, project, folder, branch or name, or
    by a part that fits only one session. A service of this session's stack comes first. --all takes
    all sessions down, one after the other; the exit code is that of the first one that failed.
    """
    check_option_order("down", arguments)
    with open_existing_session(options._replace(adopt=adopt), session_id) as session:
        if everything:
            return _down_all(session, arguments, yes=yes, as_json=as_json)
        result = down(*split_session(session, arguments))
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


def _down_all(session: Session, arguments: tuple[str, ...], *, yes: bool, as_json: bool) -> int:
    if named_services(arguments) or session.options.session is not None:
        raise UsageError(
            "--all means every session, so it takes no session and no service",
            hint="leave out --all, or what follows it",
        )
    leases = leases_of_all(session)
    if leases and not yes and "--dry-run" not in arguments:
        _confirm(leases, arguments)
    outcomes = down_all(session, leases, arguments, _tell)
    code = next((outcome.code for outcome in outcomes if outcome.code), 0)
    if as_json:
        write_json({"ok": not code, "sessions": [outcome.as_dict() for outcome in outcomes]})
    if not outcomes:
        inform("nothing to do: no session of this machine holds ports")
    return code


def _confirm(leases: Sequence[Lease], arguments: Sequence[str]) -> None:
    """Ask on a terminal; UsageError without one, and click.Abort if the answer is no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"--all takes {len(leases)} session{'s' * (len(leases) > 1)} down",
            hint="`composeports down --all --yes` does it without asking",
            sessions=[lease.session_id for lease in leases],
        )
    for lease in leases:
        location = lease.place.directory or lease.session_id
        warn(visible(f"  {name_of(lease)} ({location}, {lease.project})"))
    volumes = " and remove their volumes" * takes_volumes(arguments)
    click.confirm(f"Take these sessions down{volumes}?", abort=True, err=True)


def _tell(outcome: Outcome) -> None:
    (warn if outcome.code else inform)(visible(outcome.note))
    if outcome.error is not None and outcome.error.hint:
        warn(visible(f"  {outcome.error.hint}"))
