"""The quick cleanup for commands that take a lease: release the leases of deleted worktrees."""

from collections.abc import Iterable, Sequence

from composeports.core.lease import Lease
from composeports.docker.containers import Container
from composeports.errors import FileAccessError, NoPortsAvailableError
from composeports.usecases.gc.policy import settle
from composeports.usecases.gc.worktree_probe import is_gone
from composeports.usecases.session import Session


def tidy(session: Session, containers: Iterable[Container]) -> int:
    """Release leases whose worktree is deleted and whose project has no container.

    Return how many were released. If containers are left in some of the projects, report their
    number to the user. For `up`, which already has the list of containers: if there is nothing to
    release, this only reads a few files. A session whose lock is held is skipped.
    """
    context = session.context
    projects = [container.project for container in containers]
    released_count = 0
    busy_projects: list[str] = []
    held_leases = context.store.held()
    for lease in held_leases:
        if lease.session_id == session.session_here or not is_gone(session, lease, held_leases):
            continue
        if lease.project in projects:
            busy_projects.append(lease.project)
        else:
            released_count += _release_gone(session, lease)
    if busy_projects:
        context.report(
            _left(busy_projects, [project for project in projects if project in busy_projects])
        )
    return released_count


def naming_gc(session: Session, error: NoPortsAvailableError) -> NoPortsAvailableError:
    """Return the error, whose hint names `composeports gc` if that would make room."""
    held_leases = session.context.store.held()
    if not any(is_gone(session, lease, held_leases) for lease in held_leases):
        return error
    hint = f"`composeports gc` takes the ports of worktrees that are gone; {error.hint}"
    return NoPortsAvailableError(error.message, hint=hint, **error.details)


def _release_gone(session: Session, lease: Lease) -> bool:
    """Take the session lock, ask the engine again, release if the project has no container.

    Return False if the lock is held, a container exists, or the lease has changed.
    """
    from composeports.usecases.gc.gc import exclusive  # noqa: PLC0415 - rarely needed
    from composeports.usecases.link.link import remove_link_of  # noqa: PLC0415

    try:
        with exclusive(session, lease) as lock:
            if lock is None or session.context.engine.containers(lease.project):
                return False
            outcome = session.context.store.update(
                lease.session_id, lambda snapshot: settle(snapshot, lease, forget=False)
            )
    except FileAccessError:
        return False
    if outcome.lease is None:
        return False
    remove_link_of(lease, session.context.report)
    return True


def _left(projects: Sequence[str], containers: Sequence[str]) -> str:
    subject = (
        f"{len(projects)} sessions whose worktrees are gone have"
        if len(projects) > 1
        else "a session whose worktree is gone has"
    )
    count = f"{len(containers)} container{'s' if len(containers) > 1 else ''}"
    return f"{subject} {count} left: `composeports gc` cleans up"
