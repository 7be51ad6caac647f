"""Decide which session a text on the command line means: by id, project, folder, branch or name."""

from collections.abc import Iterable, Iterator
from posixpath import basename
from typing import NamedTuple

from composeports.core.lease import Lease
from composeports.core.session_name import name_of
from composeports.core.visible_text import visible
from composeports.errors import UsageError


class SessionCandidate(NamedTuple):
    """A session that holds a lease; `branch` is the branch of its worktree now."""

    lease: Lease
    branch: str = ""

    @property
    def folder(self) -> str:
        """Return the name of the worktree's folder; empty if the session has no worktree."""
        return basename(self.lease.place.worktree)

    @property
    def shown(self) -> str:
        """Return the session in one line, for a list to choose from."""
        branch = f" on {self.branch}" if self.branch else ""
        location = self.lease.place.directory or self.lease.session_id
        return visible(f"{name_of(self.lease)} ({location}{branch}, {self.lease.project})")


class SessionChoice(NamedTuple):
    """The session that a text means; `is_part` is True if the text is only a part of a name."""

    lease: Lease
    shown: str
    is_part: bool = False


def choose_session(
    text: str, path: str, candidates: Iterable[SessionCandidate], *, parts: bool = True
) -> SessionChoice | None:
    """Return the session that the text means; None if it means none.

    The text is tried as a session id, a project, a folder (its `path`, or its name), a branch, a
    readable name, in this order; the first that fits one session counts. A folder or branch means
    the worktree's own session before those that the user named in it. With `parts`, a text that is
    none of these may be a part of name, branch or folder.

    Raise UsageError, which lists the sessions, if several sessions fit.
    """
    known = tuple(candidates)
    exact = [matches for matches in _exact_readings(text, path, known) if matches]
    unique = next((matches for matches in exact if len(matches) == 1), None)
    matches = unique or next(iter(exact), None)
    is_part = parts and matches is None
    if is_part:
        matches = [candidate for candidate in known if _has_part(candidate, text)]
    if not matches:
        return None
    if len(matches) > 1:
        raise UsageError(
            f"several sessions are meant by {visible(text)!r}",
            hint=f"say which: {'; '.join(sorted(match.shown for match in matches))}",
            session=text,
            sessions=sorted(match.lease.session_id for match in matches),
        )
    return SessionChoice(matches[0].lease, matches[0].shown, is_part)


def _exact_readings(
    text: str, path: str, known: tuple[SessionCandidate, ...]
) -> Iterator[list[SessionCandidate]]:
    """Yield the sessions that fit each reading of the whole text."""
    yield [candidate for candidate in known if candidate.lease.session_id == text]
    yield [candidate for candidate in known if candidate.lease.project == text]
    yield _own_first([candidate for candidate in known if _is_at(candidate, text, path)])
    yield _own_first([candidate for candidate in known if candidate.branch == text])
    yield [candidate for candidate in known if name_of(candidate.lease) == text]


def _is_at(candidate: SessionCandidate, text: str, path: str) -> bool:
    place = candidate.lease.place
    return candidate.folder == text or path in {place.worktree or None, place.directory or None}


def _has_part(candidate: SessionCandidate, text: str) -> bool:
    names = (name_of(candidate.lease), candidate.branch, candidate.folder)
    return any(text in name for name in names)


def _own_first(found: list[SessionCandidate]) -> list[SessionCandidate]:
    """Return the sessions without an id from the user; all of them, if there is none."""
    unnamed_sessions = [candidate for candidate in found if not is_named(candidate.lease)]
    return unnamed_sessions or found


def is_named(lease: Lease) -> bool:
    """Return True if the user gave the session its id; it is not derived from the worktree."""
    return lease.session_id != lease.place.session_id
