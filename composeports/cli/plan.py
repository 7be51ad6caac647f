"""`composeports plan`: show what `up` would do, and why."""

import click

from composeports.cli import early_queries
from composeports.cli.context import open_session, plan_options, session_option
from composeports.cli.output import as_json_option, write_json
from composeports.usecases.options import Options, PlanOptions

EPILOG = """\b
Examples:
  composeports plan
  composeports -f compose.yaml -f compose.ci.yaml plan --json
"""


@click.command("plan", epilog=EPILOG)
@plan_options
@session_option
@as_json_option
@click.pass_obj
def command(
    options: Options, session_id: str | None, *, as_json: bool, strict: bool, default_ports: bool
) -> None:
    """Show what `composeports up` would do, and why; writes nothing and leases nothing."""
    with open_session(options, session_id, early_queries.started()) as writable_session:
        session = writable_session.read_only()
        _ = session.queries  # starts the queries, which run during the imports below
        from composeports.cli.plan_output import show  # noqa: PLC0415
        from composeports.usecases.plan import plan  # noqa: PLC0415

        session_plan = plan(session, PlanOptions(strict=strict, default_ports=default_ports))
    if as_json:
        write_json(session_plan.as_dict())
    else:
        show(session_plan)
