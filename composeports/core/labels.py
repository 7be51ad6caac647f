"""Labels of containers, networks and volumes: Compose's own, and ours, which name the owner."""

from typing import NamedTuple

# Compose writes these: docs.docker.com/reference/compose-file, and `docker inspect`.
PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
VOLUME_LABEL = "com.docker.compose.volume"
DIRECTORY_LABEL = "com.docker.compose.project.working_dir"
FILES_LABEL = "com.docker.compose.project.config_files"
# We write these.
STORE_LABEL = "io.composeports.store"
SESSION_LABEL = "io.composeports.session"


class Mark(NamedTuple):
    """The values of the two labels: the id of a store, and a session of it; empty without them."""

    store: str = ""
    session: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """The labels; none where the mark is empty."""
        return {STORE_LABEL: self.store, SESSION_LABEL: self.session} if self.store else {}


UNMARKED = Mark()


def mark_of(store: str, session_id: str) -> Mark:
    """Return the mark of a session; the empty one where the store has no id."""
    return Mark(store, session_label(session_id)) if store else UNMARKED


def session_label(session_id: str) -> str:
    """Return the session's id as one printable line, since engines list labels in lines."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in session_id)
