"""The session of a checkout whose repository was moved, or that took the place of another one."""

import itertools
import json
import os
from functools import cached_property

from composeports.core.labels import SESSION_LABEL, STORE_LABEL, session_label
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.ownership import Owner
from composeports.core.relocation import (
    RelocationClue,
    has_moved,
    is_known_here,
    linked_name,
    may_have_moved,
    named_after,
    renamed,
)
from composeports.errors import ComposeportsError
from composeports.host.git import git_dir_at, is_made_since, notes_worktree, repository_of
from composeports.host.session_files import OWN_OVERRIDE
from composeports.host.session_folder import OwnFolder
from composeports.stores.base import Store


def place_of_session(store: Store, here: WorktreeLocation) -> WorktreeLocation:
    """Return the place `here` as that of the session that it has, which may be named otherwise.

    Mostly it is the one that the path of the git directory names. A store that does not answer
    tells of no other; the command that needs it reports that.
    """
    if not here.git_dir:
        return here
    try:
        return _Relocation(store, here).find()
    except ComposeportsError:
        return here


class _Relocation:
    """One look for the session of a place."""

    def __init__(self, store: Store, here: WorktreeLocation) -> None:
        self._store = store
        self._here = here

    def find(self) -> WorktreeLocation:
        candidate, others = self._here, set[str]()
        for number in itertools.count(2):
            lease = self._store.get(candidate.session_id)
            if lease is None:
                break
            following = renamed(self._here, number)
            if self._has_moved_here(lease) or self._is_at(lease, following):
                return candidate
            others.add(lease.session_id)
            candidate = following
        known = [lease for lease in self._store.known() if lease.session_id not in others]
        moved = [lease for lease in known if is_known_here(lease, self._here)]
        moved = moved or [lease for lease in known if self._has_moved_here(lease)]
        if not moved:
            return candidate
        latest = max(moved, key=lambda lease: (lease.held, lease.allocated_at))
        return named_after(latest, self._here)

    def _is_at(self, lease: Lease, following: WorktreeLocation) -> bool:
        """Tell whether a session of the place's name is that of the place.

        It is not where a stack of it may run elsewhere, and where the place has had the next name.
        """
        before = lease.place
        if not before.git_dir:
            return True
        if before.git_dir != self._here.git_dir:
            return False
        if before.worktree != self._here.worktree:
            return not _is_elsewhere(before)
        if lease.held and lease.stack.files:
            return not self._is_new(lease)
        return self._store.get(following.session_id) is None

    def _is_new(self, lease: Lease) -> bool:
        """Tell whether the repository was made after the stack, and our folder is not its own."""
        repository = repository_of(self._here.git_dir)
        return is_made_since(repository, lease.allocated_at) and not self._is_marked(lease)

    def _has_moved_here(self, lease: Lease) -> bool:
        return may_have_moved(lease, self._here) and has_moved(lease, self._here, self._clue(lease))

    def _clue(self, lease: Lease) -> RelocationClue:
        git_dir = lease.place.git_dir
        repository = repository_of(git_dir)
        replaced = is_made_since(repository, lease.allocated_at)
        return RelocationClue(
            lives=os.path.lexists(git_dir) and not replaced,
            pruned=os.path.isfile(os.path.join(repository, "HEAD")) and not replaced,
            marked=self._is_marked(lease),
        )

    def _is_marked(self, lease: Lease) -> bool:
        """Tell whether our folder here has the labels of the session, the store's id included."""
        session = _as_written(SESSION_LABEL, session_label(lease.session_id))
        stores = Owner.of(lease).stores | {self._store.identity()} - {""}
        return session in self._override and any(
            _as_written(STORE_LABEL, store) in self._override for store in stores
        )

    @cached_property
    def _override(self) -> str:
        return OwnFolder(self._here.directory).read(OWN_OVERRIDE) or ""


def _is_elsewhere(place: WorktreeLocation) -> bool:
    """Tell whether a session's worktree is where it was, and of another git directory by now."""
    leads_to = git_dir_at(place.worktree)
    return (
        leads_to not in {None, place.git_dir}
        and linked_name(str(leads_to)) == linked_name(place.git_dir)
        and notes_worktree(str(leads_to), place.worktree)
    )


def _as_written(label: str, value: str) -> str:
    """Return a label as an override document has it."""
    return f"{json.dumps(label)}: {json.dumps(value.replace('$', '$$'), ensure_ascii=False)}"
