"""Queries to Compose and the engine that run in parallel; decides nothing.

It is cheap to start them, so that a command can start them first and import the other modules while
they run.
"""

from composeports.docker.compose_cli import Compose
from composeports.docker.config_cache import ConfigCache
from composeports.docker.engine import Engine, Listing
from composeports.host.process import Running

TYPE_CHECKING = False  # importing `typing` takes 4 ms
if TYPE_CHECKING:
    from composeports.docker.resource_labels import LastingListing


class StackQueries:
    """The queries of `up` and `plan`, running in parallel."""

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
        """Start the queries; `memory` is the config cache entry of these files.

        `begins` means that this is a new stack. The engine is then also asked for volumes and
        networks that an earlier stack left.
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
