"""`composeports release`: release the ports of a session, if no stack uses them."""

import click

from composeports.cli.context import existing_session_option, inform, open_existing_session
from composeports.cli.output import as_json_option, write_json
from composeports.core.visible_text import visible
from composeports.usecases.options import Options
from composeports.usecases.release import release_without_stack

EPILOG = """\b
Example:
  composeports release --session nightly
"""


@click.command("release", epilog=EPILOG)
@existing_session_option
@as_json_option
@click.pass_obj
def command(options: Options, session_id: str | None, *, as_json: bool) -> None:
    """Release the session's ports without touching containers.

    Fails while the session's stack has containers: `composeports down` removes them first. If the
    session holds no ports, there is nothing to do (exit 0).
    """
    with open_existing_session(options, session_id) as session:
        release_without_stack(session)
        session_id = session.session_id
    if as_json:
        write_json({"ok": True, "session_id": session_id, "released": True})
    else:
        inform(f"released ({visible(session_id)})")
