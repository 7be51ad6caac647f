"""Runs the MCP server on stdin and stdout, or over HTTP, until stdin or a signal ends it."""

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
from composeports.servers.mcp.calls import STOP_TIMEOUT_SECONDS, ToolRunner
from composeports.servers.mcp.tools import create_server
from composeports.servers.roots import Roots

if TYPE_CHECKING:
    from starlette.applications import Starlette

PATH = "/mcp"
# A session of the MCP protocol ends after this time without a request; its client starts a new one.
SESSION_SECONDS = 10 * 60.0
SESSIONS = 256
# The exit code that a shell shows for a program that SIGTERM ended.
EXIT_TERMINATED = 128 + signal.SIGTERM


def serve_stdio(roots: Iterable[str] = ()) -> int:
    """Serve one client on stdin and stdout until stdin ends, and return 0.

    Ctrl-C ends the process with exit code 130, SIGTERM with 143.
    """
    log_in_lines()
    root_folders = Roots.of(roots)
    context = open_context()
    if sys.stdin.isatty():
        warn(
            "an MCP client is to start this: `composeports mcp --print-config CLIENT` (Ctrl-D ends)"
        )
    with closing(context.store):
        calls = ToolRunner(context, root_folders)
        anyio.run(_run_stdio, create_server(calls=calls), calls)
    return 0


async def _run_stdio(server: MCPServer, calls: ToolRunner) -> None:
    loop = asyncio.get_running_loop()
    for number, code in ((signal.SIGINT, EXIT_INTERRUPTED), (signal.SIGTERM, EXIT_TERMINATED)):
        loop.add_signal_handler(number, _leave, calls, code)
    await server.run_stdio_async()


def _leave(calls: ToolRunner, code: int) -> None:
    """Stop the running Compose commands, wait up to STOP_TIMEOUT_SECONDS, then exit with `code`.

    The thread that reads stdin cannot be interrupted, so nothing else would end the process.
    """

    def leave() -> None:
        calls.stop()
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        while calls.busy and time.monotonic() < deadline:
            time.sleep(0.05)
        sys.stderr.flush()
        os._exit(code)

    threading.Thread(target=leave, daemon=True).start()


def serve_http(  # noqa: PLR0913 - the options of the command line
    host: str,
    port: int,
    keys_file: str | None,
    allowed_hosts: Iterable[str] = (),
    roots: Iterable[str] = (),
    *,
    no_key: bool = False,
) -> int:
    """Serve over streamable HTTP; return 0 after SIGTERM, 130 after Ctrl-C.

    Every request needs a key; if none is given, this user's generated key is used. With `no_key`
    no request needs a key, which works only on loopback addresses. ConfigError if other machines
    can reach the address and no key is given or one is too short, or if the address is not one of
    this machine. UsageError if keys are given with `no_key`. AddressInUseError if the port is in
    use.
    """
    # These modules import uvicorn, which stdio does not need.
    from composeports.servers.access_middleware import AccessMiddleware, AccessPolicy, names_of  # noqa: PLC0415
    from composeports.servers.api_keys import (  # noqa: PLC0415
        Keys,
        given_keys,
        made_keys,
        refuse_no_key,
        where_key_is,
    )
    from composeports.servers.listen import (  # noqa: PLC0415
        WILDCARDS,
        Server,
        are_local,
        listen,
        url_of,
    )

    log_in_lines()
    root_folders = Roots.of(roots)
    context = open_context()
    with closing(context.store):
        user_keys = given_keys(context, keys_file)
        if no_key:
            refuse_no_key(user_keys)
        sockets = listen(host, port)
        try:
            are_local(sockets, host, user_keys)
            keys = () if no_key else user_keys or made_keys(context)
            calls = ToolRunner(context, root_folders)
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
            elif not user_keys:
                warn(where_key_is(context))
            server.serve_on(sockets)
        finally:
            for listener in sockets:
                listener.close()
    return EXIT_INTERRUPTED if server.ended_by == signal.SIGINT else 0


def application(calls: ToolRunner, session_seconds: float = SESSION_SECONDS) -> "Starlette":
    """Return the MCP SDK's application, with the SDK's checks of Host and Origin switched off.

    AccessMiddleware checks both headers, as it does for the HTTP server.
    """
    return create_server(calls=calls).streamable_http_app(
        streamable_http_path=PATH,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        session_idle_timeout=session_seconds,
        max_sessions=SESSIONS,
    )
