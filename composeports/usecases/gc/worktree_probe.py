"""Where sessions are: their worktrees, as this machine sees them, and their engines."""

from collections.abc import Iterable, Sequence

from composeports.core.engine_traits import UNSURE
from composeports.core.labels import Mark
from composeports.core.lease import Lease
from composeports.core.ownership import Owner
from composeports.core.relocation import is_taken_over
from composeports.usecases.gc.path_probe import is_lost, leads_to, probe_worktree
from composeports.usecases.gc.policy import ELSEWHERE, GONE, PathProbe, WorktreeProbe, whereabouts
from composeports.usecases.session import Session

NOTHING_SEEN = WorktreeProbe(PathProbe())


def probe_session(
    session: Session, lease: Lease, known: Sequence[Lease]
) -> tuple[str, WorktreeProbe]:
    """Return where the session's worktree is, and what was seen of it.

    `known` are all sessions; one of them may have the worktree now. The session that asks is where
    it asks from, also before its record says so.
    """
    if not lease.place.is_on(session.machine):
        return ELSEWHERE, NOTHING_SEEN
    if lease.session_id == session.session_here and lease.session_id == lease.place.session_id:
        lease = lease.at(session.place)
    sight = probe_worktree(lease.place, since=lease.allocated_at)
    sight = sight._replace(taken=_is_taken(lease, known))
    return whereabouts(lease.place, sight), sight


def _is_taken(lease: Lease, known: Sequence[Lease]) -> bool:
    place = lease.place
    rivals = [
        each
        for each in known
        if each.place.directory == place.directory and each.session_id != lease.session_id
    ]
    if not rivals or not place.git_dir:
        return False
    now, lost = leads_to(place.worktree), is_lost(place.git_dir)
    return any(is_taken_over(lease, now, each, lost=lost) for each in rivals)


def is_gone(session: Session, lease: Lease, known: Sequence[Lease]) -> bool:
    """Tell whether the session's worktree is gone, with its stack on this engine if on any."""
    return not on_another_engine(session, lease) and probe_session(session, lease, known)[0] == GONE


def on_another_engine(session: Session, lease: Lease, marks: Iterable[Mark] = ()) -> bool:
    """Tell whether the lease is, or may be, of another engine than the one that answers here.

    `marks` are those of its project's containers here: where the engine's traits leave it open, the
    marks of a session of this machine show that its stack is here.
    """
    view = session.view
    if not lease.engine or view.is_same(lease):
        return False
    marked = any(map(Owner.of(lease).has_marked, marks))
    own = lease.place.is_on(session.machine)
    return not (own and marked and view.sameness(lease) == UNSURE)
