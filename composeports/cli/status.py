"""`composeports status`: list every lease of the store, with the state of its stack."""

from collections.abc import Iterable, Iterator, Mapping

import click

from composeports.cli.complete import existing_sessions
from composeports.cli.context import existing_session_option, inform, open_existing_session
from composeports.cli.output import as_json_option, write_json, write_table
from composeports.cli.watch import WatchedTable
from composeports.cli.watch import watch as watch_table
from composeports.core.folders import short_names
from composeports.core.lease import Lease
from composeports.core.memory_size import memory_text
from composeports.errors import NoLeaseError, UsageError
from composeports.usecases import status as status_usecase
from composeports.usecases.options import Options
from composeports.usecases.session import Session
from composeports.usecases.session_memory import with_memory
from composeports.usecases.status import EngineStatus, SessionStatus

KEPT = {
    "ttl": "{} min",
    "containers": "expired, kept by its containers",
    "unknown": "expired, kept while the engine is away",
    "": "expired",
}
# The last columns of the short list change by themselves, with time.
PASSING = ("Age", "TTL")
COLUMNS = ("", "Session", "Branch", "State", *PASSING)
WIDE_COLUMNS = ("Project", "Ports")
FLEET_COLUMNS = ("Engine", "Host", *COLUMNS, *WIDE_COLUMNS)
NOTHING = "no session holds ports; `composeports up` starts this one's stack"
UNKNOWN = "-"
HOUR, DAY = 60, 24 * 60
EPILOG = """\b
Examples:
  composeports status
  composeports status --wide --stats
  composeports status --watch
  composeports status login
  composeports status --fleet
  composeports status --json | jq -r '.[] | select(.state == "gone") | .worktree'
"""


@click.command("status", epilog=EPILOG)
@existing_session_option
@click.option("--fleet", is_flag=True, help="List all engines that the store knows, by host.")
@click.option("--wide", is_flag=True, help="Show paths, project names and blocks of ports, too.")
@click.option("--stats", is_flag=True, help="Show the memory that each session's containers use.")
@click.option("--watch", is_flag=True, help="Show the list again and again, until Ctrl-C.")
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="With --watch: the time between two looks.",
)
@as_json_option
@click.argument("name", required=False, metavar="[SESSION]", shell_complete=existing_sessions)
@click.pass_obj
def command(
    options: Options,
    session_id: str | None,
    name: str | None,
    *,
    fleet: bool,
    wide: bool,
    stats: bool,
    watch: bool,
    every: float,
    as_json: bool,
) -> None:
    """List every lease: session, branch, the stack's state, age of the lease, and time left.

    `*` marks this session. A session is named for its folder or id. 3/4 healthy: of four containers
    with a health check, three pass it.

    running: containers run. drifted: containers run, but with other ports, names or networks than
    planned. stopped: no container runs. gone: no container runs, and the worktree does not exist
    any more. unknown: the engine did not answer.

    An expired lease keeps its ports while containers of its stack run, or may run. Otherwise
    another session may get the ports, and `composeports gc` cleans up.

    Several engines may share a store: `--fleet` lists the leases on all of them. It shows running
    containers of this engine only.

    --watch redraws the list on a terminal. In a pipe it writes the list again when a session, a
    branch or a state has changed.

    With SESSION (its id, project, folder, branch or name, or a part that fits only one session):
    its services with state and URL, what is shared, and what has drifted.
    """
    if name is not None:
        if fleet or watch or wide:
            raise UsageError(
                "SESSION shows one session, and --fleet, --watch and --wide are about the list",
                hint="give SESSION without them",
            )
        _show_session(options, name, stats=stats, as_json=as_json)
        return
    if watch:
        _watch(options, session_id, wide=wide, stats=stats, every=every, other=fleet or as_json)
        return
    with open_existing_session(options, session_id) as session:
        if fleet:
            _show_fleet(status_usecase.fleet(session), as_json=as_json)
            return
        statuses = _statuses(session, stats=stats)
    if as_json:
        write_json(
            [{**status.as_dict(), **_memory_entry(status, stats=stats)} for status in statuses]
        )
    elif statuses:
        write_table(_columns(wide=wide, stats=stats), rows_of(statuses, wide=wide, stats=stats))
    else:
        inform(NOTHING)


def _show_session(options: Options, name: str, *, stats: bool, as_json: bool) -> None:
    from composeports.cli.session_output import show  # noqa: PLC0415 - rarely needed
    from composeports.usecases.session_details import describe  # noqa: PLC0415 - the same

    with open_existing_session(options, name) as session:
        lease = session.record()
        if lease is None or not lease.held:
            raise NoLeaseError(
                f"no session that holds ports is meant by {name!r}",
                hint="`composeports status` lists the sessions",
                session=name,
            )
        details = describe(session, lease)
        if stats:
            (status,) = with_memory(session, [details.status])
            details = details._replace(status=status)
    if as_json:
        write_json({**details.as_dict(), **_memory_entry(details.status, stats=stats)})
    else:
        show(details, _facts(details.status, stats=stats))


def _facts(status: SessionStatus, *, stats: bool) -> list[tuple[str, str]]:
    place = status.lease.place
    project, ports = _wide_cells(status.lease)
    return [
        ("state", _state(status)),
        ("folder", place.directory),
        ("machine", place.machine),
        ("branch", place.branch),
        ("project", project),
        ("ports", ports),
        ("age", _duration(status.age_minutes)),
        ("TTL", _ttl(status)),
        ("memory", _memory(status) if stats else ""),
    ]


def _statuses(session: Session, *, stats: bool) -> list[SessionStatus]:
    statuses = status_usecase.status(session)
    return with_memory(session, statuses) if stats else statuses


def _memory_entry(status: SessionStatus, *, stats: bool) -> dict[str, object]:
    return {"memory_bytes": status.memory_bytes} if stats else {}


def _columns(*, wide: bool, stats: bool) -> tuple[str, ...]:
    columns = (*COLUMNS, "Memory") if stats else COLUMNS
    return (*columns, *WIDE_COLUMNS) if wide else columns


def _watch(
    options: Options,
    session_id: str | None,
    *,
    wide: bool,
    stats: bool,
    every: float,
    other: bool,
) -> None:
    if other:
        raise UsageError(
            "--watch shows the list of this engine as text",
            hint="leave out --fleet and --json; `composeports serve` has /events for programs",
        )

    def look() -> list[tuple[str, ...]]:
        with open_existing_session(options, session_id) as session:
            return rows_of(_statuses(session, stats=stats), wide=wide, stats=stats)

    columns = _columns(wide=wide, stats=stats)
    watch_table(WatchedTable(columns, len(COLUMNS) - len(PASSING), NOTHING, look), every)


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
        yield (*engine_cells, "", "no leases", *[""] * (len(FLEET_COLUMNS) - 4))


def _ttl(status: SessionStatus) -> str:
    """Return the time left, or the reason why an expired lease keeps its ports."""
    return KEPT[status.kept_by].format(status.remaining_ttl_minutes)


def rows_of(
    statuses: Iterable[SessionStatus], *, wide: bool = False, stats: bool = False
) -> list[tuple[str, ...]]:
    """Return the table rows: COLUMNS, then memory and WIDE_COLUMNS if they are asked for."""
    statuses = list(statuses)
    names = short_names({status.lease.place.worktree for status in statuses} - {""})
    return [
        (
            *_row(status, {} if wide else names),
            *([_memory(status)] if stats else []),
            *(_wide_cells(status.lease) if wide else ()),
        )
        for status in statuses
    ]


def _row(status: SessionStatus, names: Mapping[str, str]) -> tuple[str, ...]:
    return (
        "*" if status.mine else "",
        _name(status.lease, names),
        status.lease.place.branch,
        _state(status),
        _duration(status.age_minutes),
        _ttl(status),
    )


def _wide_cells(lease: Lease) -> tuple[str, str]:
    return lease.project, f"{lease.block.start}-{lease.block.last}"


def _memory(status: SessionStatus) -> str:
    return UNKNOWN if status.memory_bytes is None else memory_text(status.memory_bytes)


def _name(lease: Lease, names: Mapping[str, str]) -> str:
    """Return the session's name and, without `names` for folders, its folder or id.

    A lease of an earlier version is shown by its folder.
    """
    location = _location(lease, names)
    if not lease.name:
        return location
    place = lease.place
    name = f"{place.machine}:{lease.name}" if place.machine else lease.name
    if not names:
        return name if location == name else f"{name} ({location})"
    return f"{name} ({place.below})" if place.below else name


def _location(lease: Lease, names: Mapping[str, str]) -> str:
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
