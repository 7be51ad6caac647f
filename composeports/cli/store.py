"""`composeports store`: show the store, create a shared database, move leases to another store."""

import os
from dataclasses import asdict

import click

from composeports.cli.context import inform, warn
from composeports.cli.help_group import WholeHelpGroup
from composeports.cli.output import as_json_option, write_json, write_line
from composeports.config import Config
from composeports.core.visible_text import visible
from composeports.errors import EXIT_TRY_LATER, ConfigError
from composeports.stores.url import is_shared, without_password
from composeports.usecases.store_admin import info as info_usecase
from composeports.usecases.store_admin.info import StoreReport
from composeports.usecases.store_admin.migrate import MigrationOutcome, migration

EPILOG = """\b
Examples:
  composeports store info
  composeports store create
  composeports store migrate --from "sqlite:///home/me/leases.sqlite3" --to "$COMPOSEPORTS_STORE"
"""


@click.group("store", cls=WholeHelpGroup, epilog=EPILOG, subcommand_metavar="info|create|migrate")
def command() -> None:
    """Show where leases are kept, create a store for many machines, or move leases."""


@command.command("info")
@as_json_option
def info(*, as_json: bool) -> None:
    """Show the store's location, its format, and how many leases are held on each engine."""
    report = info_usecase.report(_url(), os.environ)
    if as_json:
        write_json({"ok": True, "store": _document(report)})
        return
    write_line(visible(f"{report.kind}: {report.where}"))
    if report.server:
        write_line(
            f"server: PostgreSQL {visible(report.server)}, a round trip takes "
            f"{report.latency * 1000:.1f} ms, its clock is {report.ahead:+.1f} s from ours"
        )
    write_line(f"format: {report.format or 'none yet; the first lease makes it'}")
    if report.lacking:
        write_line(f"rights that this user lacks: {', '.join(report.lacking)}")
    _warn(report.excess)
    for engine_leases in report.engines:
        name = engine_leases.engine.name or engine_leases.engine.host
        write_line(
            visible(
                f"engine {name}: {len(engine_leases.leases)} held "
                f"({engine_leases.engine.id or 'local'})"
            )
        )


def _document(found: StoreReport) -> dict[str, object]:
    engines = [
        {
            **engine_leases.engine._asdict(),
            "held": [lease.session_id for lease in engine_leases.leases],
        }
        for engine_leases in found.engines
    ]
    return {
        **asdict(found),
        "lacking": list(found.lacking),
        "excess": list(found.excess),
        "engines": engines,
    }


@command.command("create")
@as_json_option
def create(*, as_json: bool) -> None:
    """Create or upgrade the tables in the database that COMPOSEPORTS_STORE names.

    The first lease also does this if its database user may. With this command the owner creates
    the tables, and all other users need only CONNECT, USAGE of the schema `composeports`, SELECT
    on its tables, and INSERT, UPDATE and DELETE on all tables except `meta`. If users have more
    rights, or CREATE in the schema `public`, it prints a warning with the SQL line that revokes
    them.
    """
    url = _url()
    if not is_shared(url):
        message = f"{without_password(url)} needs no making; the first lease does that"
        raise ConfigError(message, hint="set COMPOSEPORTS_STORE to postgresql://...")
    old_format, excess = info_usecase.create(url)
    if as_json:
        fields = {
            "store": without_password(url),
            "format_before": old_format,
            "excess": list(excess),
        }
        write_json({"ok": True, **fields})
        return
    inform(f"{'upgraded, or up to date' if old_format else 'made'}: {without_password(url)}")
    _warn(excess)


def _warn(excess: tuple[str, ...]) -> None:
    """Warn about each right that is not needed, with the statement that revokes it."""
    for statement in excess:
        warn(visible(f"warning: no user of the store needs this right; as its owner: {statement};"))


@command.command("migrate")
@click.option("--from", "source", metavar="URL", required=True, help="The store to empty.")
@click.option("--to", "target", metavar="URL", required=True, help="The store to fill.")
@click.option("--dry-run", is_flag=True, help="Show what would move; change nothing.")
@as_json_option
def migrate(source: str, target: str, *, dry_run: bool, as_json: bool) -> int:
    """Move all leases, held and remembered, to another store; stacks keep running.

    A lease that does not fit into the other store stays where it is (exit 75). If the command is
    interrupted, run it again to finish. Do not start stacks on either store while it runs.
    """
    plan = migration(source, target, os.environ, dry_run=dry_run, waiting=inform)
    outcomes: list[MigrationOutcome] = []
    for outcome in plan.run():
        outcomes.append(outcome)
        if not as_json:
            _print_result(outcome, dry_run=dry_run)
    leftovers = [outcome for outcome in outcomes if outcome.stays]
    if as_json:
        write_json(
            {
                "ok": not leftovers,
                "dry_run": dry_run,
                "leases": [_row(outcome) for outcome in outcomes],
            }
        )
    else:
        inform(
            f"{len(outcomes) - len(leftovers)} {'would move' if dry_run else 'moved'}, "
            f"{len(leftovers)} stay"
        )
    return EXIT_TRY_LATER if leftovers else 0


def _print_result(outcome: MigrationOutcome, *, dry_run: bool) -> None:
    lease = outcome.lease
    label = f"{lease.session_id} ({lease.project}, {'held' if lease.held else 'remembered'})"
    if outcome.stays:
        warn(visible(f"stays: {label}: {outcome.stays}"))
    else:
        inform(visible(f"{'would move' if dry_run else 'moved'}: {label}"))


def _row(outcome: MigrationOutcome) -> dict[str, object]:
    return {
        "session_id": outcome.lease.session_id,
        "session_id_there": outcome.session_id,
        "compose_project_name": outcome.lease.project,
        "engine": outcome.engine.id,
        "held": outcome.lease.held,
        "moved": not outcome.stays,
        "why": outcome.stays,
    }


def _url() -> str:
    return Config.from_env(os.environ).store
