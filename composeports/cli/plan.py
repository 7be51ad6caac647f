"""`composeports plan`: what `up` would do and why."""

import click

from composeports.app import stack
from composeports.app.options import Options
from composeports.cli.opening import session_option, workspace
from composeports.cli.output import as_json_option, visible, write_json, write_line
from composeports.core.plan import Change, Plan

HEADINGS = {"project": "Project", "variable": "Variables", "port": "Published ports"}
EPILOG = """\b
Examples:
  composeports plan
  composeports -f compose.yaml -f compose.ci.yaml plan --json
"""


@click.command("plan", epilog=EPILOG)
@session_option
@as_json_option
@click.pass_obj
def command(options: Options, session: str | None, *, as_json: bool) -> None:
    """Show what `composeports up` would do, and why; writes nothing and leases nothing."""
    with workspace(options, session) as here:
        made = stack.plan(here)
    if as_json:
        write_json(plan_document(made))
        return
    write_line(f"Session {visible(made.session_id)}")
    for kind, heading in HEADINGS.items():
        _write_group(heading, [change for change in made.changes if change.kind == kind])
    for warning in made.warnings:
        write_line(f"\nWarning: {visible(warning)}")


def _write_group(heading: str, changes: list[Change]) -> None:
    if not changes:
        return
    write_line(f"\n{heading}")
    where = max(len(visible(change.where)) for change in changes)
    move = max(len(_move(change)) for change in changes)
    for change in changes:
        write_line(
            f"  {visible(change.where):{where}}  {_move(change):{move}}  {visible(change.why)}"
        )


def _move(change: Change) -> str:
    return visible(f"{change.before} -> {change.after}" if change.before else f"-> {change.after}")


def plan_document(made: Plan) -> dict[str, object]:
    """Return the document of `plan --json`, which `up --json` has too."""
    return {
        "session_id": made.session_id,
        "compose_project_name": made.project,
        "env": dict(made.environment),
        "ports": made.ports,
        "urls": made.urls,
        "changes": [change.as_dict() for change in made.changes],
        "warnings": list(made.warnings),
    }
