"""Labels of containers, networks and volumes: Compose's own, and labels that name the session."""

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


class Mark(NamedTuple):
    """The values of the two composeports labels: a store id and a session; empty if unlabelled."""

    store: str = ""
    session: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels by name; an empty dict for an empty mark."""
        return {STORE_LABEL: self.store, SESSION_LABEL: self.session} if self.store else {}


UNMARKED = Mark()


def mark_of(store: str, session_id: str) -> Mark:
    """Return the mark of a session; the empty mark if the store has no id."""
    return Mark(store, session_label(session_id)) if store else UNMARKED


def session_label(session_id: str) -> str:
    """Return the session id as one printable line, because engines list labels in lines."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in session_id)
