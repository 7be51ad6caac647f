"""Command line, HTTP and MCP at once: one store, and no port in two sessions."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client

from tests.harness.waits import wait_until
from tests.support.machine import Shell
from tests.support.mcp_client import RawServer, stdio, told
from tests.support.serving import Server, serving

pytestmark = pytest.mark.integration

BY_CLI, BY_HTTP, BY_MCP = 40, 80, 80
ALL = BY_CLI + BY_HTTP + BY_MCP


@pytest.fixture
def wide(shell: Shell) -> Shell:
    """A shell with as many blocks as there will be sessions, and none more."""
    return shell.having(PORT_ALLOC_MAX_SESSIONS=str(ALL), PORT_ALLOC_RANGE="4")


def test_at_once_they_never_share_a_port(wide: Shell) -> None:
    def by_cli(number: int) -> int:
        done = wide.run("allocate", "--session", f"cli {number}", "--json")
        return int(done.document["db_port"])

    def by_http(server: Server, number: int) -> int:
        return int(server.allocate(f"http {number}")["db_port"])

    with serving(wide) as server, ThreadPoolExecutor(4) as shells, ThreadPoolExecutor(8) as clients:
        commands = shells.map(by_cli, range(BY_CLI))
        requests = clients.map(lambda number: by_http(server, number), range(BY_HTTP))
        ports = [*anyio.run(_by_mcp, wide.environ), *commands, *requests]
        server.process.kill()
    assert len(ports) == len(set(ports)) == ALL
    # The servers were killed or are over, and every lease is still there.
    rows: list[dict[str, Any]] = wide.run("status", "--json").document
    assert sorted(row["db_port"] for row in rows) == sorted(ports)


async def _by_mcp(environ: dict[str, str]) -> list[int]:
    ports: list[int] = []

    async def ask(client: Client, name: str) -> None:
        answer = told(await client.call_tool("allocate_ports", {"session_id": name}))
        ports.append(answer["allocation"]["db_port"])

    async with stdio(environ) as one, stdio(environ) as two, anyio.create_task_group() as group:
        for number in range(BY_MCP // 2):
            group.start_soon(ask, one, f"one {number}")
            group.start_soon(ask, two, f"two {number}")
    return ports


def test_servers_that_are_killed_at_work_leave_every_lease_that_they_gave(
    wide: Shell, tmp_path: Path
) -> None:
    by_http: dict[str, int] = {}
    by_mcp: dict[str, int] = {}

    def over_http(server: Server, name: str) -> None:
        with suppress(httpx.HTTPError):  # the server is killed meanwhile
            by_http[name] = server.allocate(name)["db_port"]

    def over_mcp(server: RawServer) -> None:
        assert server.process.stdout is not None
        for line in server.process.stdout:
            if line.endswith(b"\n"):  # the last one may be cut
                given = json.loads(line)["result"]["structuredContent"]["allocation"]
                by_mcp[given["session_id"]] = given["db_port"]

    names = [f"http {number}" for number in range(ALL // 2)]
    with serving(wide) as server, (tmp_path / "mcp").open("wb") as errors:
        raw = RawServer(wide.environ, errors)
        raw.begin()
        with ThreadPoolExecutor(8) as clients:
            clients.submit(over_mcp, raw)
            for name in names:
                clients.submit(over_http, server, name)
            for number in range(ALL // 2):
                raw.call("allocate_ports", session_id=f"mcp {number}")
            wait_until(lambda: min(len(by_http), len(by_mcp)) > 10, "leases of both")
            server.process.kill()
            raw.stop()
    given = {**by_http, **by_mcp}
    rows: list[dict[str, Any]] = wide.run("status", "--json").document
    kept = {row["session_id"]: row["db_port"] for row in rows}
    assert len(set(kept.values())) == len(kept)
    assert given.items() <= kept.items()
    with serving(wide) as again:
        for name, port in given.items():
            assert again.allocate(name)["db_port"] == port
        assert again.allocate("one more")["db_port"] not in kept.values()


def test_what_one_leases_the_others_see_and_release(wide: Shell) -> None:
    async def by_mcp() -> None:
        async with stdio(wide.environ) as client:
            (row,) = told(await client.call_tool("ports_status", {}))["result"]
            asked = {"session_id": row["session_id"]}
            again = told(await client.call_tool("allocate_ports", asked))
            assert again["allocation"]["db_port"] == row["db_port"]
            assert told(await client.call_tool("release_ports", asked)) == {"success": True}

    with serving(wide) as server:
        server.allocate("agent 7")
        anyio.run(by_mcp)
        assert server.status() == []
    assert wide.run("status", "--json").document == []
