"""Queries to Compose and the engine that run in parallel; decides nothing.

It is cheap to start them, so that a command can start them first and import the other modules while
they run.
"""

from composeports.docker.compose_queries import ComposeQueries
from composeports.docker.engine import Engine, Listing

TYPE_CHECKING = False  # importing `typing` takes 4 ms
if TYPE_CHECKING:
    from composeports.docker.resource_labels import MarkListing


class StackQueries:
    """The queries of `up` and `plan`, running in parallel."""

    __slots__ = ("compose", "existing_marks", "listing", "project")

    def __init__(
        self, compose: ComposeQueries, engine: Engine, *, is_new_stack: bool = False
    ) -> None:
        """Start the queries to the engine; `compose` are the running queries to Compose.

        `is_new_stack` means that this is a new stack, or one of an earlier version. The engine is
        then also asked for existing volumes and networks.
        """
        self.compose = compose
        self.project = compose.project
        self.listing: Listing = engine.start_listing()
        self.existing_marks: MarkListing | None = (
            engine.start_mark_listing(compose.project) if is_new_stack else None
        )
