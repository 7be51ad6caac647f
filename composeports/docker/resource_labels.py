"""Asks the engine for the labels of composeports on a project's volumes and networks."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from composeports.core.labels import (
    BRANCH_LABEL,
    NAME_LABEL,
    PROJECT_LABEL,
    SESSION_LABEL,
    STORE_LABEL,
    WORKTREE_LABEL,
    Mark,
    Tags,
)
from composeports.docker.api_socket import NETWORKS, VOLUMES, SocketRequest

if TYPE_CHECKING:
    from composeports.host.process import Finished, Running
    from composeports.host.time_limits import TimeLimits

# Labels with the name of the volume or network in the Compose file.
KEY_LABELS = {
    "volume": "com.docker.compose.volume",
    "network": "com.docker.compose.network",
}
PATHS = {"volume": VOLUMES, "network": NETWORKS}
OWN_LABELS = (STORE_LABEL, SESSION_LABEL, NAME_LABEL, BRANCH_LABEL, WORKTREE_LABEL)


class OwnLabels(NamedTuple):
    """The labels of composeports on a volume or network: the mark, and the tags for people."""

    mark: Mark
    tags: Tags


class LabelledEngine(Protocol):
    """The part of an engine that a query for marks uses."""

    time_limits: "TimeLimits"

    def start_marks(self, kind: str, project: str) -> "Running":
        """Start the `docker` command that lists the marks of one kind."""

    def failure(self, answer: "Finished") -> Exception:
        """Return the exception for a `docker` command that failed."""


class MarkListing:
    """A running query for volumes and networks, which outlive containers.

    It uses the engine's socket if there is one, else the `docker` command.
    """

    def __init__(self, engine: LabelledEngine, project: str, path: str) -> None:
        """Start the query for one project; `path` is the socket, empty to use the command."""
        self._engine = engine
        self._project = project
        self._requests: dict[str, SocketRequest] = {}
        self._running: dict[str, Running] = {}
        try:
            for kind in PATHS if path else ():
                label = f"{PROJECT_LABEL}={project}"
                self._requests[kind] = SocketRequest(
                    path, label, PATHS[kind], time_limits=engine.time_limits
                )
        except OSError:
            self._requests.clear()
        if not self._requests:
            self._running = {kind: engine.start_marks(kind, project) for kind in KEY_LABELS}

    def labels(self) -> dict[str, OwnLabels]:
        """Return the labels by keys such as `"volume:data"`.

        Raise EngineError if the engine does not answer.
        """
        found: dict[str, OwnLabels] = {}
        for kind, request in self._requests.items():
            entries = request.entries()
            if entries is None:
                return MarkListing(self._engine, self._project, "").labels()
            for entry in entries:
                labels = entry.get("Labels") or {}
                key = f"{kind}:{labels.get(KEY_LABELS[kind], '')}"
                found[key] = _own_labels([labels.get(label, "") for label in OWN_LABELS])
        for kind, command in self._running.items():
            answer = command.finish()
            if answer.code:
                raise self._engine.failure(answer)
            found.update(_of_lines(kind, answer.out))
        return found


def _of_lines(kind: str, text: str) -> Iterator[tuple[str, OwnLabels]]:
    for line in text.splitlines():
        key, *values = line.split("\t")
        yield f"{kind}:{key}", _own_labels([*values, *[""] * len(OWN_LABELS)])


def _own_labels(values: Sequence[str]) -> OwnLabels:
    store, session, *tags = values[: len(OWN_LABELS)]
    return OwnLabels(Mark(store, session), Tags(*tags))


def form_of(kind: str) -> str:
    """Return the `--format` template for `docker volume ls` or `docker network ls`."""
    labels = (KEY_LABELS[kind], *OWN_LABELS)
    return "\t".join(f'{{{{.Label "{label}"}}}}' for label in labels)
