"""`composeports link`: let plain `docker compose`, IDEs and other tools use the session's stack."""

import click

from composeports.cli.context import inform, open_session, session_option, verbose_option, warn
from composeports.cli.output import as_json_option, write_json, write_line
from composeports.core.environment import as_export
from composeports.core.visible_text import visible
from composeports.usecases.link.link import link
from composeports.usecases.options import Options
from composeports.usecases.status import environment
from composeports.usecases.wrapped import wrapped

EPILOG = """\b
Examples:
  composeports up && composeports link
  docker compose ps
  composeports unlink
  eval "$(composeports link --wrap)"
"""


@click.command("link", epilog=EPILOG)
@click.option(
    "--wrap",
    is_flag=True,
    help="Print the lines that put the wrapper of docker first on a shell's PATH, as `env --wrap`.",
)
@verbose_option
@session_option
@as_json_option
@click.pass_obj
def command(
    options: Options, session_id: str | None, *, as_json: bool, wrap: bool, verbose: bool
) -> None:
    """Let plain `docker compose`, IDEs and other tools use this session's stack.

    Writes the session's variables into a marked block at the end of the project's `.env`, and
    creates the file if it is missing. `up` keeps the block up to date, `down` and `unlink` remove
    it.

    Fails (exit 78) if git tracks the file, or if it is a link or has another name, so that other
    projects may use it, too.
    """
    if wrap and as_json:
        raise click.UsageError("--wrap prints lines for a shell, and --json a document: choose one")
    with open_session(options, session_id) as session:
        result = link(session)
        if wrap:
            write_line(as_export(wrapped(session, environment(session), verbose=verbose)))
    if as_json:
        write_json(
            {
                "ok": True,
                "path": result.path,
                "compose_project_name": result.project,
                "changed": result.changed,
                "overridden": result.overridden,
            }
        )
    word = "linked" if result.changed else "linked already"
    inform(visible(f"{word}: {result.path} (plain `docker compose` there is on {result.project})"))
    if result.overridden:
        names = ", ".join(result.overridden)
        warn(visible(f"your lines that have no effect until then: {names}"))
    for note in result.notes:
        warn(visible(note))
