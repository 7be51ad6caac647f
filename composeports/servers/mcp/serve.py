"""Runs the MCP server on stdin and stdout, or over HTTP, until it is told to end."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from composeports.errors import EXIT_INTERRUPTED
from composeports.servers.context import open_context, warn
from composeports.servers.log import log_in_lines
from composeports.servers.mcp.calls import PATIENCE, ToolRunner
from composeports.servers.mcp.tools import create_server
from composeports.servers.roots import Roots

if TYPE_CHECKING:
    from starlette.applications import Starlette

PATH = "/mcp"
# A session without a request for so long ends; its client begins another one.
SESSION_SECONDS = 10 * 60.0
SESSIONS = 256
# What a program that SIGTERM ended returns to a shell.
EXIT_TERMINATED = 128 + signal.SIGTERM


def serve_stdio(roots: Iterable[str] = ()) -> int:
    """Serve one client on stdin and stdout until stdin ends (0), Ctrl-C (130) or SIGTERM (143)."""
    log_in_lines()
    limited = Roots.of(roots)
    context = open_context()
    if sys.stdin.isatty():
        warn(
            "an MCP client is to start this: `composeports mcp --print-config CLIENT` (Ctrl-D ends)"
        )
    with closing(context.store):
        calls = ToolRunner(context, limited)
        anyio.run(_run_stdio, create_server(calls=calls), calls)
    return 0


async def _run_stdio(server: MCPServer, calls: ToolRunner) -> None:
    loop = asyncio.get_running_loop()
    for number, code in ((signal.SIGINT, EXIT_INTERRUPTED), (signal.SIGTERM, EXIT_TERMINATED)):
        loop.add_signal_handler(number, _leave, calls, code)
    await server.run_stdio_async()


def _leave(calls: ToolRunner, code: int) -> None:
    """End the process, and before that what Compose does for it.

    The thread that waits for a line on stdin cannot be interrupted, so nothing else would end it.
    """

    def leave() -> None:
        calls.stop()
        deadline = time.monotonic() + PATIENCE
        while calls.busy and time.monotonic() < deadline:
            time.sleep(0.05)
        sys.stderr.flush()
        os._exit(code)

    threading.Thread(target=leave, daemon=True).start()


def serve_http(  # noqa: PLR0913 - what the command line says
    host: str,
    port: int,
    keys_file: str | None,
    allowed_hosts: Iterable[str] = (),
    roots: Iterable[str] = (),
    *,
    no_key: bool = False,
) -> int:
    """Serve over streamable HTTP until SIGTERM (0) or Ctrl-C (130).

    Every request needs a key, and one is made where none is given. `no_key` needs none, on
    loopback only. ConfigError for an address that others reach while there is no key, or a short
    one, or that is not this machine's; AddressInUseError.
    """
    # uvicorn, which stdio does not need.
    from composeports.servers.api_keys import (  # noqa: PLC0415
        Keys,
        given_keys,
        made_keys,
        refuse_no_key,
        where_key_is,
    )
    from composeports.servers.http.middleware import AccessMiddleware, AccessPolicy, names_of  # noqa: PLC0415
    from composeports.servers.listen import (  # noqa: PLC0415
        WILDCARDS,
        Server,
        are_local,
        listen,
        url_of,
    )

    log_in_lines()
    limited = Roots.of(roots)
    context = open_context()
    with closing(context.store):
        given = given_keys(context, keys_file)
        if no_key:
            refuse_no_key(given)
        sockets = listen(host, port)
        try:
            are_local(sockets, host, given)
            keys = () if no_key else given or made_keys(context)
            calls = ToolRunner(context, limited)
            access = AccessPolicy(
                Keys(keys),
                open_reading=no_key,
                open_changing=no_key,
                hosts=names_of((host, *allowed_hosts)),
                any_address=host in WILDCARDS,
            )
            server = Server(AccessMiddleware(application(calls), access), calls.stop)
            number = sockets[0].getsockname()[1]
            warn(f"listening on {url_of(host, number)}{PATH} (Ctrl-C ends it)")
            if no_key:
                warn("no API key is needed: every user of this machine may ask (--no-key)")
            elif not given:
                warn(where_key_is(context))
            server.serve_on(sockets)
        finally:
            for each in sockets:
                each.close()
    return EXIT_INTERRUPTED if server.ended_by == signal.SIGINT else 0


def application(calls: ToolRunner, session_seconds: float = SESSION_SECONDS) -> "Starlette":
    """Return the SDK's application; Host and Origin are the guard's to check, for all servers."""
    return create_server(calls=calls).streamable_http_app(
        streamable_http_path=PATH,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        session_idle_timeout=session_seconds,
        max_sessions=SESSIONS,
    )
