"""The form of project names: what they have before the hash, and whose name one is.

`ac-<hash>` by default, and `ac-<name>-<hash>` with the setting `naming = "worktree"`. Imports
little, because `env` must start fast.
"""

from itertools import islice

from composeports.core.session import LONGEST_PREFIX, digests, is_prefix
from composeports.core.session_name import LONGEST_NAME, default_name, is_session_name

TYPE_CHECKING = False  # importing `typing` takes 4 ms
if TYPE_CHECKING:
    from composeports.core.lease import WorktreeLocation

# The values of the setting `naming`.
HASH, WORKTREE = "hash", "worktree"
NAMINGS = (HASH, WORKTREE)
SALTS = 16


def project_prefix(prefix: str, naming: str, session_id: str, place: "WorktreeLocation") -> str:
    """Return what the project name of a new session has before its hash: `ac` or `ac-login`.

    The name in it is the default name, which is known before the session has a lease. Another
    session may have the same name; the hash makes the project name unique.
    """
    return prefix if naming == HASH else f"{prefix}-{default_name(session_id, place)}"


def prefix_of(project: str) -> str:
    """Return what a project name has before its hash: `ac` or `ac-login`."""
    return project.rpartition("-")[0]


def with_prefix(project: str, prefix: str) -> str:
    """Return the project name with another text before the same hash."""
    return f"{prefix}-{project.rpartition('-')[2]}"


def is_project_of(project: str, session_id: str) -> bool:
    """Return True if the session can have this project name, with any prefix and readable name.

    At most SALTS hashes are tried, because no name is used by more sessions than that.
    """
    prefix, _, digest = project.rpartition("-")
    return _is_project_prefix(prefix) and digest in islice(digests(session_id), SALTS)


def _is_project_prefix(text: str) -> bool:
    """Return True for a prefix, and for a prefix, `-` and the readable name of a session."""
    if len(text) > LONGEST_PREFIX + 1 + LONGEST_NAME:
        return False
    hyphens = (index for index, char in enumerate(text) if char == "-")
    return is_prefix(text) or any(
        is_prefix(text[:index]) and is_session_name(text[index + 1 :]) for index in hyphens
    )
