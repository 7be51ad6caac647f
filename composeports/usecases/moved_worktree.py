"""Find the session of a checkout that was moved, or that replaced another one at its path."""

import itertools
import json
import os
from functools import cached_property

from composeports.core.labels import SESSION_LABEL, STORE_LABEL, session_label
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.moved_worktree import (
    MoveClue,
    has_moved,
    is_known_here,
    linked_name,
    may_have_moved,
    named_after,
    renamed,
)
from composeports.core.ownership import Owner
from composeports.errors import ComposeportsError
from composeports.host.git import git_dir_at, is_made_since, notes_worktree, repository_of
from composeports.host.session_files import OWN_OVERRIDE
from composeports.host.session_folder import OwnFolder
from composeports.stores.read_once import ReadOnceStore


def place_of_session(store: ReadOnceStore, location: WorktreeLocation) -> WorktreeLocation:
    """Return `location` with `named_by` set, if its session is named after another git directory.

    Usually the session is named after the path of its own git directory. If the store does not
    answer, return `location` unchanged; the command that needs the store reports the error.
    """
    if not location.git_dir:
        return location
    try:
        return _SessionSearch(store, location).find()
    except ComposeportsError:
        return location


class _SessionSearch:
    """One search for the session of a worktree."""

    def __init__(self, store: ReadOnceStore, location: WorktreeLocation) -> None:
        self._store = store
        self._location = location

    def find(self) -> WorktreeLocation:
        candidate, other_ids = self._location, set[str]()
        for number in itertools.count(2):
            lease = self._store.get(candidate.session_id)
            if lease is None:
                break
            next_candidate = renamed(self._location, number)
            if self._has_moved_here(lease) or self._is_at(lease, next_candidate):
                return candidate
            other_ids.add(lease.session_id)
            candidate = next_candidate
        leases = [lease for lease in self._store.known() if lease.session_id not in other_ids]
        moved_leases = [lease for lease in leases if is_known_here(lease, self._location)]
        moved_leases = moved_leases or [lease for lease in leases if self._has_moved_here(lease)]
        if not moved_leases:
            return candidate
        latest_lease = max(moved_leases, key=lambda lease: (lease.held, lease.allocated_at))
        return named_after(latest_lease, self._location)

    def _is_at(self, lease: Lease, following: WorktreeLocation) -> bool:
        """Return True if the session with this worktree's name is this worktree's session.

        It is not if its stack may run in another worktree, or if the store knows a session with the
        next name (`following`) for this worktree.
        """
        location = lease.place
        if not location.git_dir:
            return True
        if location.git_dir != self._location.git_dir:
            return False
        if location.worktree != self._location.worktree:
            return not _is_elsewhere(location)
        if lease.held and lease.stack.files:
            return not self._is_new(lease)
        return self._store.get(following.session_id) is None

    def _is_new(self, lease: Lease) -> bool:
        """Return True if the repository is newer than the lease.

        False if `.composeports` has the session's labels.
        """
        repository = repository_of(self._location.git_dir)
        return is_made_since(repository, lease.allocated_at) and not self._is_marked(lease)

    def _has_moved_here(self, lease: Lease) -> bool:
        return may_have_moved(lease, self._location) and has_moved(
            lease, self._location, self._clue(lease)
        )

    def _clue(self, lease: Lease) -> MoveClue:
        git_dir = lease.place.git_dir
        repository = repository_of(git_dir)
        is_replaced = is_made_since(repository, lease.allocated_at)
        return MoveClue(
            lives=os.path.lexists(git_dir) and not is_replaced,
            pruned=os.path.isfile(os.path.join(repository, "HEAD")) and not is_replaced,
            marked=self._is_marked(lease),
        )

    def _is_marked(self, lease: Lease) -> bool:
        """Return True if `.composeports` here has the labels of the session.

        They include the id of a store that keeps the lease or kept it before.
        """
        session = _as_written(SESSION_LABEL, session_label(lease.session_id))
        stores = Owner.of(lease).stores | {self._store.identity()} - {""}
        return session in self._override and any(
            _as_written(STORE_LABEL, store) in self._override for store in stores
        )

    @cached_property
    def _override(self) -> str:
        return OwnFolder(self._location.directory).read(OWN_OVERRIDE) or ""


def _is_elsewhere(place: WorktreeLocation) -> bool:
    """Return True if the worktree is still there but belongs to another git directory now."""
    git_dir = git_dir_at(place.worktree)
    return (
        git_dir not in {None, place.git_dir}
        and linked_name(str(git_dir)) == linked_name(place.git_dir)
        and notes_worktree(str(git_dir), place.worktree)
    )


def _as_written(label: str, value: str) -> str:
    """Return a label in the form that it has in the override document."""
    return f"{json.dumps(label)}: {json.dumps(value.replace('$', '$$'), ensure_ascii=False)}"
