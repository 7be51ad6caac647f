"""`composeports up`: lease, plan, start, and print the URLs."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from composeports.cli import early_queries
from composeports.cli.complete import seeds, services
from composeports.cli.context import adopt_option, open_session, plan_options, session_option
from composeports.cli.output import as_json_option
from composeports.host.session_lock_file import SessionLock
from composeports.usecases.options import Options
from composeports.usecases.session import Session
from composeports.usecases.session_lock import hold_session_lock

EPILOG = """\b
Examples:
  composeports up
  composeports up --build --wait web
  composeports up --attach
  composeports up --seed-from main
"""


@click.command("up", epilog=EPILOG, context_settings={"ignore_unknown_options": True})
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
    adopt: bool,
    as_new: bool,
    as_json: bool,
) -> int:
    """Lease ports for this session, plan, start the stack, and print its URLs.

    Accepts all options of `docker compose up` (--build, --wait, --force-recreate, ...). Running it
    again in the same worktree changes only what is out of date. The exit code is Compose's.
    """
    if no_pause and seed_from is None:
        raise click.UsageError("--no-pause is about --seed-from SESSION")
    if adopt and as_new:
        raise click.UsageError("--adopt takes the stack that is there, --as-new starts another one")
    is_first = sys.stderr.isatty() and _is_first_here()
    with (
        open_session(options._replace(adopt=adopt), session_id, early_queries.started()) as session,
        _session_lock(session, as_new=as_new) as lock,
    ):
        session.config_cache.take_turn()  # only one of many simultaneous starts queries Compose
        _ = session.queries  # starts the queries, which run during the imports below
        from composeports.cli.up_output import prepare, show  # noqa: PLC0415
        from composeports.usecases.observe import PlanOptions  # noqa: PLC0415
        from composeports.usecases.up import up  # noqa: PLC0415

        plan_settings = PlanOptions(strict=strict, default_ports=default_ports)
        seed = None
        if seed_from is not None:
            from composeports.cli.copy_progress import seed_of  # noqa: PLC0415 - only if requested

            seed = seed_of(seed_from, pause=not no_pause)
        result = up(
            session, lock, arguments, plan_settings, attach=attach, while_running=prepare, seed=seed
        )
    show(result, as_json=as_json)
    if is_first and not result.code:
        from composeports.cli.first_run import welcome  # noqa: PLC0415 - once on a machine

        welcome(os.environ)
    return result.code


@contextmanager
def _session_lock(session: Session, *, as_new: bool) -> Iterator[SessionLock]:
    """Hold the session lock.

    With `as_new`, first take a new project name if another store's session uses this one's name.
    """
    if as_new:
        from composeports.usecases.prepare import take_new_name  # noqa: PLC0415 - rarely needed

        take_new_name(session)
    with hold_session_lock(session, "up") as lock:
        yield lock


def _is_first_here() -> bool:
    from composeports.cli.first_run import is_first_here  # noqa: PLC0415 - only on a terminal

    return is_first_here(os.environ)
