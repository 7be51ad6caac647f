"""Resources of a project on the engine (containers, networks, volumes, images), as values."""

from collections.abc import Mapping
from typing import NamedTuple

from composeports.core.labels import UNMARKED, Mark


class EngineResource(NamedTuple):
    """A container, network, volume or image of a project.

    The `id` of a volume or image is its name. `directory` is the folder from which Compose started
    a container.
    """

    kind: str
    id: str
    name: str
    project: str = ""
    running: bool = False
    directory: str = ""
    mark: Mark = UNMARKED


class EngineVolume(NamedTuple):
    """A volume on the engine; `created` is a text that sorts by time."""

    name: str
    project: str = ""
    key: str = ""
    driver: str = "local"
    options: Mapping[str, str] = {}
    created: str = ""
