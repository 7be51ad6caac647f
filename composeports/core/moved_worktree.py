"""Find the session of a checkout after its repository was moved or replaced.

A session id is made from the path of the git directory. The session keeps its id when that path
changes, so that it also keeps its stack and its volumes.
"""

from typing import NamedTuple

from composeports.core.lease import Lease, WorktreeLocation

SEPARATOR = "//"


class MoveClue(NamedTuple):
    """Facts from the disk about a session that may belong to another location now.

    `lives` is True if its git directory exists at the old path and is still the session's. `pruned`
    is True if only the repository exists there, and does not know the worktree any more. `marked`
    is True if the composeports folder at the other location belongs to the session.
    """

    lives: bool = False
    pruned: bool = False
    marked: bool = False


def may_have_moved(lease: Lease, location: WorktreeLocation) -> bool:
    """Return True if paths and names allow that the session moved to `location`."""
    return _is_alike(lease, location) and lease.place.git_dir != location.git_dir


def is_known_here(lease: Lease, location: WorktreeLocation) -> bool:
    """Return True if the session's record already has `location`."""
    return _is_alike(lease, location) and lease.place.git_dir == location.git_dir


def _is_alike(lease: Lease, location: WorktreeLocation) -> bool:
    old_location = lease.place
    return (
        bool(old_location.git_dir)
        and lease.session_id == old_location.session_id
        and old_location.machine == location.machine
        and old_location.below == location.below
    )


def has_moved(lease: Lease, location: WorktreeLocation, clue: MoveClue) -> bool:
    """Return True if a session that may have moved belongs to `location`.

    A session whose old git directory is still its own has not moved. Otherwise the composeports
    folder at `location` proves the move. That folder is removed together with the stack; without
    it, the worktree must have the same path and the same git name, and the lease must not have a
    stack.
    """
    if clue.lives:
        return False
    if clue.marked:
        return True
    name = linked_name(location.git_dir)
    is_same_worktree = (
        lease.place.worktree == location.worktree and linked_name(lease.place.git_dir) == name
    )
    return (
        bool(name)
        and is_same_worktree
        and not clue.pruned
        and not (lease.held and lease.stack.files)
    )


def linked_name(git_dir: str) -> str:
    """Return git's name of a linked worktree; empty for any other checkout."""
    parent, _, name = git_dir.rpartition("/")
    return name if parent.endswith("/worktrees") else ""


def named_after(lease: Lease, location: WorktreeLocation) -> WorktreeLocation:
    """Return `location` with the session id of the lease."""
    name = lease.place.named_by or lease.place.git_dir
    return location._replace(named_by="" if name == location.git_dir else name)


def renamed(location: WorktreeLocation, number: int) -> WorktreeLocation:
    """Return the location with a numbered session id, because another session has the plain id.

    `number` starts at 2.
    """
    return location._replace(named_by=f"{location.git_dir}{SEPARATOR}{number}")


def is_taken_over(lease: Lease, leads_to: str, other: Lease, *, lost: bool) -> bool:
    """Return True if the checkout of a session now belongs to the session `other`.

    `leads_to` is the git directory to which the `.git` of the checkout points. `lost` is True if
    the git directory of the session does not exist.
    """
    old_location, new_location = lease.place, other.place
    if (
        lease.session_id == other.session_id
        or lease.session_id != old_location.session_id
        or other.session_id != new_location.session_id
        or old_location.machine != new_location.machine
        or old_location.directory != new_location.directory
        or new_location.git_dir != leads_to
    ):
        return False
    if old_location.git_dir == leads_to:
        return _generation(new_location) > _generation(old_location)
    return lost


def _generation(place: WorktreeLocation) -> int:
    """Return the number in the session id, or 0; a later session has a higher number."""
    number = place.named_by.removeprefix(f"{place.git_dir}{SEPARATOR}")
    return int(number) if number != place.named_by and number.isdecimal() else 0
