"""The promises on the SQLite store, for any events in any order."""

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings

from composeports.stores.base import Store
from composeports.stores.sqlite.store import SqliteStore
from tests.support.promises import Clock, Promises

pytestmark = pytest.mark.integration


class InSqlite(Promises):
    """Opening it again is what the next process does; the one before was killed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="composeports-promises."))
        self.abandoned: list[Store] = []

    def open(self, clock: Clock) -> Store:
        if hasattr(self, "store"):
            self.abandoned.append(self.store)
        return SqliteStore(self.folder / "leases.sqlite3", clock=clock.read)

    def tear(self) -> None:
        if not (self.folder / "leases.sqlite3").exists():
            return
        with closing(sqlite3.connect(self.folder / "leases.sqlite3")) as half:
            half.execute("BEGIN IMMEDIATE")
            half.execute("UPDATE leases SET held = 0, expires_at = 0, start = start + 1")
            half.execute("DELETE FROM set_aside")

    def teardown(self) -> None:
        super().teardown()
        for store in self.abandoned:
            store.close()
        shutil.rmtree(self.folder)


TestPromises = InSqlite.TestCase
TestPromises.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, derandomize=True
)
