"""The session: its id and its project name, made from plain strings.

Imports little, because `env` must start fast.
"""

from collections.abc import Container, Iterator
from hashlib import sha256

from composeports.errors import InvalidSessionError

MAX_LENGTH = 4096
LONGEST_PREFIX = 20
PREFIX = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def derive_session_id(git_dir: str | None, worktree: str, directory: str) -> str:
    """Return the id of the session that works in `directory`.

    Inside git, the id is the worktree's own git directory, which does not change with a branch
    switch or `git worktree move`. If `directory` is below the worktree, `#` and the sub-folder
    follow. Outside git (`git_dir` is None), the id is the folder. All three arguments are absolute
    real paths.
    """
    if git_dir is None:
        return _storable(directory)
    subfolder = directory.removeprefix(worktree.rstrip("/")).strip("/")
    # Escape a `#` in the path with `//`, which no real path contains. Otherwise the worktree
    # `fix#42` would have the same id as the sub-folder `42` of the worktree `fix`.
    escaped_git_dir = git_dir.replace("#", "//#")
    return _storable(f"{escaped_git_dir}#{subfolder}" if subfolder else escaped_git_dir)


def _storable(path: str) -> str:
    """Replace bytes that are not UTF-8 by an escape, so that every store can keep the id."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def check_session_id(session_id: str) -> str:
    """Return `session_id` unchanged; InvalidSessionError if it cannot name a session."""
    if not session_id.strip():
        message = "the session id is empty"
        raise InvalidSessionError(message, hint="give a name, for example --session my-feature")
    if len(session_id) > MAX_LENGTH:
        message = f"the session id has {len(session_id)} characters; {MAX_LENGTH} are accepted"
        raise InvalidSessionError(message, hint="give a shorter name")
    if "\0" in session_id or any("\ud800" <= char <= "\udfff" for char in session_id):
        message = f"the session id {session_id!a} holds a character that is not text"
        raise InvalidSessionError(message, hint="give a name of printable characters")
    return session_id


def project_name(session_id: str, taken: Container[str] = (), prefix: str = "ac") -> str:
    """Return `<prefix>-<first 8 hex digits of sha256(session_id)>`, or the next not `taken`.

    `prefix` is all that the name has before the hash (`project_prefix`).
    """
    names = (f"{prefix}-{digest}" for digest in digests(session_id))
    return next(name for name in names if name not in taken)


def is_prefix(text: str) -> bool:
    """Return True if `text` can be the setting `prefix`.

    Lower-case letters, digits, `_` and `-` are allowed, up to LONGEST_PREFIX characters.
    """
    return 0 < len(text) <= LONGEST_PREFIX and text[0] not in "_-" and PREFIX.issuperset(text)


def digests(session_id: str) -> Iterator[str]:
    """Yield the hashes for project names of the session, in the order in which they are tried."""
    salt = ""
    while True:
        yield sha256((session_id + salt).encode()).hexdigest()[:8]
        salt += "\n"
