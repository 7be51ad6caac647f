"""`composeports up`: lease, plan, start, and print the URLs."""

import os
import sys
from typing import TYPE_CHECKING

import click

from composeports.cli import early_queries
from composeports.cli.complete import ComposeCommand, seeds, services
from composeports.cli.context import adopt_option, open_session, plan_options, session_option
from composeports.cli.option_order import check_option_order
from composeports.cli.output import as_json_option
from composeports.core.wait_options import is_wait, wait_option
from composeports.usecases.options import Options, PlanOptions
from composeports.usecases.up import UpRequest, up

if TYPE_CHECKING:
    from composeports.usecases.seed.seed import Seed

EPILOG = """\b
Examples:
  composeports up
  composeports up --build --wait web
  composeports up --attach
  composeports up --seed-from main
"""


@click.command(
    "up",
    cls=ComposeCommand,
    epilog=EPILOG,
    context_settings={"ignore_unknown_options": True},
)
@click.option("--attach", is_flag=True, help="Stay in the foreground and show the logs.")
@plan_options
@click.option(
    "--seed-from",
    metavar="SESSION",
    shell_complete=seeds,
    help="First copy another session's named volumes into this session's empty volumes. SESSION is "
    "a session id, a project name, a branch, a worktree's path, `main` for the main checkout, or "
    "`compose:PROJECT` for a stack of plain Compose.",
)
@click.option(
    "--no-pause",
    is_flag=True,
    help="With --seed-from: do not pause the other stack during the copy.",
)
@click.option(
    "--no-seed",
    is_flag=True,
    help="Copy no data, although `seed` in composeports.toml names a session.",
)
@click.option(
    "--no-wait",
    is_flag=True,
    help="Do not wait for healthy services, although `wait = true` in composeports.toml says so.",
)
@click.option(
    "--no-after",
    is_flag=True,
    help="Run none of the commands that [after] in composeports.toml names.",
)
@adopt_option
@click.option(
    "--as-new",
    is_flag=True,
    help="Use another project name if a session of another store has a stack with this one.",
)
@session_option
@as_json_option
@click.argument(
    "arguments",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="[COMPOSE UP OPTIONS] [SERVICE]...",
    shell_complete=services,
)
@click.pass_obj
def command(
    options: Options,
    arguments: tuple[str, ...],
    session_id: str | None,
    *,
    attach: bool,
    strict: bool,
    default_ports: bool,
    seed_from: str | None,
    no_pause: bool,
    no_seed: bool,
    no_wait: bool,
    no_after: bool,
    adopt: bool,
    as_new: bool,
    as_json: bool,
) -> int:
    """Lease ports for this session, plan, start the stack, and print its URLs.

    Accepts all options of `docker compose up` (--build, --wait, --force-recreate, ...). Running it
    again in the same worktree changes only what is out of date. The exit code is Compose's. If a
    service failed, the end of its log is printed.
    """
    _check(arguments, adopt=adopt, as_new=as_new)
    is_first = sys.stderr.isatty() and _is_first_here()
    request = UpRequest(
        _without_waiting(arguments) if no_wait else arguments,
        PlanOptions(strict=strict, default_ports=default_ports),
        attach=attach,
        as_new=as_new,
        seed=_seed(seed_from, pause=not no_pause, none=no_seed),
        no_seed=no_seed,
        no_after=no_after,
        while_running=_prepare_output,
    )
    with open_session(
        options._replace(adopt=adopt), session_id, early_queries.started()
    ) as session:
        result = up(session, request)
    from composeports.cli.up_output import show  # noqa: PLC0415 - while Compose ran

    show(result, as_json=as_json)
    if is_first and not result.code:
        from composeports.cli.first_run import welcome  # noqa: PLC0415 - once on a machine

        welcome(os.environ)
    return result.code


def _check(arguments: tuple[str, ...], *, adopt: bool, as_new: bool) -> None:
    if adopt and as_new:
        raise click.UsageError("--adopt takes the stack that is there, --as-new starts another one")
    check_option_order("up", arguments)


def _without_waiting(arguments: tuple[str, ...]) -> tuple[str, ...]:
    if is_wait(arguments):
        raise click.UsageError("--wait and --no-wait contradict each other")
    return (wait_option(wait=False), *arguments)


def _prepare_output() -> None:
    from composeports.cli.up_output import prepare_table  # noqa: PLC0415 - while Compose runs

    prepare_table()


def _seed(session: str | None, *, pause: bool, none: bool) -> "Seed | None":
    """Return what the options about data ask for; None without `--seed-from`."""
    if session is None:
        if not pause:
            raise click.UsageError("--no-pause is about --seed-from SESSION")
        return None
    if none:
        raise click.UsageError("--seed-from and --no-seed contradict each other")
    from composeports.cli.copy_progress import seed_of  # noqa: PLC0415 - only if requested

    return seed_of(session, pause=pause)


def _is_first_here() -> bool:
    from composeports.cli.first_run import is_first_here  # noqa: PLC0415 - only on a terminal

    return is_first_here(os.environ)
