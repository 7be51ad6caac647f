"""Lists and removes the resources of projects: by id, and volumes and images by name.

Only a container can be removed by force, and only if the caller asks for that.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from composeports.core.engine_resources import EngineResource
from composeports.core.labels import DIRECTORY_LABEL, PROJECT_LABEL, Mark
from composeports.docker.containers import MARK_LABELS, RUNNING
from composeports.docker.engine import Engine

_LABELS = "\t".join(f'{{{{.Label "{label}"}}}}' for label in (PROJECT_LABEL, *MARK_LABELS))
_FORMS = {
    "container": "\t".join(
        ("{{.ID}}", "{{.Names}}", _LABELS, "{{.State}}", f'{{{{.Label "{DIRECTORY_LABEL}"}}}}')
    ),
    "network": f"{{{{.ID}}}}\t{{{{.Name}}}}\t{_LABELS}",
    "volume": f"{{{{.Name}}}}\t{{{{.Name}}}}\t{_LABELS}",
    "image": "{{.Repository}}:{{.Tag}}\t{{.Repository}}:{{.Tag}}",
}
_LISTS = {
    "container": ("ps", "--all", "--no-trunc"),
    "network": ("network", "ls", "--no-trunc"),
    "volume": ("volume", "ls"),
    "image": ("image", "ls"),
}
_REMOVALS = {
    "container": ("rm",),
    "network": ("network", "rm"),
    "volume": ("volume", "rm"),
    "image": ("image", "rm"),
}
# Messages of different engines if the resource is gone, or if another process is removing it.
_GONE = ("no such", "not found", "already in progress")
# The engine may still be disconnecting containers from a network.
TRIES = 10
PAUSE_SECONDS = 0.2


def list_resources(
    engine: Engine, project: str = "", kinds: Iterable[str] = tuple(_LISTS)
) -> tuple[EngineResource, ...]:
    """Return all resources with the label of the project, or of any project.

    An image has the label of the Compose project that built it, but the result does not name that
    project. Raise EngineError if the engine does not answer.
    """
    label = f"{PROJECT_LABEL}={project}" if project else PROJECT_LABEL
    return tuple(
        resource
        for kind in kinds
        for resource in sorted(
            set(_listed(engine, kind, label)),
            key=lambda resource: resource.name,
        )
    )


def _listed(engine: Engine, kind: str, label: str) -> Iterator[EngineResource]:
    entries = engine.entries(kind, label) if kind in {"network", "volume"} else None
    if entries is not None:
        yield from (_of_entry(kind, entry) for entry in entries)
        return
    words = (*_LISTS[kind], "--filter", f"label={label}")
    for line in engine.output(*words, "--format", _FORMS[kind]).splitlines():
        identity, names, project, *mark, state, directory = (*line.split("\t"), *[""] * 5)[:7]
        container_names = (name for name in names.split(",") if "/" not in name)
        name = names if kind == "image" else next(container_names, names)
        directory = directory and os.path.realpath(directory)
        is_running = state in RUNNING
        yield EngineResource(kind, identity, name, project, is_running, directory, Mark(*mark))


def _of_entry(kind: str, entry: Mapping[str, Any]) -> EngineResource:
    labels, name = entry.get("Labels") or {}, entry["Name"]
    mark = Mark(*(labels.get(label, "") for label in MARK_LABELS))
    project = labels.get(PROJECT_LABEL, "")
    return EngineResource(kind, entry.get("Id", name), name, project, mark=mark)


def stop(engine: Engine, ids: Sequence[str]) -> None:
    """Stop the containers, each within its own stop timeout; a failure is not reported here."""
    if ids:
        engine.run_change("stop", *ids)


def remove(
    engine: Engine,
    thing: EngineResource,
    *,
    force: bool = False,
    volumes: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Remove one resource; return the reason if it still exists, else an empty text.

    `force` kills a running container; `volumes` also removes its anonymous volumes.
    """
    options = (*["--force"] * force, *["--volumes"] * volumes) if thing.kind == "container" else ()
    message = ""
    for attempt in range(TRIES if thing.kind == "network" else 1):
        if attempt:
            sleep(PAUSE_SECONDS)
        answer = engine.run_change(*_REMOVALS[thing.kind], *options, thing.id)
        message = (answer.err.strip().splitlines() or ["the engine gave no reason"])[-1]
        if not answer.code or any(words in message.lower() for words in _GONE):
            return ""
    return message.removeprefix("Error response from daemon: ").removeprefix("Error: ")
