"""Decide what `gc` may clean up: which worktrees are deleted, which leases are over.

Pure functions. In doubt a session is kept, and a line says why.
"""

from collections.abc import Iterable
from shlex import quote
from typing import NamedTuple

from composeports.core.engine_resources import EngineResource
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.ledger import StoreSnapshot, StoreUpdate
from composeports.core.ownership import Origin, Owner, containers_started_elsewhere, not_owners
from composeports.core.relocation import linked_name

# Where a worktree is
HERE = "here"
GONE = "gone"
UNSEEN = "unseen"
ELSEWHERE = "elsewhere"

# Why a session is cleaned up; scripts rely on these values
WORKTREE_GONE = "worktree_gone"
EXPIRED = "expired"
LEFT_BEHIND = "left_behind"
REASONS = {
    WORKTREE_GONE: "its worktree is gone",
    EXPIRED: "its lease has expired and nothing of it runs",
    LEFT_BEHIND: "it holds no lease any more, and nothing of it runs",
}


class PathProbe(NamedTuple):
    """What the disk shows at a worktree's path: a folder, and where its `.git` points to.

    `missing` is True only if the parent folder exists and has no such entry.
    """

    folder: bool = False
    missing: bool = False
    git_dir: str = ""


class WorktreeProbe(NamedTuple):
    """What this machine shows of a session's worktree.

    `recorded` is the path where the session's last command ran. `noted` is the path that git's own
    files have for the linked worktree now. `pruned`: the repository exists and no longer knows the
    worktree. `locked`: the user ran `git worktree lock`, so the worktree may be on a disk that is
    not mounted. `directory`: the project directory exists. `moved`: the worktree's repository was
    moved, and another repository is at its old path. `taken`: the checkout now belongs to another
    session.
    """

    recorded: PathProbe
    noted: PathProbe | None = None
    pruned: bool = False
    locked: bool = False
    directory: bool = True
    moved: bool = False
    taken: bool = False


def whereabouts(place: WorktreeLocation, sight: WorktreeProbe) -> str:
    """Return HERE, GONE, or UNSEEN (exists or is deleted, unknown) for the session's worktree.

    A session without a worktree is never GONE. A worktree on another machine is ELSEWHERE, but only
    a caller that knows the name of this machine can find that out.
    """
    if not place.worktree:
        return HERE
    if sight.taken:
        return GONE
    if sight.pruned:
        return HERE if sight.moved or sight.recorded.git_dir == place.git_dir else GONE
    spots = (sight.recorded, *([] if sight.noted is None else [sight.noted]))
    # A folder whose `.git` points elsewhere is another worktree. Only git's files about a linked
    # worktree (`noted`) show that.
    others = [sight.noted is not None and _is_anothers(spot, place) for spot in spots]
    if any(spot.folder and not other for spot, other in zip(spots, others, strict=True)):
        return HERE
    lost = all(spot.missing or other for spot, other in zip(spots, others, strict=True))
    return GONE if lost and not sight.locked else UNSEEN


def _is_anothers(spot: PathProbe, place: WorktreeLocation) -> bool:
    return spot.folder and spot.git_dir not in {"", place.git_dir}


class GcDecision(NamedTuple):
    """Why a session is cleaned up (`why`); empty if it is kept.

    `kept` is then the message for the user, or empty if there is nothing to report.
    """

    lease: Lease
    why: str = ""
    kept: str = ""


def judge(lease: Lease, where: str, found: Iterable[EngineResource], now: float) -> GcDecision:
    """Decide whether to clean up one session, held or remembered.

    `found` are the resources that the engine has of its project; `now` is in seconds since the
    epoch.
    """
    things = list(found)
    others = _foreign(lease, things)
    running = [each for each in things if each.running]
    if where == GONE:
        why = WORKTREE_GONE
    elif running:
        why = ""
    elif lease.held and lease.expired(now):
        why = EXPIRED
    else:
        parts = [each for each in things if each.kind in {"container", "network"}]
        why = LEFT_BEHIND if not lease.held and where == HERE and parts else ""
    if why and others:
        return GcDecision(lease, kept=_not_ours(lease, others))
    if not why and not lease.held and running:
        return GcDecision(lease, kept=_without_lease(lease, running))
    return GcDecision(lease, why)


def _foreign(lease: Lease, things: Iterable[EngineResource]) -> list[str]:
    """Return the containers whose labels do not show that the session started them."""
    others = containers_started_elsewhere(Owner.of(lease), _origins(things), adopts=False)
    return [each.container for each in others]


def _origins(things: Iterable[EngineResource]) -> list[Origin]:
    return [
        Origin(each.name, each.directory, mark=each.mark)
        for each in things
        if each.kind == "container"
    ]


def unproven(lease: Lease, things: Iterable[EngineResource]) -> list[EngineResource]:
    """Return the volumes and networks that only the project label connects to the session.

    All containers in `things` must be the session's.
    """
    things = list(things)
    lasting = [each for each in things if each.kind in {"network", "volume"}]
    proven = {each.mark.store for each in _origins(things)}
    marks = ((each.id, each.mark) for each in lasting)
    others = not_owners(Owner.of(lease), marks, proven=proven)
    return [each for each in lasting if each.id in others]


def _not_ours(lease: Lease, containers: Iterable[str]) -> str:
    names = ", ".join(containers)
    return f"{lease.project} is kept: {names} was started by somebody else"


def _without_lease(lease: Lease, running: Iterable[EngineResource]) -> str:
    names = ", ".join(each.name for each in running)
    return (
        f"{lease.project} is kept: it holds no lease, and {names} runs; in {_shown(lease)} "
        "`composeports up` takes it over and `composeports down` removes it"
    )


def of_another_engine(lease: Lease) -> str:
    """Return the message for a kept lease whose stack is on another engine."""
    return (
        f"{lease.project} is kept: its stack is on another engine ({lease.engine}); "
        "`composeports gc` there knows what runs"
    )


def of_twin_engine(lease: Lease) -> str:
    """Return the message for a kept lease that may be on another engine with the same id."""
    where = lease.traits.name or lease.on_machine or "another machine"
    return (
        f"{lease.project} is kept: its stack may be on another engine with the same id "
        f"({lease.engine}), on {where}; `composeports gc` there knows what runs, and "
        "`composeports doctor` says how to tell the two apart"
    )


def doubt(lease: Lease, where: str, sight: WorktreeProbe) -> str:
    """Return the message for a kept lease whose folder cannot be found; empty for all others.

    Empty as well if the lease is not held, or if the worktree is GONE or ELSEWHERE.
    """
    if not lease.held or where in {GONE, ELSEWHERE}:
        return ""
    if where == UNSEEN:
        reason = "`git worktree lock`" if sight.locked else "its disk may not be mounted"
        end = "once `git worktree prune` has dropped it, it counts as gone"
        if not linked_name(lease.place.git_dir):
            end = f"`composeports down --session {quote(lease.session_id)}` ends it, if it is gone"
        return f"{lease.project} is kept: {lease.place.worktree} is out of sight ({reason}); {end}"
    if not sight.directory:
        return (
            f"{lease.project} is kept: {lease.place.directory} is not in its worktree now, "
            "maybe since another branch is checked out"
        )
    return ""


def _shown(lease: Lease) -> str:
    return lease.place.directory or f"the session {lease.session_id}"


def is_sessions_image(name: str, project: str) -> bool:
    """Return True if the image's name shows that it was built for this project alone.

    Such a name has the tag that a plan gives (`shop/web:1-ac-0123abcd`). If the Compose file names
    no image, it is the name that Compose gives (`ac-0123abcd-web`).
    """
    repository, _, tag = name.rpartition(":")
    return tag.endswith(f"-{project}") or repository.startswith(f"{project}-")


def confirm(ledger: StoreSnapshot, seen: Lease) -> StoreUpdate:
    """Return an update that rewrites the record if it still equals `seen`, else an empty update."""
    return StoreUpdate(ledger.own) if _is_as_seen(ledger, seen) else StoreUpdate()


def settle(ledger: StoreSnapshot, seen: Lease, *, forget: bool) -> StoreUpdate:
    """Return the update that releases the lease, or deletes its record with `forget`.

    The update is empty if the lease was renewed or taken again since it was read as `seen`.
    """
    own = ledger.own
    if own is None or not _is_as_seen(ledger, seen):
        return StoreUpdate()
    return StoreUpdate(forget=True) if forget else StoreUpdate(own.released())


def _is_as_seen(ledger: StoreSnapshot, seen: Lease) -> bool:
    own = ledger.own
    return own is not None and _identity(own) == _identity(seen)


def _identity(lease: Lease) -> tuple[object, ...]:
    return lease.held, lease.expires_at, lease.place, lease.project, lease.block
