"""Handlers for leases: they call the use cases and return plain values, for HTTP and MCP.

All functions block (store, engine): call them on a thread, not on an event loop. With `roots`, they
raise OutsideRootsError if the session's stack was started in a folder outside `roots`.
"""

import math
from typing import Any

from composeports.core.environment import as_export
from composeports.core.lease import Lease
from composeports.errors import (
    EXIT_ENGINE,
    ComposeportsError,
    NoLeaseError,
    NoPortsAvailableError,
)
from composeports.servers.roots import ANYWHERE, Roots
from composeports.usecases import down as down_usecase
from composeports.usecases import status as status_usecase
from composeports.usecases.allocate import allocate as allocate_lease
from composeports.usecases.context import Context
from composeports.usecases.lease import environment_of, renew_lease
from composeports.usecases.release import release_without_stack
from composeports.usecases.session_lookup import no_session, session_by_id, session_from_record
from composeports.usecases.status import SessionStatus, iso_time

Answer = dict[str, Any]
# `allocate` returns the six fixed variables, without those that the plan of a stack adds.
FIXED = 6


class ComposeFailedError(ComposeportsError):
    """`docker compose` ended with an exit code that is not 0."""

    code = "compose_failed"
    exit_code = EXIT_ENGINE


def allocate(context: Context, session_id: str, roots: Roots = ANYWHERE) -> Answer:
    """Allocate or renew the session's lease.

    If all blocks are taken, the answer has `success` False and the error code; nothing is raised.
    """
    roots.check_session(context, session_id)
    try:
        lease = allocate_lease(session_by_id(context, session_id))
    except NoPortsAvailableError as error:
        return {"success": False, "error": error.code}
    return _granted(context, lease)


def renew(context: Context, session_id: str, roots: Roots = ANYWHERE) -> Answer:
    """Renew the lease that the session holds; NoLeaseError if it holds none."""
    roots.check_session(context, session_id)
    try:
        return _granted(context, renew_lease(session_by_id(context, session_id)))
    except NoLeaseError as error:
        hint = (
            "`composeports allocate` takes the ports; `composeports up` in a shell in its worktree "
            "starts its stack"
        )
        raise NoLeaseError(error.message, hint=hint, **error.details) from None


def release(context: Context, session_id: str, roots: Roots = ANYWHERE) -> Answer:
    """Release the session's lease; success also for an unknown session, which holds none.

    StackLeftError while containers of the session exist.
    """
    roots.check_session(context, session_id)
    release_without_stack(session_from_record(context, session_id))
    return {"success": True}


def down(context: Context, session_id: str, roots: Roots = ANYWHERE) -> Answer:
    """Take the session's stack down in the folder it was started in, then release its lease.

    Volumes are never removed. If the store has no folder for the session, composeports started no
    stack for it, and only the lease is released. ComposeFailedError if Compose fails; the lease is
    then kept.
    """
    roots.check_session(context, session_id)
    session = session_from_record(context, session_id)
    if not session.place.directory:
        record = session.record()
        release_without_stack(session)
        return {"success": True, "released": record is not None and record.held}
    result = down_usecase.down(session)
    if result.code:
        raise ComposeFailedError(
            f"`docker compose down` of {result.project} ended with exit code {result.code}; "
            "the lease is kept",
            hint="the server's own output has what Compose says; `composeports down` tries again",
        )
    return {"success": True, "released": result.released}


def status(context: Context) -> list[Answer]:
    """Return every held lease in the form of `status --json`, without `current`.

    A server has no session of its own, so no lease is the current one.
    """
    return [entry(session_status) for session_status in status_usecase.status(no_session(context))]


def entry(found: SessionStatus) -> Answer:
    """Return one entry of the list that `status` returns."""
    answer = found.as_dict()
    del answer["current"]
    return answer


def _granted(context: Context, lease: Lease) -> Answer:
    variables = environment_of(lease)[:FIXED]
    return {
        "success": True,
        "allocation": {
            "session_id": lease.session_id,
            "db_port": lease.db_port,
            "rest_port": lease.rest_port,
            "realtime_port": lease.realtime_port,
            "api_port": lease.api_port,
            "compose_project_name": lease.project,
            "allocated_at": iso_time(lease.allocated_at),
            "expires_at": iso_time(lease.expires_at),
            "remaining_ttl_minutes": remaining_minutes(lease, context.now()),
        },
        "env_snippet": as_export(variables),
    }


def remaining_minutes(lease: Lease, now: float) -> int:
    """Return the minutes until the lease expires, rounded up; 0 if it has expired."""
    return max(0, math.ceil((lease.expires_at - now) / 60))
