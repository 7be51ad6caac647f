"""`composeports doctor`: report problems, why they matter, and the next step for each."""

import os
from dataclasses import asdict

import click

from composeports.cli.context import is_quiet, on_terminal, session_option, working_directory
from composeports.cli.doctor_output import as_document, write_report
from composeports.cli.output import as_json_option, write_json
from composeports.cli.progress import working
from composeports.docker.engine import Engine
from composeports.usecases.doctor import doctor
from composeports.usecases.doctor.doctor import DoctorContext, FixResult
from composeports.usecases.doctor.facts import Facts
from composeports.usecases.options import Options

EPILOG = """\b
Examples:
  composeports doctor
  composeports doctor --json | jq -r '.findings[].next_step'
"""


@click.command("doctor", epilog=EPILOG)
@click.option(
    "--fix",
    is_flag=True,
    help="Fix permissions and delete leftover composeports files; never touches containers.",
)
@session_option
@as_json_option
@click.pass_obj
def command(options: Options, session_id: str | None, *, fix: bool, as_json: bool) -> int:
    """Check engine, Compose, lease store, leases against stacks, ports, networks and files.

    The exit code is 1 if a finding is more than a note. Without --fix it changes nothing.
    """
    environ = dict(os.environ)
    doctor_options = options if session_id is None else options._replace(session=session_id)
    context = DoctorContext(
        environ, working_directory(), Engine(environ, on_terminal()), doctor_options
    )
    fix_result = FixResult()
    with working("looking at the engine, the leases, the ports and the files", live=not is_quiet()):
        facts, checkup = doctor.check(context)
        if fix:
            fix_result = doctor.fix(context, checkup)
            facts, checkup = doctor.check(context)
    if as_json:
        write_json({**as_document(checkup, fix_result), "facts": facts_document(facts)})
    else:
        write_report(checkup, fix_result)
    return 0 if checkup.healthy and not fix_result.failed else 1


def facts_document(facts: Facts) -> dict[str, object]:
    """Return the `facts` of the JSON document, with the fields of leases and ranges by name."""
    leases = [{**lease._asdict(), "block": lease.block._asdict()} for lease in facts.sessions]
    document = {**asdict(facts), "sessions": leases}
    if facts.grid is not None:
        document["grid"] = facts.grid._asdict()
    if facts.kernel is not None:
        reserved_ports = [block._asdict() for block in facts.kernel.reserved]
        document["kernel"] = {**facts.kernel._asdict(), "reserved": reserved_ports}
    return document
