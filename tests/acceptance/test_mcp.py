"""Agents without a shell: stacks of two worktrees over MCP, on a real engine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import anyio
import pytest
from mcp import Client

from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Repository, Session
from tests.harness.waits import page
from tests.support.mcp_client import RawServer, over_stdio, refused, told

pytestmark = pytest.mark.e2e

SHOP = {
    "compose.yaml": stack(
        {
            "web": {"ports": ["8080:80"], "environment": {"NAME": "shop"}},
            "db": {"ports": ["5432:80"], "volumes": ["data:/data"]},
        },
        volumes={"data": {}},
    )
}


@pytest.fixture
def shop(make_repository: MakeRepository) -> Repository:
    return make_repository(SHOP)


@contextmanager
def raw(session: Session) -> Iterator[RawServer]:
    with TemporaryFile() as errors:
        server = RawServer(session.environ, errors)
        try:
            server.begin()
            yield server
        finally:
            server.stop()


def test_an_agent_works_in_two_worktrees(shop: Repository) -> None:
    """Allocate, up, ask for the URL, fetch it, down: in two worktrees that do not meet."""
    login, search = shop.worktree("shop-login"), shop.worktree("shop-search")
    said: list[str] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del progress, total
        said.append(message or "")

    async def talk(client: Client) -> None:
        urls = {}
        for session in (login, search):
            asked = {"worktree": str(session.directory)}
            planned = told(await client.call_tool("compose_plan", asked))
            assert planned["left"] == session.json("plan")["left"]
            assert session.row == {}
            up = told(
                await client.call_tool(
                    "compose_up", {**asked, "wait": True}, progress_callback=hear
                )
            )
            assert up["ports"] == planned["ports"]
            assert up["env"]["COMPOSE_PROJECT_NAME"] == session.project
            assert {each["service"] for each in up["published"]} == {"web", "db"}
            url = told(await client.call_tool("service_url", {**asked, "service": "web"}))["url"]
            assert page(url)
            urls[url] = session
        assert len(urls) == 2
        rows = told(await client.call_tool("ports_status", {}))["result"]
        assert [row["state"] for row in rows] == ["running", "running"]
        asked = {"worktree": str(login.directory)}
        down = told(await client.call_tool("compose_down", asked))
        assert down["released"] is True
        failure = refused(await client.call_tool("service_url", {**asked, "service": "web"}))
        assert failure["error"] == "no_lease"

    over_stdio(login.environ, talk)
    assert any("Container" in line for line in said), said
    assert login.resources_of() == [f"volume {login.project}_data"]
    assert set(search.containers("running")) == {"web-1", "db-1"}
    assert shop.git("status", "--short") == ""


def test_calls_at_once_converge(shop: Repository) -> None:
    """Two agents in one worktree and one in another, by one server, at the same instant."""
    login, search = shop.worktree("shop-login"), shop.worktree("shop-search")
    ups: list[dict[str, int]] = []

    async def talk(client: Client) -> None:
        async def up(session: Session) -> None:
            asked = {"worktree": str(session.directory)}
            ups.append(told(await client.call_tool("compose_up", asked))["ports"])

        async with anyio.create_task_group() as group:
            for session in (login, search, login):
                group.start_soon(up, session)

    over_stdio(login.environ, talk)
    assert len(ups) == 3
    assert {tuple(ports.values()) for ports in ups} == {
        tuple(session.row["ports"].values()) for session in (login, search)
    }
    for session in (login, search):
        assert set(session.containers("running")) == {"web-1", "db-1"}


def test_ports_of_a_running_stack_are_not_released(shop: Repository) -> None:
    shop.main.ok("up", "--session", "agent")

    async def talk(client: Client) -> None:
        failure = refused(await client.call_tool("release_ports", {"session_id": "agent"}))
        assert failure["error"] == "stack_left"
        assert "`compose_down`" in failure["hint"]
        asked = {"worktree": str(shop.main.directory), "session": "agent"}
        assert told(await client.call_tool("compose_down", asked))["released"] is True
        answer = told(await client.call_tool("release_ports", {"session_id": "agent"}))
        assert answer == {"success": True}

    over_stdio(shop.main.environ, talk)


def test_a_service_that_does_not_exist_is_composes_failure(shop: Repository) -> None:
    async def talk(client: Client) -> None:
        asked = {"worktree": str(shop.main.directory), "services": ["wbe"]}
        failure = refused(await client.call_tool("compose_up", asked))
        assert failure["error"] == "compose_failed"
        assert any("wbe" in line for line in failure["output"])

    over_stdio(shop.main.environ, talk)
    assert shop.main.row == {}


def test_a_server_that_is_killed_while_compose_works_leaves_what_up_repairs(
    shop: Repository,
) -> None:
    main = shop.main
    project = main.project
    with raw(main) as server:
        server.call("compose_up", "up", worktree=str(main.directory))
        server.until(lambda message: "Creat" in str(message.get("params", {}).get("message", "")))
        server.process.kill()
        server.process.wait()
    assert main.json("up")["compose_project_name"] == project
    assert page(main.ok("url", "web").strip())
    assert set(main.containers("running")) == {"web-1", "db-1"}
    main.ok("down", "-v")
    assert main.resources_of() == []


def test_a_cancelled_up_leaves_what_the_next_call_repairs(shop: Repository) -> None:
    main = shop.main
    asked = {"worktree": str(main.directory)}
    with raw(main) as server:
        request = server.call("compose_up", "up", **asked)
        server.until(lambda message: "Creat" in str(message.get("params", {}).get("message", "")))
        server.send("notifications/cancelled", {"requestId": request})
        result = server.answer(server.call("compose_up", **asked))
        assert not result.get("isError"), result
        assert page(main.ok("url", "web").strip())
        assert not server.answer(server.call("compose_down", **asked)).get("isError")
        assert server.end() == 0
    assert main.row == {}
    assert main.resources_of("container network") == []


def test_docs_show_how_to_add_the_tools_to_another_server(shop: Repository, tmp_path: Path) -> None:
    """The example of docs/mcp.md is a server with its own tools and ours."""
    text = (Path(__file__).parents[2] / "docs/mcp.md").read_text()
    (example,) = [block.split("```")[0] for block in text.split("```python\n")[1:]]
    program = tmp_path / "coordinator.py"
    program.write_text(example)
    with TemporaryFile() as errors:
        server = RawServer(shop.main.environ, errors, (sys.executable, str(program)))
        try:
            server.begin()
            tools = server.answer(server.ask("tools/list", {}))["tools"]
            assert {"claim_task", "allocate_ports", "compose_up"} <= {
                each["name"] for each in tools
            }
            taken = server.answer(server.call("allocate_ports", session_id="task 12"))
            assert taken["structuredContent"]["success"] is True
        finally:
            server.stop()
    rows = shop.main.json("status")
    assert [row["session_id"] for row in rows] == ["task 12"]
