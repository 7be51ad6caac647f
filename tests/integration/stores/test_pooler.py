"""A PostgreSQL store behind a real PgBouncer: used with a safe setup, otherwise refused."""

import getpass
import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest

from composeports.core.allocation import claim, release
from composeports.core.allocation_request import NOTHING_RUNS, AllocationRequest
from composeports.core.engine_identity import EngineIdentity
from composeports.core.ports import PortGrid
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.errors import StoreError
from composeports.stores.postgres.store import PostgresStore
from tests.harness.waits import wait_until
from tests.support import postgres

pytestmark = pytest.mark.integration

OWN = EngineIdentity("one", "host-1", "one.example", local=False)
DROPPED = "ignore_startup_parameters = options"
SAFE = "ALTER ROLE {} IN DATABASE {} SET search_path = pg_catalog, pg_temp"
PAGE = Path(__file__).parents[3] / "docs" / "fleet.md"
MODES = ("session", "transaction")


@contextmanager
def pooled(folder: Path, mode: str, settings: str, statement: str) -> Iterator[str]:
    """Run a PgBouncer in front of the server, and yield the URL of its database."""
    server = postgres.shared()
    database, (host, port) = postgres.new_database(server), server.address
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        own = free.getsockname()[1]
    with postgres.connected(server.socket_url(database)) as owner:
        owner.execute(statement.format("postgres", database))
    behind = f"host={host} port={port} user=postgres password={server.password}"
    lines = (
        "[databases]",
        f"{database} = {behind}",
        "[pgbouncer]",
        f"listen_addr = 127.0.0.1\nlisten_port = {own}\nunix_socket_dir =",
        f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = 9\n{settings}",
    )
    (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    found = postgres.pooler_programs()
    user = ("-u", "nobody") if getpass.getuser() == "root" else ()
    argv = [str(found.folder / "pgbouncer"), "--quiet", *user, str(folder / "pgbouncer.ini")]
    with subprocess.Popen(argv, env={**os.environ, **found.environment}) as process:
        try:
            wait_until(lambda: _listens(own), "PgBouncer listens")
            yield f"postgresql://postgres@127.0.0.1:{own}/{database}"
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def take(url: str, name: str) -> int:
    """Take and release a lease repeatedly; return the start of the last lease's block."""

    def decide(snapshot: StoreSnapshot) -> StoreUpdate:
        return claim(
            snapshot, AllocationRequest(name, PortGrid(10000, 10, 50), 1.0, 120, NOTHING_RUNS)
        )

    with closing(PostgresStore(url, engine=lambda: OWN)) as store:
        for _ in range(6):
            store.update(name, decide)
            store.update(name, release)
        return store.update(name, decide).granted.block.start


@pytest.mark.parametrize("mode", MODES)
def test_a_store_works_behind_one_that_is_set_up_for_it(tmp_path: Path, mode: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"`{each}`" in page for each in (DROPPED, SAFE.format("agents", "ports")))
    names = [f"session-{number}" for number in range(16)]
    with pooled(tmp_path, mode, DROPPED, SAFE) as url, ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(partial(take, url), names))) == len(names)
        with closing(PostgresStore(url, engine=lambda: OWN)) as store:
            assert {lease.session_id for lease in store.held()} == set(names)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("settings", "why"),
    [("", "refuses the settings of a connection"), (DROPPED, "drops the settings of a connection")],
)
def test_one_without_the_settings_is_refused_with_the_lines_that_it_needs(
    tmp_path: Path, mode: str, settings: str, why: str
) -> None:
    with pooled(tmp_path, mode, settings, "SELECT 1") as url:
        with psycopg.connect(url) as plain:  # the pooler itself works
            assert plain.execute("SELECT 1").fetchone() == (1,)
        store = PostgresStore(url, engine=lambda: OWN)
        with closing(store), pytest.raises(StoreError, match=why) as refused:
            store.held()
        assert "ignore_startup_parameters = options" in refused.value.hint
        assert "ALTER ROLE" in refused.value.hint
