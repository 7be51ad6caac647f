"""`composeports allow`: let the commands of a repository's settings run after `up`."""

import click

from composeports.cli.context import inform, open_session
from composeports.cli.output import as_json_option, write_json, write_line
from composeports.core.after_up import shown
from composeports.core.visible_text import visible, visible_lines
from composeports.usecases.allow import repository_commands
from composeports.usecases.options import Options

EPILOG = """\b
Examples:
  composeports allow
  composeports allow --revoke
"""


@click.command("allow", epilog=EPILOG)
@click.option("--revoke", is_flag=True, help="Do not allow them any more.")
@as_json_option
@click.pass_obj
def command(options: Options, *, revoke: bool, as_json: bool) -> None:
    """Allow the commands that this repository's settings run after `up`.

    They are `first-up` and `up` in the table [after] of composeports.toml, and they run on this
    machine as you, not in a container. `up` refuses them until you have allowed them, and again
    when their text changes. The permission is for all worktrees of the repository.

    A command that starts a script of the repository runs what the script contains at that time.
    """
    with open_session(options, None) as session:
        found = repository_commands(session)
        if found.commands and revoke:
            found.revoke()
        elif found.commands:
            found.allow()
    is_allowed = bool(found.commands) and not revoke
    if as_json:
        write_json(
            {
                "ok": True,
                "repository": found.repository,
                "after": dict(found.commands),
                "allowed": is_allowed,
            }
        )
        return
    if not found.commands:
        inform("the settings here have no [after], so there is nothing to allow")
        return
    for line in map(shown, found.commands):
        write_line(visible_lines(line))
    verb = "not allowed any more" if revoke else "allowed"
    inform(visible(f"{verb} for this user in {found.repository} and its worktrees"))
