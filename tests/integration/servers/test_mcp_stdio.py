"""The MCP server on stdin and stdout, with the official client and with a raw one."""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from mcp import Client
from mcp.types import Tool

from tests.harness.repository import add_worktree
from tests.harness.waits import HANG, wait_until
from tests.support.machine import FakeDocker, Shell
from tests.support.mcp_client import RawServer, over_stdio, refused, told

pytestmark = pytest.mark.integration

MODES = ("auto", "legacy")
HINTS = {
    # read-only, destructive, idempotent, open world
    "allocate_ports": (False, False, True, False),
    "release_ports": (False, True, True, False),
    "ports_status": (True, False, True, False),
    "compose_plan": (True, False, True, False),
    "compose_up": (False, False, True, True),
    "compose_down": (False, True, True, False),
    "service_url": (True, False, True, False),
}
ALLOCATION = {
    "session_id",
    "db_port",
    "rest_port",
    "realtime_port",
    "api_port",
    "compose_project_name",
    "allocated_at",
    "expires_at",
    "remaining_ttl_minutes",
}


@contextmanager
def raw(environ: dict[str, str]) -> Iterator[RawServer]:
    """A server whose every byte is seen; it is gone at the end."""
    with tempfile.TemporaryFile() as errors:
        server = RawServer(environ, errors)
        try:
            yield server
        finally:
            server.stop()


@pytest.mark.parametrize("mode", MODES)
def test_tools_say_what_they_take_give_and_do(shell: Shell, mode: str) -> None:
    async def talk(client: Client) -> list[Tool]:
        return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in over_stdio(shell.environ, talk, mode)}
    assert set(tools) == set(HINTS)
    for name, tool in tools.items():
        assert tool.description
        assert not any(line.startswith(" ") for line in tool.description.splitlines())
        assert tool.output_schema is not None
        Draft202012Validator.check_schema(tool.output_schema)
        assert tool.output_schema["type"] == "object"
        hints = tool.annotations
        assert hints is not None
        assert HINTS[name] == (
            hints.read_only_hint,
            hints.destructive_hint,
            hints.idempotent_hint,
            hints.open_world_hint,
        )
    assert tools["compose_up"].input_schema["required"] == ["worktree"]
    assert "volumes" not in tools["compose_down"].input_schema["properties"]


@pytest.mark.parametrize("mode", MODES)
def test_a_lease_is_taken_listed_and_given_back(shell: Shell, mode: str) -> None:
    async def talk(client: Client) -> None:
        taken = told(await client.call_tool("allocate_ports", {"session_id": "agent 7"}))
        assert set(taken) == {"success", "allocation", "env_snippet"}
        assert taken["success"] is True
        allocation = taken["allocation"]
        assert set(allocation) == ALLOCATION
        assert allocation["session_id"] == "agent 7"
        assert allocation["remaining_ttl_minutes"] == 120
        assert taken["env_snippet"].splitlines()[0] == (
            f"export AGENT_COORDINATOR_DB_PORT={allocation['db_port']}"
        )
        again = told(await client.call_tool("allocate_ports", {"session_id": "agent 7"}))
        assert again["allocation"]["db_port"] == allocation["db_port"]
        (row,) = told(await client.call_tool("ports_status", {}))["result"]
        assert row["session_id"] == "agent 7"
        assert row["remaining_ttl_minutes"] == 120
        assert row["state"] == "unknown"  # there is no engine here
        for _ in range(2):
            answer = told(await client.call_tool("release_ports", {"session_id": "agent 7"}))
            assert answer == {"success": True}
        assert told(await client.call_tool("ports_status", {})) == {"result": []}

    over_stdio(shell.environ, talk, mode)


def test_all_blocks_taken_is_an_answer(shell: Shell) -> None:
    async def talk(client: Client) -> None:
        told(await client.call_tool("allocate_ports", {"session_id": "one"}))
        answer = told(await client.call_tool("allocate_ports", {"session_id": "two"}))
        assert answer == {"success": False, "error": "no_ports_available"}

    over_stdio(shell.having(PORT_ALLOC_MAX_SESSIONS="1").environ, talk)


REFUSED = (
    ("allocate_ports", {"session_id": ""}, "invalid_session"),
    ("allocate_ports", {"session_id": "a\0b"}, "invalid_session"),
    ("release_ports", {"session_id": " "}, "invalid_session"),
    ("compose_plan", {"worktree": "shop"}, "usage"),
    ("compose_plan", {"worktree": "/nowhere/at/all"}, "usage"),
    ("compose_plan", {"worktree": "/", "session": ""}, "invalid_session"),
    ("compose_up", {"worktree": "/", "services": ["--volumes"]}, "usage"),
    ("compose_up", {"worktree": "/", "services": ["web", ""]}, "usage"),
    ("service_url", {"worktree": "/", "service": "web"}, "no_lease"),
)
MALFORMED: tuple[dict[str, Any], ...] = ({}, {"session_id": None}, {"session_id": ["a"]})


def test_a_failure_is_a_result_with_code_and_hint(shell: Shell) -> None:
    async def talk(client: Client) -> None:
        tools = (await client.list_tools()).tools
        schemas = {tool.name: Draft202012Validator(tool.output_schema) for tool in tools}
        for tool, arguments, code in REFUSED:
            failure = refused(await client.call_tool(tool, arguments))
            assert failure["error"] == code, (tool, arguments)
            assert failure["hint"]
            assert "`composeports" not in failure["hint"]
            schemas[tool].validate(failure)  # some clients do, and show nothing else if it fails
        for malformed in MALFORMED:
            assert (await client.call_tool("allocate_ports", malformed)).is_error

    over_stdio(shell.environ, talk)


def test_without_docker_a_stack_is_refused(shell: Shell) -> None:
    async def talk(client: Client) -> None:
        failure = refused(await client.call_tool("compose_up", {"worktree": str(shell.cwd)}))
        assert failure["error"] == "compose_missing"

    over_stdio(shell.environ, talk)


def test_what_the_server_was_started_with_chooses_no_session(
    shell: Shell, docker: FakeDocker
) -> None:
    docker.publish(web=8080)
    here = shell.using(docker).having(COMPOSEPORTS_SESSION="mine", COMPOSE_FILE="/other.yaml")

    async def talk(client: Client) -> Any:  # noqa: ANN401 - documents
        return told(await client.call_tool("compose_plan", {"worktree": str(shell.cwd)}))

    made = over_stdio(here.environ, talk)
    assert made["session_id"] == str(shell.cwd / ".git")
    assert made["ports"] == {"web:80/tcp": 10004}


def test_only_the_protocol_is_on_stdout(shell: Shell, docker: FakeDocker) -> None:
    docker.publish(web=8080)
    docker.answer("compose", "Compose speaks on stdout\n", err="and on stderr\n")
    with raw(shell.using(docker).environ) as server:
        said = server.begin()
        assert said["serverInfo"]["name"] == "composeports"
        up = server.call("compose_up", "up-1", worktree=str(shell.cwd), build=True)
        result = server.answer(up)
        assert not result.get("isError"), result
        down = server.answer(server.call("compose_down", worktree=str(shell.cwd)))
        assert down["structuredContent"]["released"] is True
        assert server.end() == 0
        progress = [
            message["params"]
            for message in map(json.loads, server.lines)
            if message.get("method") == "notifications/progress"
        ]
    words = [each["message"] for each in progress]
    assert "Compose speaks on stdout" in words
    assert "and on stderr" in words
    assert {each["progressToken"] for each in progress} == {"up-1"}
    numbers = [each["progress"] for each in progress]
    assert numbers == sorted(set(numbers))
    assert any(" up " in call and "--build" in call for call in docker.calls)
    assert not any("--volumes" in call or " -v" in call for call in docker.calls)


def test_what_compose_said_last_is_in_the_failure(shell: Shell, docker: FakeDocker) -> None:
    docker.publish(web=8080)
    docker.answer("compose", err="no such image: shop\n", code=18)

    async def talk(client: Client) -> dict[str, Any]:
        return refused(await client.call_tool("compose_up", {"worktree": str(shell.cwd)}))

    failure = over_stdio(shell.using(docker).environ, talk)
    assert failure["error"] == "compose_failed"
    assert "18" in failure["message"]
    assert "no such image: shop" in failure["output"]
    assert shell.run("status", "--json").document == []


def _hanging(docker: FakeDocker, folder: Path) -> None:
    """Let Compose's `up` hang once, until it is interrupted."""
    docker.publish(web=8080)
    docker.run_before(
        "compose",
        f"case \"$*\" in *' up '*) if [ ! -e {folder}/hung ]; then\n"
        f"trap 'touch {folder}/interrupted; exit 130' INT; echo $$ > {folder}/hung\n"
        "while :; do /bin/sleep 0.05; done; fi ;; esac",
    )


def test_a_cancelled_call_stops_compose_and_the_next_one_repairs(
    shell: Shell, docker: FakeDocker, tmp_path: Path
) -> None:
    _hanging(docker, tmp_path)
    with raw(shell.using(docker).environ) as server:
        server.begin()
        request = server.call("compose_up", worktree=str(shell.cwd))
        wait_until((tmp_path / "hung").exists, "Compose to run")
        server.send("notifications/cancelled", {"requestId": request, "reason": "enough"})
        wait_until((tmp_path / "interrupted").exists, "Compose to be interrupted")
        result = server.answer(server.call("compose_up", worktree=str(shell.cwd)))
        assert result["structuredContent"]["ports"] == {"web:80/tcp": 10004}
        assert server.end() == 0


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda server: server.process.stdin.close(), 0),
        (lambda server: server.process.send_signal(signal.SIGINT), 130),
        (lambda server: server.process.send_signal(signal.SIGTERM), 143),
    ],
    ids=["end of stdin", "SIGINT", "SIGTERM"],
)
@pytest.mark.parametrize("working", [False, True], ids=["idle", "at work"])
def test_it_ends_when_it_is_told_to_and_compose_with_it(  # noqa: PLR0917 - fixtures
    shell: Shell,
    docker: FakeDocker,
    tmp_path: Path,
    end: Callable[[RawServer], None],
    code: int,
    working: bool,
) -> None:
    _hanging(docker, tmp_path)
    with raw(shell.using(docker).environ) as server:
        server.begin()
        if working:
            server.call("compose_up", worktree=str(shell.cwd))
            wait_until((tmp_path / "hung").exists, "Compose to run")
        end(server)
        assert server.process.wait(HANG) == code
    assert (tmp_path / "interrupted").exists() is working
    (tmp_path / "hung").touch()
    assert shell.using(docker).run("up", "--json").document["ok"]


def test_a_bad_setting_is_told_at_the_start(shell: Shell) -> None:
    done = shell.having(PORT_ALLOC_BASE="80").run("mcp")
    assert (done.code, done.out) == (78, "")
    assert "PORT_ALLOC_BASE" in done.err


@pytest.mark.parametrize("client", ["claude", "codex", "gemini", "vscode"])
def test_a_client_is_told_of_the_server_in_its_own_format(shell: Shell, client: str) -> None:
    done = shell.run("mcp", "--print-config", client)
    assert done.code == 0
    program = str(Path(sys.executable).with_name("composeports"))
    if client == "codex":
        import tomllib  # noqa: PLC0415

        (server,) = tomllib.loads(done.out)["mcp_servers"].values()
        assert server.pop("tool_timeout_sec") == 900
    else:
        document = json.loads(done.out)
        (key,) = document
        assert key == ("servers" if client == "vscode" else "mcpServers")
        assert set(document[key]) == {"composeports"}
        server = document[key]["composeports"]
        assert server.pop("type", "stdio") == "stdio"
        server.pop("timeout", None)
    assert server == {"command": program, "args": ["mcp"]}
    assert "belongs in" in done.err
    on_path = shell.having(PATH=f"{Path(program).parent}{os.pathsep}{shell.environ['PATH']}")
    assert '"composeports"' in on_path.run("mcp", "--print-config", client).out


def test_without_the_extra_it_says_how_to_install_it(shell: Shell, tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "mcp"
    missing.mkdir(parents=True)
    (missing / "__init__.py").write_text('raise ModuleNotFoundError("none here", name="mcp")\n')
    without = shell.having(PYTHONPATH=str(missing.parent))
    done = without.run("mcp")
    assert (done.code, done.out) == (69, "")
    assert "pip install 'composeports[mcp]'" in done.err
    assert without.run("mcp", "--print-config", "claude").code == 0
    assert without.run("allocate", "--json").code == 0


def test_options_of_http_need_http(shell: Shell) -> None:
    done = shell.run("mcp", "--port", "1234")
    assert done.code == 2
    assert "--http" in done.err


def test_a_worktree_has_its_own_session(shell: Shell, docker: FakeDocker, tmp_path: Path) -> None:
    docker.publish(web=8080)
    other = add_worktree(shell.cwd, tmp_path / "shop-login", "login")

    async def talk(client: Client) -> None:
        urls = set()
        for folder in (shell.cwd, other):
            up = told(await client.call_tool("compose_up", {"worktree": str(folder)}))
            urls.add(up["urls"]["web:80/tcp"])
            asked = {"worktree": str(folder), "service": "web", "port": 80}
            assert told(await client.call_tool("service_url", asked))["url"] in urls
        assert urls == {"http://localhost:10004", "http://localhost:10104"}
        rows = told(await client.call_tool("ports_status", {}))["result"]
        assert [row["worktree"] for row in rows] == [str(shell.cwd), str(other)]

    over_stdio(shell.using(docker).environ, talk)
