"""Labels of containers, networks and volumes: Compose's own, and labels that name the session."""

from collections.abc import Mapping
from typing import NamedTuple

# Labels of Compose: docs.docker.com/reference/compose-file, and `docker inspect`.
PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
VOLUME_LABEL = "com.docker.compose.volume"
DIRECTORY_LABEL = "com.docker.compose.project.working_dir"
FILES_LABEL = "com.docker.compose.project.config_files"
# Labels of composeports.
STORE_LABEL = "io.composeports.store"
SESSION_LABEL = "io.composeports.session"
# Labels for people and their tools; composeports decides nothing by them.
NAME_LABEL = "io.composeports.name"
BRANCH_LABEL = "io.composeports.branch"
WORKTREE_LABEL = "io.composeports.worktree"


class Mark(NamedTuple):
    """The values of the two composeports labels: a store id and a session; empty if unlabelled."""

    store: str = ""
    session: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels by name; an empty dict for an empty mark."""
        return {STORE_LABEL: self.store, SESSION_LABEL: self.session} if self.store else {}


UNMARKED = Mark()


class Tags(NamedTuple):
    """The values of the labels for people: name, branch and worktree; empty if unlabelled."""

    name: str = ""
    branch: str = ""
    worktree: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels by name, without those that have no value."""
        values = zip((NAME_LABEL, BRANCH_LABEL, WORKTREE_LABEL), self, strict=True)
        return {label: value for label, value in values if value}


UNTAGGED = Tags()
# The key of the tags of everything that the stack creates, beside keys such as "volume:data".
STACK = "stack"


def mark_of(store: str, session_id: str) -> Mark:
    """Return the mark of a session; the empty mark if the store has no id."""
    return Mark(store, session_label(session_id)) if store else UNMARKED


def tags_of(name: str, branch: str, worktree: str) -> Tags:
    """Return the tags of a stack that is created now."""
    return Tags(name, session_label(branch), session_label(worktree))


def settled_tags(
    previous: Mapping[str, Tags] | None,
    existing: Mapping[str, Tags],
    new: Tags,
    *,
    has_containers: bool,
) -> dict[str, Tags]:
    """Return the tags of a stack: those that its resources have, and those of what it creates.

    `existing` are the tags of the project's volumes and networks on the engine, and `previous` the
    tags in the lease. A stack that has a network or containers keeps its tags, also if it has none,
    because Compose recreates what gets other labels. Else it gets the `new` ones.
    """
    network_tags = [tags for key, tags in existing.items() if key.startswith("network:")]
    if network_tags:
        stack_tags = next(filter(any, network_tags), UNTAGGED)
    elif has_containers:
        stack_tags = (previous or {}).get(STACK, UNTAGGED)
    else:
        stack_tags = new
    return {**existing, STACK: stack_tags}


def session_label(session_id: str) -> str:
    """Return the session id as one printable line, because engines list labels in lines."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in session_id)
