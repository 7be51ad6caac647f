"""The one place where a lease becomes a row of plain values, and a row becomes a lease."""

import json
from functools import lru_cache

from composeports.core.block import Block
from composeports.core.endpoint import LOCALHOST
from composeports.core.lease import Lease, Place, Stack
from composeports.core.ledger import Hold
from composeports.errors import StoreError

NO_SENSE = (AttributeError, KeyError, TypeError, ValueError)
# The columns that decisions need come first; of the rest they look at the place alone.
COLUMNS = (
    "session_id",
    "start",
    "size",
    "project",
    "held",
    "allocated_at",
    "expires_at",
    "ttl_minutes",
    "engine",
    "pins",
    "subnets",
    "environment",
    "stack",
    "memory",
    "place",
)
Row = tuple[str, int, int, str, int, float, float, int, str, str, str, str, str, str, str]
HOLD_COLUMNS = (*COLUMNS[:4], "expires_at", "held", "engine", "pins", "subnets", "place")
HoldRow = tuple[str, int, int, str, float, int, str, str, str, str]


def to_row(lease: Lease) -> Row:
    """Return the lease's values in the order of COLUMNS.

    The texts are JSON in ASCII, since a path may hold bytes that are not UTF-8.
    """
    return (
        lease.session_id,
        lease.block.start,
        lease.block.size,
        lease.project,
        int(lease.held),
        lease.allocated_at,
        lease.expires_at,
        lease.ttl_minutes,
        lease.engine,
        json.dumps(dict(lease.pins)),
        json.dumps(dict(lease.subnets)),
        json.dumps(lease.environment),
        json.dumps(_stack(lease.stack)),
        json.dumps(_memory(lease)),
        json.dumps(_place(lease.place)),
    )


def from_row(row: Row, where: str) -> Lease:
    """Return the lease of a row; StoreError, naming the store, for one that makes no sense."""
    try:
        return _lease(row)
    except NO_SENSE as error:
        raise _damaged(row[0], where) from error


def hold_from_row(row: HoldRow, where: str) -> Hold:
    """Return what others have to know of a row's lease; StoreError as in `from_row`."""
    try:
        return _hold(row)
    except NO_SENSE as error:
        raise _damaged(row[0], where) from error


def _damaged(session_id: str, where: str) -> StoreError:
    message = f"the lease store {where} holds a damaged record of session {session_id!r}"
    hint = "end that session's stack and move the file away; the next command makes a new one"
    return StoreError(message, hint=hint, session_id=session_id)


def _hold(row: HoldRow) -> Hold:
    session_id, start, size, project, expires_at, held, engine, *texts = row
    known = _parsed(*texts)
    return Hold(session_id, Block(start, size), project, expires_at, bool(held), *known, engine)


@lru_cache(maxsize=4096)
def _parsed(pins: str, subnets: str, place: str) -> tuple[frozenset[int], tuple[str, ...], str]:
    """Return what is in the texts of a hold; a server reads the same ones again and again."""
    return (
        frozenset(json.loads(pins).values()),
        tuple(json.loads(subnets).values()),
        json.loads(place)["directory"],
    )


def _lease(row: Row) -> Lease:
    session_id, start, size, project, held, allocated_at, expires_at, ttl_minutes = row[:8]
    pins, subnets, environment, stack, memory, place = map(json.loads, row[9:])
    return Lease(
        session_id=session_id,
        block=Block(start, size),
        project=project,
        allocated_at=allocated_at,
        expires_at=expires_at,
        held=bool(held),
        ttl_minutes=ttl_minutes,
        offsets=memory["offsets"],
        ports=memory["ports"],
        urls=memory["urls"],
        pins=pins,
        subnets=subnets,
        host=memory.get("host", LOCALHOST),
        environment=tuple((name, value) for name, value in environment),
        place=Place(**place),
        stack=Stack(
            files=tuple(stack["files"]),
            env_files=tuple(stack["env_files"]),
            profiles=tuple(stack["profiles"]),
            overridden=stack["overridden"],
            default_ports=stack["default_ports"],
        ),
        engine=row[8],
    )


def _memory(lease: Lease) -> dict[str, object]:
    return {
        "offsets": dict(lease.offsets),
        "ports": dict(lease.ports),
        "urls": dict(lease.urls),
        "host": lease.host,
    }


def _stack(stack: Stack) -> dict[str, object]:
    return {
        "files": stack.files,
        "env_files": stack.env_files,
        "profiles": stack.profiles,
        "overridden": stack.overridden,
        "default_ports": stack.default_ports,
    }


def _place(place: Place) -> dict[str, str]:
    return {
        "worktree": place.worktree,
        "git_dir": place.git_dir,
        "directory": place.directory,
        "branch": place.branch,
        "machine": place.machine,
    }
