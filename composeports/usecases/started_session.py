"""Find the session whose stack was started here before the Compose file or `.git` was removed."""

import os
from dataclasses import replace

from composeports.core.folders import is_within
from composeports.core.lease import Lease
from composeports.host.git import find_checkout
from composeports.usecases.session import Session


def find_started_session(session: Session) -> Session:
    """Return the session of the stack that was started here; usually `session` itself.

    Without the Compose file, Compose searches the parent folders and may find the file of another
    worktree. Without `.git`, the folder is another session. Therefore compare the folder with the
    leases in the store.
    """
    options = session.options
    if session.given_session or options.files or options.project_directory:
        return session
    if "COMPOSE_FILE" in session.environ:
        return session
    cwd = os.path.realpath(session.context.cwd)
    leases = [
        lease
        for lease in session.context.store.held()
        if lease.place.is_on(session.machine) and _was_started_at(lease, cwd)
    ]
    nearest_lease = max(leases, key=lambda lease: len(lease.place.directory), default=None)
    if nearest_lease is None or nearest_lease.session_id == session.session_id:
        return session
    directory = session.place.directory
    is_deeper = nearest_lease.place.directory != directory and is_within(
        nearest_lease.place.directory, directory
    )
    if is_deeper or (nearest_lease.place.directory == directory and session.record() is None):
        return replace(session, options=options._replace(session=nearest_lease.session_id))
    return session


def _was_started_at(lease: Lease, cwd: str) -> bool:
    """Return True if the lease is of `cwd` or a folder above and no other worktree is there now."""
    place = lease.place
    if lease.session_id != place.session_id or not is_within(cwd, place.directory):
        return False
    checkout = find_checkout(cwd)
    return (
        checkout is None
        or checkout[1] == place.git_dir
        or not is_within(checkout[0], place.worktree)
    )
