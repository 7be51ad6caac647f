"""Questions to Compose and the engine that are asked at once and answered later; decides nothing.

Starting them is cheap, so that a command can ask first and import the rest while they are at work.
"""

from composeports.docker.compose_cli import Compose
from composeports.docker.config_cache import ConfigCache
from composeports.docker.engine import Engine, Listing
from composeports.host.process import Running

TYPE_CHECKING = False  # importing `typing` takes 4 ms
if TYPE_CHECKING:
    from composeports.docker.resource_labels import LastingListing


class StackQueries:
    """What `up` and `plan` want to know, asked side by side."""

    __slots__ = ("compose", "config", "lasting", "listing", "memory", "project", "variables")

    def __init__(
        self,
        compose: Compose,
        engine: Engine,
        project: str,
        memory: ConfigCache,
        *,
        begins: bool = False,
    ) -> None:
        """Start asking; `memory` is what an earlier observation left, if there was one.

        `begins`: the stack is begun, so that the engine is asked what is left of an earlier one.
        """
        self.compose = compose
        self.project = project
        self.memory = memory
        self.config: Running = compose.start_config(project, "--format", "json")
        self.listing: Listing = engine.start_listing()
        self.lasting: LastingListing | None = engine.start_lasting(project) if begins else None
        self.variables: Running | None = (
            None
            if memory.text or memory.is_awaited
            else compose.start_config(project, "--variables")
        )
