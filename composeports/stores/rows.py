"""The one place where a lease becomes a row of plain values, and a row becomes a lease."""

import json

from composeports.core.block import Block
from composeports.core.lease import Lease, Place, Stack
from composeports.errors import StoreError

# The columns that decisions need come first; the rest is text that only the session itself reads.
COLUMNS = (
    "session_id",
    "start",
    "size",
    "project",
    "held",
    "allocated_at",
    "expires_at",
    "ttl_minutes",
    "environment",
    "stack",
    "memory",
    "place",
)
Row = tuple[str, int, int, str, int, float, float, int, str, str, str, str]


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
        json.dumps(lease.environment),
        json.dumps(_stack(lease.stack)),
        json.dumps(_memory(lease)),
        json.dumps(_place(lease.place)),
    )


def from_row(row: Row, where: str) -> Lease:
    """Return the lease of a row; StoreError, naming the store, for one that makes no sense."""
    try:
        return _lease(row)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"the lease store {where} holds a damaged record of session {row[0]!r}"
        hint = "end that session's stack and move the file away; the next command makes a new one"
        raise StoreError(message, hint=hint, session_id=row[0]) from error


def _lease(row: Row) -> Lease:
    session_id, start, size, project, held, allocated_at, expires_at, ttl_minutes = row[:8]
    environment, stack, memory, place = map(json.loads, row[8:])
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
        environment=tuple((name, value) for name, value in environment),
        place=Place(**place),
        stack=Stack(
            files=tuple(stack["files"]),
            env_files=tuple(stack["env_files"]),
            profiles=tuple(stack["profiles"]),
            overridden=stack["overridden"],
        ),
    )


def _memory(lease: Lease) -> dict[str, object]:
    return {
        "offsets": dict(lease.offsets),
        "ports": dict(lease.ports),
        "urls": dict(lease.urls),
    }


def _stack(stack: Stack) -> dict[str, object]:
    return {
        "files": stack.files,
        "env_files": stack.env_files,
        "profiles": stack.profiles,
        "overridden": stack.overridden,
    }


def _place(place: Place) -> dict[str, str]:
    return {
        "worktree": place.worktree,
        "git_dir": place.git_dir,
        "directory": place.directory,
        "branch": place.branch,
    }
