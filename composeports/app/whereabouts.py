"""Where sessions are: their worktrees, as this machine sees them, and their engines."""

from collections.abc import Iterable

from composeports.app.workspace import Workspace
from composeports.core.cleaning import ELSEWHERE, GONE, Sight, Spot, whereabouts
from composeports.core.engine_traits import UNSURE
from composeports.core.lease import Lease
from composeports.core.mark import Mark
from composeports.core.ownership import Owner
from composeports.host.places import look_at

NOTHING_SEEN = Sight(Spot())


def locate(workspace: Workspace, lease: Lease) -> tuple[str, Sight]:
    """Return where the session's worktree is, and what was seen of it."""
    if not lease.place.is_on(workspace.machine):
        return ELSEWHERE, NOTHING_SEEN
    sight = look_at(lease.place)
    return whereabouts(lease.place, sight), sight


def is_gone(workspace: Workspace, lease: Lease) -> bool:
    """Tell whether the session's worktree is gone, with its stack on this engine if on any."""
    return not on_another_engine(workspace, lease) and locate(workspace, lease)[0] == GONE


def on_another_engine(workspace: Workspace, lease: Lease, marks: Iterable[Mark] = ()) -> bool:
    """Tell whether the lease is, or may be, of another engine than the one that answers here.

    `marks` are those of its project's containers here: where the engine's traits leave it open, the
    marks of a session of this machine show that its stack is here.
    """
    view = workspace.view
    if not lease.engine or view.is_same(lease):
        return False
    marked = any(map(Owner.of(lease).has_marked, marks))
    own = lease.place.is_on(workspace.machine)
    return not (own and marked and view.sameness(lease) == UNSURE)
