"""Whose a project is: what somebody else started under its name is not ours to touch."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from composeports.core.labels import UNMARKED, Mark, session_label
from composeports.core.lease import Lease


class Origin(NamedTuple):
    """Where a container was started from, as its labels say: real folder, Compose files, mark."""

    container: str
    directory: str
    files: str = ""
    mark: Mark = UNMARKED


class Owner(NamedTuple):
    """A session as the labels of its things show it.

    `stores` are the ids of the store that keeps its lease, and of those that kept it before.
    `directories` are the folders that it starts its stack from, `worktrees` those around them.
    """

    session_id: str
    machine: str = ""
    stores: frozenset[str] = frozenset()
    directories: frozenset[str] = frozenset()
    worktrees: frozenset[str] = frozenset()

    @classmethod
    def of(cls, lease: Lease) -> "Owner":
        """Return what is known of the owner from its lease alone."""
        place = lease.place
        return cls(
            lease.session_id,
            place.machine,
            frozenset({lease.store, *lease.former_stores} - {""}),
            frozenset({place.directory} - {""}),
            frozenset({place.worktree} - {""}),
        )

    def has_marked(self, mark: Mark) -> bool:
        """Tell whether a mark is this session's own; an unmarked thing is nobody's."""
        return mark.store in self.stores and self.is_named(mark.session)

    def is_named(self, session: str) -> bool:
        """Tell whether a label names this session, also as it is called in another kind of store.

        In a store of many machines the machine's name stands before the id of a place.
        """
        own = session_label(self.session_id)
        prefix = f"{session_label(self.machine)}:"
        if self.machine and own.startswith(prefix) and session == own[len(prefix) :]:
            return True
        return session == own or (not self.machine and session.endswith(f":{own}"))

    def starts_from(self, directory: str) -> bool:
        """Tell whether the session's stack is started from a folder, or in its worktree."""
        if directory in self.directories:
            return bool(directory)
        return any(f"{directory}/".startswith(f"{top.rstrip('/')}/") for top in self.worktrees)


def owner_of(
    session_id: str,
    record: Lease | None,
    store: str,
    directories: Collection[str],
    worktree: str = "",
) -> Owner:
    """Return a session that asks from where it is; `record` is what its store knows of it."""
    known = Owner(session_id) if record is None else Owner.of(record)
    return Owner(
        session_id,
        known.machine,
        known.stores | ({store} - {""}),
        known.directories | (set(directories) - {""}),
        known.worktrees | ({worktree} - {""}),
    )


def containers_started_elsewhere(
    owner: Owner, origins: Iterable[Origin], *, adopts: bool
) -> tuple[Origin, ...]:
    """Return those of a project's containers that are not the owner's.

    A container with our labels is whose they say. One without them, which an earlier version or
    plain Compose has started, is the owner's where it comes from the owner's folders. With `adopts`
    so is one that a session of the same name started with another store, which may be lost.
    """
    return tuple(each for each in origins if not _is_owners(owner, each, adopts=adopts))


def _is_owners(owner: Owner, origin: Origin, *, adopts: bool) -> bool:
    mark = origin.mark
    if mark == UNMARKED:
        return owner.starts_from(origin.directory)
    if owner.has_marked(mark):
        return True
    return adopts and owner.is_named(mark.session) and owner.starts_from(origin.directory)


def not_owners(
    owner: Owner, marks: Iterable[tuple[str, Mark]], *, proven: Collection[str]
) -> tuple[str, ...]:
    """Return the names of the volumes or networks that are not shown to be the owner's.

    One with our labels is whose they say: the owner's, with whatever store where containers that
    are shown to be the owner's are of a lost one. One without labels may be from an earlier
    version: it is the owner's where the project has such containers; their stores are `proven`,
    with an empty one for those without labels.
    """
    adopts = bool(set(proven) - owner.stores - {""})

    def is_owners(mark: Mark) -> bool:
        if mark == UNMARKED:
            return bool(proven)
        return (adopts or mark.store in owner.stores) and owner.is_named(mark.session)

    return tuple(name for name, mark in marks if not is_owners(mark))
