"""`composeports allocate`: take or renew a lease without starting a stack."""

import click

from composeports.cli.context import open_session, session_option
from composeports.cli.output import as_json_option, write_json, write_line
from composeports.core.environment import as_export
from composeports.usecases.allocate import allocate
from composeports.usecases.lease import environment_of
from composeports.usecases.options import Options
from composeports.usecases.status import iso_time

EPILOG = """\b
Examples:
  eval "$(composeports allocate)"
  composeports allocate --session nightly --json
"""


@click.command("allocate", epilog=EPILOG)
@session_option
@as_json_option
@click.pass_obj
def command(options: Options, session_id: str | None, *, as_json: bool) -> None:
    """Lease the session's block of ports, or renew the lease, and print its six variables.

    Needs neither Docker nor a Compose file. The same session gets the same ports again.
    """
    with open_session(options, session_id) as session:
        lease = allocate(session)
    variables = environment_of(lease)[:6]
    if not as_json:
        write_line(as_export(variables))
        return
    write_json(
        {
            "session_id": lease.session_id,
            "name": lease.name,
            "db_port": lease.db_port,
            "rest_port": lease.rest_port,
            "realtime_port": lease.realtime_port,
            "api_port": lease.api_port,
            "compose_project_name": lease.project,
            "allocated_at": iso_time(lease.allocated_at),
            "expires_at": iso_time(lease.expires_at),
            "env": dict(variables),
            "env_snippet": as_export(variables),
        }
    )
