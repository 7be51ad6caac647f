"""The readable name of a session: letters, digits and `-`, unique among the held leases.

The name says whose a stack is. The session id and the project decide what a command does. With
`naming = "worktree"`, the project name of a new session has its default name in it.
"""

from collections.abc import Container
from itertools import chain, count
from posixpath import basename
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from composeports.core.lease import Lease, WorktreeLocation

LONGEST_NAME = 20
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
# The name of a session whose folder or id has no letter and no digit of LETTERS.
NO_LETTERS = "session"


def slug(text: str) -> str:
    """Return the text in lower-case letters, digits and `-`, at most LONGEST_NAME characters.

    Letters lose their accents, and every run of other characters becomes one `-`.
    """
    if not text.isascii():
        from unicodedata import combining, normalize  # noqa: PLC0415 - few folders need it

        text = "".join(char for char in normalize("NFKD", text) if not combining(char))
    words = "".join(char if char in LETTERS else " " for char in text.lower()).split()
    return "-".join(words)[:LONGEST_NAME].rstrip("-") or NO_LETTERS


def is_session_name(text: object) -> bool:
    """Return True if the text can be the name of a session; an empty text cannot."""
    return isinstance(text, str) and text != "" and slug(text) == text


def unique_name(name: str, taken: Container[str]) -> str:
    """Return the name, or else `<name>-2`, `<name>-3`, ...; the first that is not `taken`."""
    numbered_names = (_with_suffix(name, f"-{number}") for number in count(2))
    return next(candidate for candidate in chain((name,), numbered_names) if candidate not in taken)


def _with_suffix(name: str, suffix: str) -> str:
    return name[: LONGEST_NAME - len(suffix)].rstrip("-") + suffix


def default_name(session_id: str, place: "WorktreeLocation") -> str:
    """Return the slug of the worktree's folder; of the id, if the user gave the session one.

    A session that is known only by an id made from a path has the slug of the path's last part; if
    that is `.git`, of the folder that it is in.
    """
    is_path = session_id.startswith("/") or ":/" in session_id
    if session_id == place.session_id or (is_path and place.worktree):
        return slug(basename(place.worktree))
    return slug(basename(session_id.rstrip("/").removesuffix("/.git")) if is_path else session_id)


def name_of(lease: "Lease") -> str:
    """Return the name of a lease; a lease of an earlier version has its default name."""
    return lease.name or default_name(lease.session_id, lease.place)
