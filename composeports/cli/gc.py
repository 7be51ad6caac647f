"""`composeports gc`: clean up after ended sessions, and report each change."""

import shlex
from collections.abc import Sequence

import click

from composeports.cli.context import inform, is_quiet, open_session, warn
from composeports.cli.output import as_json_option, write_json, write_line
from composeports.cli.progress import paused_progress, working
from composeports.core.session_name import name_of
from composeports.core.visible_text import visible
from composeports.errors import StackLeftError
from composeports.usecases.gc.gc import KINDS, GcResult, clean
from composeports.usecases.gc.policy import WORKTREE_GONE
from composeports.usecases.options import Options

EPILOG = """\b
Examples:
  composeports gc --dry-run
  composeports gc --volumes
"""


@click.command("gc", epilog=EPILOG)
@click.option("--dry-run", is_flag=True, help="Show what would be done; change nothing.")
@click.option("--volumes", is_flag=True, help="Also remove the volumes of deleted worktrees.")
@as_json_option
@click.pass_context
def command(ctx: click.Context, *, dry_run: bool, volumes: bool, as_json: bool) -> int:
    """Clean up after deleted worktrees, and expired leases whose stack does not run.

    Removes their containers, networks and session-tagged images, and releases their ports. Volumes
    stay unless --volumes is given; gc lists them with the command that removes them. It keeps
    everything that it is not sure about, and every session that another command is using.
    """
    options: Options = ctx.obj
    results: list[GcResult] = []
    with (
        open_session(options) as session,
        working(
            "looking at every session and what the engine has of it", live=not is_quiet()
        ) as progress,
    ):
        for result in clean(session, dry_run=dry_run, volumes=volumes, at=progress):
            results.append(result)
            if not as_json:
                _show(result)
    if as_json:
        write_json([result.as_dict() for result in results])
    elif not results:
        inform("nothing to clean")
    elif dry_run:
        inform(f"nothing was changed: that is what `composeports {ctx.info_name}` would do")
    return _tell_left(results, str(ctx.info_name), dry_run=dry_run)


def _show(cleaned: GcResult) -> None:
    with paused_progress():
        write_line(f"{_title(cleaned)}: {cleaned.reason}")
        for line in _lines(cleaned):
            write_line(f"  {visible(line)}")


def _title(cleaned: GcResult) -> str:
    lease = cleaned.lease
    location = lease.place.directory or lease.session_id
    return visible(f"{name_of(lease)} ({location}, {lease.project})")


def _lines(cleaned: GcResult) -> list[str]:
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


def _kept_volumes(cleaned: GcResult) -> str:
    names = cleaned.left_volumes
    words = ("docker", "volume", "rm", *names)
    text = f"keep volume{'s' * (len(names) > 1)} {', '.join(names)}"
    if cleaned.why != WORKTREE_GONE:
        return f"{text} for the next `composeports up` there"
    return f"{text}; this removes them: {shlex.join(words)}"


def _tell_left(found: Sequence[GcResult], name: str, *, dry_run: bool) -> int:
    leftovers = [visible(leftover) for result in found for leftover in result.left]
    for leftover in leftovers:
        warn(f"{'would stay' if dry_run else 'still there'}: {leftover}")
    if not leftovers or dry_run:
        return 0
    warn(f"the rest is done; run `composeports {name}` again once nothing uses these")
    return StackLeftError.exit_code
