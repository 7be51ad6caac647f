"""`composeports status`: list every lease of the store, with the state of its stack."""

from collections.abc import Iterable, Iterator, Mapping

import click

from composeports.cli.context import existing_session_option, inform, open_existing_session
from composeports.cli.output import as_json_option, write_json, write_table
from composeports.core.folders import short_names
from composeports.core.lease import Lease
from composeports.usecases import status as status_usecase
from composeports.usecases.options import Options
from composeports.usecases.status import EngineStatus, SessionStatus

KEPT = {
    "ttl": "{} min",
    "containers": "expired, kept by its containers",
    "unknown": "expired, kept while the engine is away",
    "": "expired",
}
COLUMNS = ("", "Session", "Branch", "State", "Age", "TTL")
WIDE_COLUMNS = (*COLUMNS, "Project", "Ports")
FLEET_COLUMNS = ("Engine", "Host", *WIDE_COLUMNS)
HOUR, DAY = 60, 24 * 60
EPILOG = """\b
Examples:
  composeports status
  composeports status --wide
  composeports status --fleet
  composeports status --json | jq -r '.[] | select(.state == "gone") | .worktree'
"""


@click.command("status", epilog=EPILOG)
@existing_session_option
@click.option("--fleet", is_flag=True, help="List all engines that the store knows, by host.")
@click.option("--wide", is_flag=True, help="Show paths, project names and blocks of ports, too.")
@as_json_option
@click.pass_obj
def command(
    options: Options, session_id: str | None, *, fleet: bool, wide: bool, as_json: bool
) -> None:
    """List every lease: session, branch, the stack's state, age of the lease, and time left.

    `*` marks this session. A session has the name of its folder. 3/4 healthy: of four containers
    with a health check, three pass it.

    running: containers run. drifted: containers run, but with other ports, names or networks than
    planned. stopped: no container runs. gone: no container runs, and the worktree does not exist
    any more. unknown: the engine did not answer.

    An expired lease keeps its ports while containers of its stack run, or may run. Otherwise
    another session may get the ports, and `composeports gc` cleans up.

    Several engines may share a store: `--fleet` lists the leases on all of them. It shows running
    containers of this engine only.
    """
    with open_existing_session(options, session_id) as session:
        if fleet:
            _show_fleet(status_usecase.fleet(session), as_json=as_json)
            return
        statuses = status_usecase.status(session)
    if as_json:
        write_json([status.as_dict() for status in statuses])
    elif statuses:
        write_table(WIDE_COLUMNS if wide else COLUMNS, rows_of(statuses, wide=wide))
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
    for row in rows_of(found.sessions, wide=True):
        yield (*engine_cells, *row)
    if not found.sessions:
        yield (*engine_cells, "", "no leases", *[""] * (len(WIDE_COLUMNS) - 2))


def _ttl(status: SessionStatus) -> str:
    """Return the time left, or the reason why an expired lease keeps its ports."""
    return KEPT[status.kept_by].format(status.remaining_ttl_minutes)


def rows_of(statuses: Iterable[SessionStatus], *, wide: bool = False) -> list[tuple[str, ...]]:
    """Return the table rows in the order of COLUMNS, or of WIDE_COLUMNS."""
    statuses = list(statuses)
    names = short_names({status.lease.place.worktree for status in statuses} - {""})
    return [_row(status, {} if wide else names, wide=wide) for status in statuses]


def _row(status: SessionStatus, names: Mapping[str, str], *, wide: bool) -> tuple[str, ...]:
    lease = status.lease
    row = (
        "*" if status.mine else "",
        _name(lease, names),
        lease.place.branch,
        _state(status),
        _duration(status.age_minutes),
        _ttl(status),
    )
    block = f"{lease.block.start}-{lease.block.last}"
    return (*row, lease.project, block) if wide else row


def _name(lease: Lease, names: Mapping[str, str]) -> str:
    """Return the id that the user gave, else the worktree's folder and the sub-folder in it."""
    place = lease.place
    is_unnamed = lease.session_id == place.session_id or lease.session_id.startswith("/")
    if not place.worktree or not is_unnamed:
        return lease.session_id
    folder = names.get(place.worktree, place.worktree)
    folder = f"{place.machine}:{folder}" if place.machine else folder
    return f"{folder} ({place.below})" if place.below else folder


def _state(status: SessionStatus) -> str:
    health = f", {status.healthy}/{status.checked} healthy" if status.checked else ""
    return f"{status.state}{health}"


def _duration(minutes: int) -> str:
    """Return the age in its largest unit: `5 min`, `3 h`, `2 d`."""
    if minutes < HOUR:
        return f"{minutes} min"
    return f"{minutes // HOUR} h" if minutes < DAY else f"{minutes // DAY} d"
