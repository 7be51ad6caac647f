"""Ownership of a project: resources of another owner under the same name are not touched."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from composeports.core.folders import is_within
from composeports.core.labels import UNMARKED, Mark, session_label
from composeports.core.lease import Lease

# How many resources a message names.
SHOWN = 5


class Origin(NamedTuple):
    """Origin of a container, according to its labels: real folder, Compose files, mark."""

    container: str
    directory: str
    files: str = ""
    mark: Mark = UNMARKED


class Owner(NamedTuple):
    """A session as the labels of its resources show it.

    `stores` are the ids of the store that keeps its lease and of the stores that kept it before.
    `directories` are the folders from which it starts its stack; `worktrees` are the worktrees
    around them.
    """

    session_id: str
    machine: str = ""
    stores: frozenset[str] = frozenset()
    directories: frozenset[str] = frozenset()
    worktrees: frozenset[str] = frozenset()

    @classmethod
    def of(cls, lease: Lease) -> "Owner":
        """Return the owner as far as the lease alone shows it."""
        place = lease.place
        return cls(
            lease.session_id,
            place.machine,
            frozenset({lease.store, *lease.former_stores} - {""}),
            frozenset({place.directory} - {""}),
            frozenset({place.worktree} - {""}),
        )

    def has_marked(self, mark: Mark) -> bool:
        """Return True if the mark is this session's; an empty mark belongs to no session."""
        return mark.store in self.stores and self.is_named(mark.session)

    def is_named(self, session: str) -> bool:
        """Return True if a label names this session, also by its id in another kind of store.

        In a store that several machines share, the machine's name comes before the id of a
        location.
        """
        label = session_label(self.session_id)
        prefix = f"{session_label(self.machine)}:"
        if self.machine and label.startswith(prefix) and session == label[len(prefix) :]:
            return True
        return session == label or (not self.machine and session.endswith(f":{label}"))

    def starts_from(self, directory: str) -> bool:
        """Return True if `directory` is a folder of the session's stack, or is in its worktree."""
        if directory in self.directories:
            return bool(directory)
        return any(is_within(directory, worktree) for worktree in self.worktrees)


def owner_of(
    session_id: str,
    record: Lease | None,
    store: str,
    directories: Collection[str],
    worktree: str = "",
) -> Owner:
    """Return the owner for a session that runs a command in these directories.

    `record` is the session's lease in its store, or None. `store` is the id of that store.
    """
    owner = Owner(session_id) if record is None else Owner.of(record)
    return Owner(
        session_id,
        owner.machine,
        owner.stores | ({store} - {""}),
        owner.directories | (set(directories) - {""}),
        owner.worktrees | ({worktree} - {""}),
    )


def containers_started_elsewhere(
    owner: Owner, origins: Iterable[Origin], *, adopt_allowed: bool
) -> tuple[Origin, ...]:
    """Return the containers of a project that do not belong to the owner.

    A container with composeports labels belongs to the session that they name. A container without
    them was started by an earlier version or by plain Compose; it belongs to the owner if it was
    started from one of the owner's folders. With `adopt_allowed`, a container from these folders
    also belongs to the owner if a session of the same name started it with another store, which may
    be lost.
    """
    return tuple(
        origin for origin in origins if not _is_owners(owner, origin, adopt_allowed=adopt_allowed)
    )


def _is_owners(owner: Owner, origin: Origin, *, adopt_allowed: bool) -> bool:
    mark = origin.mark
    if mark == UNMARKED:
        return owner.starts_from(origin.directory)
    if owner.has_marked(mark):
        return True
    return adopt_allowed and owner.is_named(mark.session) and owner.starts_from(origin.directory)


def not_owners(
    owner: Owner, marks: Iterable[tuple[str, Mark]], *, proven: Collection[str]
) -> tuple[str, ...]:
    """Return the names of volumes or networks that are not proven to belong to the owner.

    `proven` are the store ids in the labels of the project's containers that belong to the owner;
    an empty id stands for a container without labels.

    A volume or network with composeports labels belongs to the session that they name. Its store
    must be one of the owner's, unless a container of the owner is from another store, which is
    lost. A volume or network without labels may be from an earlier version: it belongs to the owner
    if `proven` is not empty.
    """
    has_lost_store = bool(set(proven) - owner.stores - {""})

    def is_owners(mark: Mark) -> bool:
        if mark == UNMARKED:
            return bool(proven)
        return (has_lost_store or mark.store in owner.stores) and owner.is_named(mark.session)

    return tuple(name for name, mark in marks if not is_owners(mark))


def first_names(names: Sequence[str]) -> str:
    """Return the names for a message: at most SHOWN of them, and dots in place of the others."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
