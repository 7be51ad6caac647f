"""`composeports url`: print one URL or host:port to stdout, and nothing else."""

import click

from composeports.cli.complete import ports, services
from composeports.cli.context import existing_session_option, open_existing_session, own_host_option
from composeports.cli.output import as_json_option, write_json, write_line
from composeports.usecases.options import Options
from composeports.usecases.status import url

EPILOG = """\b
Examples:
  curl "$(composeports url web --wait)"
  xdg-open "$(composeports url web --own-host)"
  psql "postgresql://postgres:postgres@$(composeports url db 5432)/postgres"
"""


@click.command("url", epilog=EPILOG)
@click.argument("service", shell_complete=services)
@click.argument("port", default="", shell_complete=ports)
@click.option("--wait", is_flag=True, help="Wait until the service answers there.")
@click.option(
    "--wait-timeout",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="With --wait: fail (exit code 75) after this time.",
)
@own_host_option
@existing_session_option
@as_json_option
@click.pass_obj
def command(
    options: Options,
    service: str,
    port: str,
    session_id: str | None,
    *,
    wait: bool,
    wait_timeout: float,
    own_host: bool,
    as_json: bool,
) -> None:
    """Print the URL of SERVICE, or host:port if it does not speak HTTP.

    PORT is the port inside the container, such as 80 or 53/udp; needed if SERVICE has several.

    --wait prints the URL as soon as the service answers: an HTTP request, or a connection that
    stays open.
    """
    with open_existing_session(options, session_id) as session:
        if wait:
            from composeports.usecases.url_wait import url_that_answers  # noqa: PLC0415 - rare

            address = url_that_answers(session, service, port, wait_timeout, own_host=own_host)
        else:
            address = url(session, service, port, own_host=own_host)
    if as_json:
        write_json({"service": service, "url": address})
    else:
        write_line(address)
