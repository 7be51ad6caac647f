"""The MCP server over streamable HTTP: which clients are allowed, and the same leases."""

import json
import signal
import stat
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import anyio
import httpx
import pytest
from mcp import Client

from composeports.servers.context import open_context
from composeports.servers.mcp.calls import ToolRunner
from composeports.servers.mcp.serve import SESSIONS, application
from tests.harness.waits import HANG, wait_until
from tests.support.machine import FakeDocker, Shell
from tests.support.mcp_client import Talk, over_http, refused, told
from tests.support.mcp_serving import KEY, listening

pytestmark = pytest.mark.integration

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


KINDS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
}


def status(url: str, **headers: str) -> int:
    """Return the status of an `initialize` with these headers."""
    sent = {
        **KINDS,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    request = urllib.request.Request(url, json.dumps(INITIALIZE).encode(), sent)
    try:
        with urllib.request.urlopen(request, timeout=HANG) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


async def lease(client: Client) -> None:
    """Take a lease, list it, give it back, and fail."""
    assert len((await client.list_tools()).tools) == 7
    taken = told(await client.call_tool("allocate_ports", {"session_id": "far"}))
    rows = told(await client.call_tool("ports_status", {}))["result"]
    assert [row["db_port"] for row in rows] == [taken["allocation"]["db_port"]]
    told(await client.call_tool("release_ports", {"session_id": "far"}))
    failure = refused(await client.call_tool("service_url", {"worktree": "/", "service": "web"}))
    assert failure["error"] == "no_lease"


def test_the_same_leases_in_both_versions_of_the_protocol(shell: Shell) -> None:
    with listening(shell, "--no-key", end=signal.SIGINT) as url:
        for mode in ("auto", "legacy"):
            over_http(url, lease, mode=mode)


def test_compose_is_heard_and_ends_with_the_server(
    shell: Shell, docker: FakeDocker, tmp_path: Path
) -> None:
    docker.publish(web=8080)
    docker.answer("compose", "Compose speaks\n")
    said: list[str] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del progress, total
        said.append(message or "")

    async def up(client: Client) -> None:
        asked = {"worktree": str(shell.cwd)}
        told(await client.call_tool("compose_up", asked, progress_callback=hear))

    with listening(shell.using(docker), "--no-key") as url:
        over_http(url, up)
        assert "Compose speaks" in said
        hung, interrupted = tmp_path / "hung", tmp_path / "interrupted"
        docker.run_before(
            "compose",
            f"trap 'touch {interrupted}; exit 130' INT; touch {hung}\n"
            "while :; do /bin/sleep 0.05; done",
        )
        thread = threading.Thread(target=lambda: _left_alone(url, up))
        thread.start()
        wait_until(hung.exists, "Compose to run")
    thread.join(HANG)
    assert interrupted.exists()


def _left_alone(url: str, talk: Talk[None]) -> None:
    """Speak with a server that ends before it has answered, or answers that Compose failed."""
    with suppress(Exception, BaseExceptionGroup):
        over_http(url, talk)


def test_a_page_of_another_site_is_refused(shell: Shell) -> None:
    with listening(shell, "--no-key") as url:
        port = url.split(":")[2].removesuffix("/mcp")
        assert status(url) == 200
        assert status(url, Host=f"localhost:{port}") == 200
        assert status(url, Origin=f"http://127.0.0.1:{port}") == 200
        assert status(url, Host=f"evil.example:{port}") == 403
        assert status(url, Host="[::1]evil.example") == 403
        assert status(url, Origin="http://evil.example") == 403


def test_where_no_key_is_given_one_is_made(shell: Shell) -> None:
    with listening(shell) as url:
        (made,) = shell.state.glob("api-key-*")
        assert stat.S_IMODE(made.stat().st_mode) == 0o600
        key = made.read_text().strip()
        assert status(url) == 401
        assert status(url, X_API_Key=key) == 200
        over_http(url, lease, key=key)
    done = shell.having(COMPOSEPORTS_API_KEYS=KEY).run("mcp", "--http", "--no-key", "--port", "0")
    assert done.code == 2
    assert "--no-key" in done.err


@pytest.mark.parametrize("flag", [(), ("--no-key",)], ids=["", "no-key"])
def test_away_from_loopback_no_key_is_made_and_one_is_needed(
    shell: Shell, flag: tuple[str, ...]
) -> None:
    done = shell.run("mcp", "--http", "--host", "0.0.0.0", "--port", "0", *flag)
    assert done.code == 78
    assert "COMPOSEPORTS_API_KEYS" in done.err
    assert not list(shell.state.glob("api-key-*"))


def test_where_there_is_a_key_everybody_needs_it(shell: Shell, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("another one\n")
    keys.chmod(0o600)
    guarded = shell.having(COMPOSEPORTS_API_KEYS=KEY)
    with listening(guarded, "--keys-file", str(keys), "--allow-host", "desk") as url:
        assert status(url) == 401
        assert status(url, X_API_Key="a key") == 401
        assert status(url, X_API_Key="another one") == 200
        assert status(url, X_API_Key=KEY) == 200
        assert status(url, X_API_Key=KEY, Host="desk:80") == 200
        assert status(url, X_API_Key=KEY, Host="evil.example") == 403
        assert status(url, X_API_Key=KEY, Origin="http://evil.example") == 403
        over_http(url, lease, key=KEY)


def test_a_session_that_asks_nothing_ends(shell: Shell) -> None:
    async def talk() -> None:
        app = application(ToolRunner(open_context(shell.environ)), session_seconds=0.2)
        transport = httpx.ASGITransport(app)
        with anyio.fail_after(20):
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
            ):
                begun = await client.post("/mcp", json=INITIALIZE, headers=KINDS)
                assert begun.status_code == 200
                session = {**KINDS, "Mcp-Session-Id": begun.headers["mcp-session-id"]}
                listing = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
                while True:
                    answer = await client.post("/mcp", json=listing, headers=session)
                    if answer.status_code == 404:
                        break
                    await anyio.sleep(0.5)  # longer than it may be idle

    anyio.run(talk)


def test_so_many_sessions_are_open_at_once_and_no_more(shell: Shell) -> None:
    async def talk() -> list[int]:
        app = application(ToolRunner(open_context(shell.environ)))
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            return [
                (await client.post("/mcp", json=INITIALIZE, headers=KINDS)).status_code
                for _ in range(SESSIONS + 2)
            ]

    assert anyio.run(talk) == [200] * SESSIONS + [503, 503]
