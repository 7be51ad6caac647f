"""Which session a checkout has after its repository was moved, and after another took its place.

A session's id comes from the path of its git directory. It stays with the session where that path
changes, so that the stack and its volumes stay the session's, too.
"""

from typing import NamedTuple

from composeports.core.lease import Lease, WorktreeLocation

SEPARATOR = "//"


class RelocationClue(NamedTuple):
    """What the disk shows of a session that may be the one of another place now.

    `lives`: its git directory is where it was, and is that of the session. `pruned`: only its
    worktree is not known to its repository any more. `marked`: our folder in the other place is
    the session's.
    """

    lives: bool = False
    pruned: bool = False
    marked: bool = False


def may_have_moved(lease: Lease, here: WorktreeLocation) -> bool:
    """Tell whether the session may be that of the place `here`, as far as paths and names tell."""
    return _is_alike(lease, here) and lease.place.git_dir != here.git_dir


def is_known_here(lease: Lease, here: WorktreeLocation) -> bool:
    """Tell whether the record of a session says already that its place is `here`."""
    return _is_alike(lease, here) and lease.place.git_dir == here.git_dir


def _is_alike(lease: Lease, here: WorktreeLocation) -> bool:
    before = lease.place
    return (
        bool(before.git_dir)
        and lease.session_id == before.session_id
        and before.machine == here.machine
        and before.below == here.below
    )


def has_moved(lease: Lease, here: WorktreeLocation, clue: RelocationClue) -> bool:
    """Tell whether a session that may have moved is that of the place `here`.

    Our folder shows it. Without one, which goes with the stack, it is the worktree of the same path
    and name.
    """
    if clue.lives:
        return False
    if clue.marked:
        return True
    name = linked_name(here.git_dir)
    same = lease.place.worktree == here.worktree and linked_name(lease.place.git_dir) == name
    return bool(name) and same and not clue.pruned and not (lease.held and lease.stack.files)


def linked_name(git_dir: str) -> str:
    """Return git's name of a linked worktree; empty for any other checkout."""
    above, _, name = git_dir.rpartition("/")
    return name if above.endswith("/worktrees") else ""


def named_after(lease: Lease, here: WorktreeLocation) -> WorktreeLocation:
    """Return the place `here` as that of the session whose lease this is."""
    name = lease.place.named_by or lease.place.git_dir
    return here._replace(named_by="" if name == here.git_dir else name)


def renamed(here: WorktreeLocation, number: int) -> WorktreeLocation:
    """Return the place as that of a session whose plain name another one has; `number` from 2."""
    return here._replace(named_by=f"{here.git_dir}{SEPARATOR}{number}")


def is_taken_over(lease: Lease, leads_to: str, other: Lease, *, lost: bool) -> bool:
    """Tell whether the checkout of a session is another session's now.

    `leads_to` is where the `.git` of the checkout leads; `lost`: the session's own is not there.
    """
    before, now = lease.place, other.place
    if (
        lease.session_id == other.session_id
        or lease.session_id != before.session_id
        or other.session_id != now.session_id
        or before.machine != now.machine
        or before.directory != now.directory
        or now.git_dir != leads_to
    ):
        return False
    if before.git_dir == leads_to:
        return _generation(now) > _generation(before)
    return lost


def _generation(place: WorktreeLocation) -> int:
    """Return how many sessions had the checkout's name before."""
    number = place.named_by.removeprefix(f"{place.git_dir}{SEPARATOR}")
    return int(number) if number != place.named_by and number.isdecimal() else 0
