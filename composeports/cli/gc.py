"""`composeports gc`: clean up after sessions that are over, and say what was done."""

import shlex
from collections.abc import Sequence

import click

from composeports.app import cleaning
from composeports.app.cleaning import KINDS, Cleaned
from composeports.app.options import Options
from composeports.cli.opening import say, workspace
from composeports.cli.output import as_json_option, visible, write_json, write_line
from composeports.core.cleaning import WORKTREE_GONE
from composeports.errors import StackLeftError

EPILOG = """\b
Examples:
  composeports gc --dry-run
  composeports gc --volumes
"""


@click.command("gc", epilog=EPILOG)
@click.option("--dry-run", is_flag=True, help="Show what would be done; change nothing.")
@click.option("--volumes", is_flag=True, help="Remove the volumes of worktrees that are gone, too.")
@as_json_option
@click.pass_obj
def command(options: Options, *, dry_run: bool, volumes: bool, as_json: bool) -> int:
    """Clean up after worktrees that are gone, and leases that expired with nothing running.

    Their containers, networks and session-tagged images are removed, and their ports are free
    again. Volumes stay, unless --volumes is given, and are listed with the command that removes
    them. What cannot be told for sure stays, and so does a session that somebody is at work on.
    """
    with workspace(options) as here:
        found = cleaning.clean(here, dry_run=dry_run, volumes=volumes)
    if as_json:
        write_json([each.as_dict() for each in found])
    else:
        _show(found, dry_run=dry_run)
    return _tell_left(found)


def _show(found: Sequence[Cleaned], *, dry_run: bool) -> None:
    for each in found:
        write_line(f"{_title(each)}: {each.reason}")
        for line in _lines(each):
            write_line(f"  {line}")
    if not found:
        say("nothing to clean")
    elif dry_run:
        say("nothing was changed: that is what `composeports gc` would do")


def _title(cleaned: Cleaned) -> str:
    lease = cleaned.lease
    return visible(f"{lease.project} ({lease.place.directory or lease.session_id})")


def _lines(cleaned: Cleaned) -> list[str]:
    lines: list[str] = []
    for kind in KINDS:
        names = cleaned.names(kind)
        if names:
            lines.append(f"remove {kind}{'s' * (len(names) > 1)} {', '.join(names)}")
    if cleaned.released:
        block = cleaned.lease.block
        lines.append(f"release ports {block.start}-{block.last}")
    if cleaned.left_volumes:
        lines.append(_kept_volumes(cleaned))
    return lines


def _kept_volumes(cleaned: Cleaned) -> str:
    names = cleaned.left_volumes
    kept = f"keep volume{'s' * (len(names) > 1)} {', '.join(names)}"
    if cleaned.why != WORKTREE_GONE:
        return f"{kept} for the next `composeports up` there"
    return f"{kept}; this removes them: {remove_command(names)}"


def remove_command(names: Sequence[str]) -> str:
    """Return the command line that removes the volumes."""
    return shlex.join(("docker", "volume", "rm", *names))


def _tell_left(found: Sequence[Cleaned]) -> int:
    left = [visible(each) for cleaned in found for each in cleaned.left]
    for each in left:
        say(f"still there: {each}")
    if not left:
        return 0
    say("the rest is done; run `composeports gc` again once nothing uses these")
    return StackLeftError.exit_code
