"""The official MCP client for the installed program, and a raw client that sees every byte."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

import anyio
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from tests.harness.waits import HANG

PROGRAM = str(Path(sys.executable).with_name("composeports"))
# No test waits longer than this for an answer, in seconds.

Answer = TypeVar("Answer")
Talk = Callable[[Client], Awaitable[Answer]]


def over_stdio(
    environ: Mapping[str, str], talk: Talk[Answer], mode: str = "auto", options: Sequence[str] = ()
) -> Answer:
    """Start `composeports mcp`, let `talk` speak with it, end its stdin, and return the answer."""

    async def run() -> Answer:
        with anyio.fail_after(HANG):
            async with stdio(environ, mode, options) as client:
                return await talk(client)

    return anyio.run(run)


@asynccontextmanager
async def stdio(
    environ: Mapping[str, str], mode: str = "auto", options: Sequence[str] = ()
) -> AsyncIterator[Client]:
    """Yield a client of a new server; `options` are those of its command line."""
    words = ["mcp", *options]
    server = StdioServerParameters(command=PROGRAM, args=words, env=dict(environ), cwd="/")
    with TemporaryFile("w+") as errors:
        async with Client(stdio_client(server, errors), mode=mode) as client:
            yield client
        errors.seek(0)
        said = errors.read()
        assert "Traceback" not in said, said


def over_http(url: str, talk: Talk[Answer], key: str = "", mode: str = "auto") -> Answer:
    """Let `talk` speak with a server that listens at a URL, and return the answer."""
    from mcp.shared._httpx_utils import create_mcp_http_client  # noqa: PLC0415

    async def run() -> Answer:
        headers = {"X-API-Key": key} if key else {}
        with anyio.fail_after(HANG):
            async with (
                create_mcp_http_client(headers=headers) as http,
                Client(streamable_http_client(url, http_client=http), mode=mode) as client,
            ):
                return await talk(client)

    return anyio.run(run)


def told(result: CallToolResult) -> Any:  # noqa: ANN401 - documents
    """Return what a tool answered; a failure fails the test."""
    assert not result.is_error, result
    return result.structured_content


def refused(result: CallToolResult) -> dict[str, Any]:
    """Return a failure, whose text says the same as its content."""
    assert result.is_error, result
    document: dict[str, Any] = result.structured_content
    assert document["success"] is False
    assert document["message"]
    assert json.loads(result.content[0].text) == document  # type: ignore[union-attr]
    return document


class RawServer:
    """A server that is written to and read from as it is, line by line."""

    def __init__(
        self,
        environ: Mapping[str, str],
        errors: IO[bytes],
        argv: Sequence[str] = (PROGRAM, "mcp"),
    ) -> None:
        self.process = subprocess.Popen(
            argv,
            cwd="/",
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        self.lines: list[bytes] = []
        self._last = 0

    def send(self, method: str, params: Mapping[str, object], **extra: object) -> None:
        """Write one message."""
        assert self.process.stdin is not None
        message = {"jsonrpc": "2.0", "method": method, "params": params, **extra}
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, method: str, params: Mapping[str, object]) -> int:
        """Write one request, and return its id."""
        self._last += 1
        self.send(method, params, id=self._last)
        return self._last

    def call(self, tool: str, progress: str = "", **arguments: object) -> int:
        """Ask for a tool, and return the request's id."""
        meta = {"_meta": {"progressToken": progress}} if progress else {}
        return self.ask("tools/call", {"name": tool, "arguments": arguments, **meta})

    def begin(self) -> dict[str, Any]:
        """Shake hands, and return what the server says of itself."""
        client = {"name": "raw", "version": "1"}
        began = self.ask(
            "initialize",
            {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client},
        )
        answer = self.answer(began)
        self.send("notifications/initialized", {})
        return answer

    def read(self) -> dict[str, Any]:
        """Return the next message; the end of stdout fails the test."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the server has ended: {self.process.wait(HANG)}"
        self.lines.append(line)
        message: dict[str, Any] = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        return message

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read until a message is the wanted one, and return it."""
        while True:
            message = self.read()
            if wanted(message):
                return message

    def answer(self, request: int) -> dict[str, Any]:
        """Return the result of a request."""
        answered = self.until(lambda message: message.get("id") == request)
        result: dict[str, Any] = answered["result"]
        return result

    def stop(self) -> None:
        """Kill it, if it is there."""
        with self.process:
            self.process.kill()

    def end(self) -> int:
        """End its stdin, read what it still says, and return its exit code."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        for line in self.process.stdout:
            json.loads(line)
        return self.process.wait(HANG)
