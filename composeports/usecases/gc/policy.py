"""Decide what `gc` may clean up: which worktrees are deleted, which leases are over.

Pure functions. In doubt a session is kept, and a line says why.
"""

from collections.abc import Iterable
from shlex import quote
from typing import NamedTuple

from composeports.core.engine_resources import EngineResource
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.moved_worktree import linked_name
from composeports.core.ownership import Origin, Owner, containers_started_elsewhere, not_owners
from composeports.core.snapshot import StoreSnapshot, StoreUpdate

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


def worktree_state(place: WorktreeLocation, probe: WorktreeProbe) -> str:
    """Return HERE, GONE, or UNSEEN (exists or is deleted, unknown) for the session's worktree.

    A session without a worktree is never GONE. A worktree on another machine is ELSEWHERE, but only
    a caller that knows the name of this machine can find that out.
    """
    if not place.worktree:
        return HERE
    if probe.taken:
        return GONE
    if probe.pruned:
        return HERE if probe.moved or probe.recorded.git_dir == place.git_dir else GONE
    paths = (probe.recorded, *([] if probe.noted is None else [probe.noted]))
    # A folder whose `.git` points elsewhere is another worktree. Only git's files about a linked
    # worktree (`noted`) show that.
    foreign_flags = [probe.noted is not None and _is_anothers(path, place) for path in paths]
    if any(
        path.folder and not is_foreign
        for path, is_foreign in zip(paths, foreign_flags, strict=True)
    ):
        return HERE
    is_lost = all(
        path.missing or is_foreign for path, is_foreign in zip(paths, foreign_flags, strict=True)
    )
    return GONE if is_lost and not probe.locked else UNSEEN


def _is_anothers(path: PathProbe, place: WorktreeLocation) -> bool:
    return path.folder and path.git_dir not in {"", place.git_dir}


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
    resources = list(found)
    foreign_names = _foreign(lease, resources)
    running_containers = [resource for resource in resources if resource.running]
    if where == GONE:
        reason = WORKTREE_GONE
    elif running_containers:
        reason = ""
    elif lease.held and lease.expired(now):
        reason = EXPIRED
    else:
        parts = [resource for resource in resources if resource.kind in {"container", "network"}]
        reason = LEFT_BEHIND if not lease.held and where == HERE and parts else ""
    if reason and foreign_names:
        return GcDecision(lease, kept=_not_ours(lease, foreign_names))
    if not reason and not lease.held and running_containers:
        return GcDecision(lease, kept=_without_lease(lease, running_containers))
    return GcDecision(lease, reason)


def _foreign(lease: Lease, things: Iterable[EngineResource]) -> list[str]:
    """Return the containers whose labels do not show that the session started them."""
    origins = containers_started_elsewhere(Owner.of(lease), _origins(things), adopt_allowed=False)
    return [origin.container for origin in origins]


def _origins(things: Iterable[EngineResource]) -> list[Origin]:
    return [
        Origin(resource.name, resource.directory, mark=resource.mark)
        for resource in things
        if resource.kind == "container"
    ]


def unproven(lease: Lease, things: Iterable[EngineResource]) -> list[EngineResource]:
    """Return the volumes and networks that only the project label connects to the session.

    All containers in `things` must be the session's.
    """
    things = list(things)
    candidates = [resource for resource in things if resource.kind in {"network", "volume"}]
    proven_stores = {resource.mark.store for resource in _origins(things)}
    marks = ((resource.id, resource.mark) for resource in candidates)
    unproven_ids = not_owners(Owner.of(lease), marks, proven=proven_stores)
    return [resource for resource in candidates if resource.id in unproven_ids]


def _not_ours(lease: Lease, containers: Iterable[str]) -> str:
    names = ", ".join(containers)
    return f"{lease.project} is kept: {names} was started by another session or program"


def _without_lease(lease: Lease, running: Iterable[EngineResource]) -> str:
    names = ", ".join(resource.name for resource in running)
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
    machine = lease.traits.name or lease.on_machine or "another machine"
    return (
        f"{lease.project} is kept: its stack may be on another engine with the same id "
        f"({lease.engine}), on {machine}; `composeports gc` there knows what runs, and "
        "`composeports doctor` says how to tell the two apart"
    )


def doubt(lease: Lease, where: str, probe: WorktreeProbe) -> str:
    """Return the message for a kept lease whose folder cannot be found; empty for all others.

    Empty as well if the lease is not held, or if the worktree is GONE or ELSEWHERE.
    """
    if not lease.held or where in {GONE, ELSEWHERE}:
        return ""
    if where == UNSEEN:
        reason = "`git worktree lock`" if probe.locked else "its disk may not be mounted"
        advice = "once `git worktree prune` has dropped it, it counts as gone"
        if not linked_name(lease.place.git_dir):
            advice = (
                f"`composeports down --session {quote(lease.session_id)}` ends it, if it is gone"
            )
        return (
            f"{lease.project} is kept: {lease.place.worktree} is out of sight ({reason}); {advice}"
        )
    if not probe.directory:
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


def confirm(snapshot: StoreSnapshot, seen: Lease) -> StoreUpdate:
    """Return an update that rewrites the record if it still equals `seen`, else an empty update."""
    return StoreUpdate(snapshot.own) if _is_as_seen(snapshot, seen) else StoreUpdate()


def settle(snapshot: StoreSnapshot, seen: Lease, *, forget: bool) -> StoreUpdate:
    """Return the update that releases the lease, or deletes its record with `forget`.

    The update is empty if the lease was renewed or taken again since it was read as `seen`.
    """
    current_lease = snapshot.own
    if current_lease is None or not _is_as_seen(snapshot, seen):
        return StoreUpdate()
    return StoreUpdate(forget=True) if forget else StoreUpdate(current_lease.released())


def _is_as_seen(snapshot: StoreSnapshot, seen: Lease) -> bool:
    current_lease = snapshot.own
    return current_lease is not None and _identity(current_lease) == _identity(seen)


def _identity(lease: Lease) -> tuple[object, ...]:
    return lease.held, lease.expires_at, lease.place, lease.project, lease.block
