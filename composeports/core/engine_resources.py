"""What the engine has of a project: containers, networks, volumes and images, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from composeports.core.labels import UNMARKED, Mark


class EngineResource(NamedTuple):
    """One thing that the engine has of a project: a container, network, volume or image.

    `directory` is where Compose started a container from; `id` is the name of a volume or image.
    """

    kind: str
    id: str
    name: str
    project: str = ""
    running: bool = False
    directory: str = ""
    mark: Mark = UNMARKED


@dataclass(frozen=True, slots=True)
class EngineVolume:
    """A volume as the engine has it; `created` is a text that sorts by time."""

    name: str
    project: str = ""
    key: str = ""
    driver: str = "local"
    options: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    token: str = ""
