"""The promises on the store in memory, for any events in any order."""

from hypothesis import settings

from composeports.stores.base import Store
from composeports.stores.memory import MemoryStore
from tests.support.promises import Clock, Promises


class InMemory(Promises):
    """The store lives as long as its process, so that opening it again gives the same one."""

    def open(self, clock: Clock) -> Store:
        if not hasattr(self, "store"):
            return MemoryStore(clock=clock.read)
        return self.store


TestPromises = InMemory.TestCase
TestPromises.settings = settings(
    max_examples=250, stateful_step_count=40, deadline=None, derandomize=True
)
