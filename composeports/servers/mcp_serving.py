"""Runs the MCP server on stdin and stdout, or over HTTP, until it is told to end."""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import closing

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from composeports.errors import EXIT_INTERRUPTED
from composeports.servers.mcp import create_server
from composeports.servers.mcp_calls import PATIENCE, Calls
from composeports.servers.opening import open_doors, say

PATH = "/mcp"
# What a program that SIGTERM ended returns to a shell.
EXIT_TERMINATED = 128 + signal.SIGTERM


def serve_stdio() -> int:
    """Serve one client on stdin and stdout until stdin ends (0), Ctrl-C (130) or SIGTERM (143)."""
    _log_plainly()
    doors = open_doors()
    if sys.stdin.isatty():
        say(
            "an MCP client is to start this: `composeports mcp --print-config CLIENT` (Ctrl-D ends)"
        )
    with closing(doors.store):
        calls = Calls(doors)
        anyio.run(_run_stdio, create_server(calls=calls), calls)
    return 0


async def _run_stdio(server: MCPServer, calls: Calls) -> None:
    loop = asyncio.get_running_loop()
    for number, code in ((signal.SIGINT, EXIT_INTERRUPTED), (signal.SIGTERM, EXIT_TERMINATED)):
        loop.add_signal_handler(number, _leave, calls, code)
    await server.run_stdio_async()


def _leave(calls: Calls, code: int) -> None:
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


def serve_http(
    host: str, port: int, keys_file: str | None, allowed_hosts: Iterable[str] = ()
) -> int:
    """Serve over streamable HTTP until SIGTERM (0) or Ctrl-C (130).

    Where there are keys, every request needs one. ConfigError for an address that others reach
    while there is none, or that is not this machine's; AddressInUseError.
    """
    # uvicorn, which stdio does not need.
    from composeports.servers.guards import Access, App, Guard, names_of  # noqa: PLC0415
    from composeports.servers.keys import HOW_TO_SET, Keys, read_keys  # noqa: PLC0415
    from composeports.servers.listening import (  # noqa: PLC0415
        WILDCARDS,
        Server,
        are_local,
        listen,
        url_of,
    )

    _log_plainly()
    doors = open_doors()
    with closing(doors.store):
        keys = (*doors.config.api_keys, *(read_keys(keys_file) if keys_file else ()))
        sockets = listen(host, port)
        try:
            are_local(sockets, host, keys)
            calls = Calls(doors)
            hosts = names_of((host, *allowed_hosts))
            app: App = create_server(calls=calls).streamable_http_app(
                streamable_http_path=PATH, transport_security=_own_names(hosts, guarded=bool(keys))
            )
            if keys:
                access = Access(
                    Keys(keys), open_reading=False, hosts=hosts, any_address=host in WILDCARDS
                )
                app = Guard(app, access)
            server = Server(app, calls.stop)
            number = sockets[0].getsockname()[1]
            say(f"listening on {url_of(host, number)}{PATH} (Ctrl-C ends it)")
            if not keys:
                say(f"no API key is set: every user of this machine may ask; {HOW_TO_SET}")
            server.run(sockets)
        finally:
            for each in sockets:
                each.close()
    return EXIT_INTERRUPTED if server.ended_by == signal.SIGINT else 0


def _own_names(hosts: Iterable[str], *, guarded: bool) -> TransportSecuritySettings:
    """Return the SDK's own check of Host and Origin, for where the guard does not stand before."""
    written = [f"[{each}]" if ":" in each else each for each in sorted(hosts)]
    names = [name for each in written for name in (each, f"{each}:*")]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=not guarded,
        allowed_hosts=names,
        allowed_origins=[f"http://{name}" for name in names],
    )


def _log_plainly() -> None:
    """Let the SDK's warnings be plain lines on stderr."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
