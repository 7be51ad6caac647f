"""`composeports status`: list every lease of the store, with the state of its stack."""

from collections.abc import Iterator

import click

from composeports.cli.context import inform, open_session, session_option
from composeports.cli.output import as_json_option, write_json, write_table
from composeports.usecases import status as status_usecase
from composeports.usecases.options import Options
from composeports.usecases.status import EngineStatus, SessionStatus

KEPT = {
    "ttl": "{} min",
    "containers": "expired, kept by its containers",
    "unknown": "expired, kept while the engine is away",
    "": "expired",
}
COLUMNS = ("", "Session", "Branch", "Project", "Ports", "TTL", "State")
FLEET_COLUMNS = ("Engine", "Host", *COLUMNS)
EPILOG = """\b
Examples:
  composeports status
  composeports status --fleet
  composeports status --json | jq -r '.[] | select(.state == "gone") | .worktree'
"""


@click.command("status", epilog=EPILOG)
@session_option
@click.option("--fleet", is_flag=True, help="List all engines that the store knows, by host.")
@as_json_option
@click.pass_obj
def command(options: Options, session_id: str | None, *, fleet: bool, as_json: bool) -> None:
    """List every lease: session, branch, project, ports, minutes left, and the stack's state.

    `*` marks this session. running: containers run. drifted: containers run, but with other
    ports, names or networks than planned. stopped: no container runs. gone: no container runs,
    and the worktree does not exist any more. unknown: the engine did not answer.

    An expired lease keeps its ports while containers of its stack run, or may run. Otherwise
    another session may get the ports, and `composeports gc` cleans up.

    Several engines may share a store: `--fleet` lists the leases on all of them. It shows running
    containers of this engine only.
    """
    with open_session(options, session_id) as session:
        if fleet:
            _show_fleet(status_usecase.fleet(session), as_json=as_json)
            return
        statuses = status_usecase.status(session)
    if as_json:
        write_json([status.as_dict() for status in statuses])
    elif statuses:
        write_table(COLUMNS, map(row_of, statuses))
    else:
        inform("no session holds ports; `composeports up` starts this one's stack")


def _show_fleet(found: list[EngineStatus], *, as_json: bool) -> None:
    if as_json:
        write_json([engine_status.as_dict() for engine_status in found])
        return
    write_table(
        FLEET_COLUMNS, (row for engine_status in found for row in _fleet_rows(engine_status))
    )


def _fleet_rows(found: EngineStatus) -> Iterator[tuple[str, ...]]:
    """Yield the table rows of one engine's leases, in the order of FLEET_COLUMNS."""
    engine_cells = (found.engine.name or "this machine", found.engine.host)
    for status in found.sessions:
        yield (*engine_cells, *row_of(status))
    if not found.sessions:
        yield (*engine_cells, "", "no leases", *[""] * (len(COLUMNS) - 2))


def _ttl(status: SessionStatus) -> str:
    """Return the time left, or the reason why an expired lease keeps its ports."""
    return KEPT[status.kept_by].format(status.remaining_ttl_minutes)


def row_of(status: SessionStatus) -> tuple[str, ...]:
    """Return the table row of one lease, in the order of COLUMNS."""
    lease = status.lease
    path = lease.place.worktree or lease.session_id
    subfolder = lease.place.directory.removeprefix(lease.place.worktree).strip("/")
    if lease.place.machine:
        path = f"{lease.place.machine}:{path}"
    is_unnamed = lease.session_id == lease.place.session_id or lease.session_id.startswith("/")
    own_id = "" if is_unnamed and lease.place.worktree else lease.session_id
    return (
        "*" if status.mine else "",
        own_id or (f"{path} ({subfolder})" if subfolder else path),
        lease.place.branch,
        lease.project,
        f"{lease.block.start}-{lease.block.last}",
        _ttl(status),
        status.state,
    )
