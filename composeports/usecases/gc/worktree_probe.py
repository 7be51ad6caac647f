"""Find out where sessions are: their worktrees, as this machine sees them, and their engines."""

from collections.abc import Sequence

from composeports.core.lease import Lease
from composeports.core.moved_worktree import is_taken_over
from composeports.usecases.gc.path_probe import is_lost, leads_to, probe_worktree
from composeports.usecases.gc.policy import (
    ELSEWHERE,
    GONE,
    PathProbe,
    WorktreeProbe,
    worktree_state,
)
from composeports.usecases.other_engine import on_another_engine
from composeports.usecases.session import Session

NOTHING_SEEN = WorktreeProbe(PathProbe())


def probe_session(
    session: Session, lease: Lease, known: Sequence[Lease]
) -> tuple[str, WorktreeProbe]:
    """Return where the session's worktree is, and what the disk shows of it.

    `known` are all leases, because another session may use the worktree now. If `lease` is the
    lease of the session that runs this command, its worktree is the current one, even if the record
    does not say so yet.
    """
    if not lease.place.is_on(session.machine):
        return ELSEWHERE, NOTHING_SEEN
    if lease.session_id == session.session_here and lease.session_id == lease.place.session_id:
        lease = lease.at(session.place)
    probe = probe_worktree(lease.place, since=lease.allocated_at)
    probe = probe._replace(taken=_is_taken(lease, known))
    return worktree_state(lease.place, probe), probe


def _is_taken(lease: Lease, known: Sequence[Lease]) -> bool:
    place = lease.place
    rivals = [
        rival
        for rival in known
        if rival.place.directory == place.directory and rival.session_id != lease.session_id
    ]
    if not rivals or not place.git_dir:
        return False
    current_git_dir, was_lost = leads_to(place.worktree), is_lost(place.git_dir)
    return any(is_taken_over(lease, current_git_dir, rival, lost=was_lost) for rival in rivals)


def is_gone(session: Session, lease: Lease, known: Sequence[Lease]) -> bool:
    """Return True if the worktree is deleted and the stack, if any, is on the current engine."""
    return not on_another_engine(session, lease) and probe_session(session, lease, known)[0] == GONE
