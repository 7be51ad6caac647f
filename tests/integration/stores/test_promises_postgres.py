"""The promises on the PostgreSQL store, for any events in any order."""

import tempfile
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from composeports.stores.base import Store
from tests.support import postgres
from tests.support.promises import Clock, Promises

pytestmark = pytest.mark.integration

BEGUN = 2_000_000.0


class InPostgres(Promises):
    """Opening it again is what the next process does; the one before was killed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="composeports-promises."))
        self.abandoned: list[Store] = []

    def open(self, clock: Clock) -> Store:
        if hasattr(self, "store"):
            self.abandoned.append(self.store)
        return postgres.store_on(
            self.folder, clock=clock.read, database_time=lambda: BEGUN + clock.steady
        )

    def tear(self) -> None:
        with psycopg.connect(postgres.shared().socket_url()) as half:
            if half.execute("SELECT to_regclass('composeports.leases')").fetchone() == (None,):
                return
            half.execute("UPDATE composeports.leases SET held = false, start = start + 1")
            half.execute("DELETE FROM composeports.set_aside")
            pid = half.info.backend_pid
            with postgres.connected(postgres.shared().socket_url()) as other:
                other.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))
            half.close()

    def teardown(self) -> None:
        super().teardown()
        for store in self.abandoned:
            store.close()
        self.folder.rmdir()


TestPromises = InPostgres.TestCase
TestPromises.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, derandomize=True
)
