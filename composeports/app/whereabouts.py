"""Where sessions are: their worktrees, as this machine sees them, and their engines."""

from composeports.app.workspace import Workspace
from composeports.core.claims import is_elsewhere
from composeports.core.cleaning import ELSEWHERE, GONE, Sight, Spot, whereabouts
from composeports.core.lease import Lease
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


def on_another_engine(workspace: Workspace, lease: Lease) -> bool:
    """Tell whether the lease is of another engine than the one that answers here."""
    return bool(lease.engine) and is_elsewhere(lease, workspace.engine_id)
