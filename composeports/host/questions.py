"""Questions to Compose and the engine that are asked at once and answered later; decides nothing.

Starting them is cheap, so that a command can ask first and import the rest while they are at work.
"""

from composeports.host.compose import Compose
from composeports.host.engine import Engine, Listing
from composeports.host.process import Running
from composeports.host.recollection import Recollection


class Questions:
    """What `up` and `plan` want to know, asked side by side."""

    __slots__ = ("compose", "config", "listing", "memory", "project", "variables")

    def __init__(
        self, compose: Compose, engine: Engine, project: str, memory: Recollection
    ) -> None:
        """Start asking; `memory` is what an earlier observation left, if there was one."""
        self.compose = compose
        self.project = project
        self.memory = memory
        self.config: Running = compose.start_config(project, "--format", "json")
        self.listing: Listing = engine.start_listing()
        self.variables: Running | None = (
            None
            if memory.text or memory.is_awaited
            else compose.start_config(project, "--variables")
        )
