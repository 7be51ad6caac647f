"""The official inspector's command line as a client: list, call, errors."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.inspector import Inspector, fetched
from tests.support.machine import Shell
from tests.support.mcp_client import PROGRAM
from tests.support.mcp_serving import KEY, listening

pytestmark = pytest.mark.integration

TOOLS = {
    "allocate_ports",
    "release_ports",
    "ports_status",
    "compose_plan",
    "compose_up",
    "compose_down",
    "service_url",
}
# Its own exit code where a tool has failed, or there is no such tool.
FAILED = 5


@pytest.fixture(scope="module")
def argv() -> tuple[str, ...]:
    return fetched()


@pytest.fixture(params=["stdio", "http"])
def inspector(
    request: pytest.FixtureRequest, argv: tuple[str, ...], shell: Shell, tmp_path: Path
) -> Iterator[Inspector]:
    """The inspector beside a server on stdio, or one that listens and wants a key."""
    environ = {"HOME": str(tmp_path), "PATH": shell.environ["PATH"]}
    if request.param == "stdio":
        # It hands nothing of its own environment down to the server.
        given = [word for pair in shell.environ.items() for word in ("-e", "=".join(pair))]
        yield Inspector(argv, environ, (*given, PROGRAM, "mcp"))
        return
    with listening(shell.having(COMPOSEPORTS_API_KEYS=KEY)) as url:
        yield Inspector(
            argv, environ, (url, "--transport", "http", "--header", f"X-API-Key: {KEY}")
        )


def test_it_lists_calls_and_is_told_of_failures(inspector: Inspector) -> None:
    # Strict: it fails where a schema is none that every client understands.
    listed = inspector.ask("tools/list", "--strict")
    assert listed.code == 0, listed.err
    tools = listed.document["tools"]
    assert {tool["name"] for tool in tools} == TOOLS
    assert all(tool["outputSchema"]["type"] == "object" for tool in tools)
    assert all(tool["annotations"] for tool in tools)

    taken = inspector.call("allocate_ports", session_id="agent 7")
    assert taken.code == 0, taken.err
    allocation = taken.document["structuredContent"]["allocation"]
    assert allocation["session_id"] == "agent 7"
    status = inspector.call("ports_status").document["structuredContent"]["result"]
    assert [row["db_port"] for row in status] == [allocation["db_port"]]

    for tool, arguments, code in (
        ("allocate_ports", {"session_id": " "}, "invalid_session"),
        ("service_url", {"worktree": "/", "service": "web"}, "no_lease"),
        ("compose_plan", {"worktree": "no/full/path"}, "usage"),
    ):
        failed = inspector.call(tool, **arguments)
        assert (failed.code, failed.problem) == (FAILED, "tool_is_error")
        assert failed.document["isError"] is True
        content = failed.document["structuredContent"]
        assert (content["success"], content["error"]) == (False, code)
        assert content["hint"]
    none = inspector.call("no_such_tool")
    assert (none.code, none.problem) == (FAILED, "tool_not_found")


def test_without_the_key_it_gets_no_answer(
    argv: tuple[str, ...], shell: Shell, tmp_path: Path
) -> None:
    environ = {"HOME": str(tmp_path), "PATH": shell.environ["PATH"]}
    with listening(shell.having(COMPOSEPORTS_API_KEYS=KEY)) as url:
        words = (url, "--transport", "http", "--stored-auth-only")
        refused = Inspector(argv, environ, words).ask("tools/list")
    assert refused.code != 0
    assert refused.out == ""
