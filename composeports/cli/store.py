"""`composeports store`: show the store, create a shared database, move leases to another store."""

import os
from dataclasses import asdict

import click

from composeports.cli.context import inform, warn
from composeports.cli.output import as_json_option, visible, write_json, write_line
from composeports.config import Config
from composeports.errors import EXIT_TRY_LATER, ConfigError
from composeports.stores.open import is_shared, without_password
from composeports.usecases.store_admin import info as info_usecase
from composeports.usecases.store_admin.info import StoreReport
from composeports.usecases.store_admin.migrate import MigrationOutcome, migration

EPILOG = """\b
Examples:
  composeports store info
  composeports store create
  composeports store migrate --from "sqlite:///home/me/leases.sqlite3" --to "$COMPOSEPORTS_STORE"
"""


@click.group("store", epilog=EPILOG, subcommand_metavar="info|create|migrate")
def command() -> None:
    """Tell where leases are kept, make a store for many machines, move leases to another one."""


@command.command("info")
@as_json_option
def info(*, as_json: bool) -> None:
    """Tell where the store is, its format, and how many leases are held on which engine."""
    found = info_usecase.report(_url(), os.environ)
    if as_json:
        write_json({"ok": True, "store": _document(found)})
        return
    write_line(visible(f"{found.kind}: {found.where}"))
    if found.server:
        write_line(
            f"server: PostgreSQL {visible(found.server)}, a round trip takes "
            f"{found.latency * 1000:.1f} ms, its clock is {found.ahead:+.1f} s from ours"
        )
    write_line(f"format: {found.format or 'none yet; the first lease makes it'}")
    if found.lacking:
        write_line(f"rights that this user lacks: {', '.join(found.lacking)}")
    _warn(found.excess)
    for each in found.engines:
        name = each.engine.name or each.engine.host
        write_line(visible(f"engine {name}: {len(each.leases)} held ({each.engine.id or 'local'})"))


def _document(found: StoreReport) -> dict[str, object]:
    engines = [
        {**each.engine._asdict(), "held": [lease.session_id for lease in each.leases]}
        for each in found.engines
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
    """Make the tables in the database that COMPOSEPORTS_STORE names, or upgrade them.

    The first lease does so too, where its user may. With this one the owner makes them, and all
    others need no more than CONNECT, USAGE of the schema `composeports`, SELECT on its tables, and
    INSERT, UPDATE and DELETE on all but `meta`. More than that, and CREATE in the schema `public`,
    is a warning with the line to run.
    """
    url = _url()
    if not is_shared(url):
        message = f"{without_password(url)} needs no making; the first lease does that"
        raise ConfigError(message, hint="set COMPOSEPORTS_STORE to postgresql://...")
    before, excess = info_usecase.create(url)
    if as_json:
        shown = {"store": without_password(url), "format_before": before, "excess": list(excess)}
        write_json({"ok": True, **shown})
        return
    inform(f"{'upgraded, or up to date' if before else 'made'}: {without_password(url)}")
    _warn(excess)


def _warn(excess: tuple[str, ...]) -> None:
    """Warn about each right that is not needed, with the statement that revokes it."""
    for statement in excess:
        warn(visible(f"warning: no user of the store needs this right; as its owner: {statement};"))


@command.command("migrate")
@click.option("--from", "source", metavar="URL", required=True, help="The store to empty.")
@click.option("--to", "target", metavar="URL", required=True, help="The store to fill.")
@click.option("--dry-run", is_flag=True, help="Say what would move; change nothing.")
@as_json_option
def migrate(source: str, target: str, *, dry_run: bool, as_json: bool) -> int:
    """Move all leases, held and remembered, to another store; stacks keep running.

    A lease that does not fit there stays where it is (exit 75). Broken off, it is finished by
    running it again. Let nobody start stacks on either store meanwhile.
    """
    plan = migration(source, target, os.environ, dry_run=dry_run, waiting=inform)
    moved: list[MigrationOutcome] = []
    for each in plan.run():
        moved.append(each)
        if not as_json:
            _print_result(each, dry_run=dry_run)
    stayed = [each for each in moved if each.stays]
    if as_json:
        write_json({"ok": not stayed, "dry_run": dry_run, "leases": [_row(each) for each in moved]})
    else:
        inform(
            f"{len(moved) - len(stayed)} {'would move' if dry_run else 'moved'}, {len(stayed)} stay"
        )
    return EXIT_TRY_LATER if stayed else 0


def _print_result(each: MigrationOutcome, *, dry_run: bool) -> None:
    lease = each.lease
    what = f"{lease.session_id} ({lease.project}, {'held' if lease.held else 'remembered'})"
    if each.stays:
        warn(visible(f"stays: {what}: {each.stays}"))
    else:
        inform(visible(f"{'would move' if dry_run else 'moved'}: {what}"))


def _row(each: MigrationOutcome) -> dict[str, object]:
    return {
        "session_id": each.lease.session_id,
        "session_id_there": each.session_id,
        "compose_project_name": each.lease.project,
        "engine": each.engine.id,
        "held": each.lease.held,
        "moved": not each.stays,
        "why": each.stays,
    }


def _url() -> str:
    return Config.from_env(os.environ).store
