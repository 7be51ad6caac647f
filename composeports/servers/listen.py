"""Listening sockets and the uvicorn server, shared by the HTTP server and MCP over HTTP."""

import asyncio
import errno
import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import uvicorn

from composeports.errors import AddressInUseError, ComposeportsError, ConfigError
from composeports.servers.access_middleware import App
from composeports.servers.api_keys import HOW_TO_MAKE, HOW_TO_SET, SHORTEST, too_short
from composeports.servers.connections import (
    BACKLOG,
    BURST,
    ConnectionLimits,
    Connections,
    Listener,
    protocol_of,
    raise_descriptor_limit,
)
from composeports.servers.context import warn

# How many seconds running requests get to finish when the server stops.
GRACE_SECONDS = 5
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - for comparison, not to listen on them
ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def listen(host: str, port: int) -> list[Listener]:
    """Return listening sockets on every address that `host` resolves to.

    Port 0 takes a free port, the same one for all addresses. Addresses that this machine does not
    have are skipped if another one works. ConfigError if there is no such address or if
    binding fails; AddressInUseError if the port is in use.
    """
    try:
        address_infos = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise _no_address(host, str(getattr(error, "strerror", error))) from None
    sockets: list[Listener] = []
    reason = ""
    try:
        for family, *_, address in dict.fromkeys(address_infos):
            # With port 0, the first socket determines the port of all.
            number = port or (sockets[0].getsockname()[1] if sockets else 0)
            try:
                sockets.append(_bound(family, (address[0], number, *address[2:])))
            except OSError as error:
                if error.errno not in ABSENT:
                    raise _cannot_bind(host, number, error) from error
                reason = os.strerror(error.errno)
    except BaseException:
        for listener in sockets:
            listener.close()
        raise
    if not sockets:
        raise _no_address(host, reason)
    return sockets


def _bound(family: int, address: tuple[str | int, ...]) -> Listener:
    # Without IPPROTO_TCP, asyncio leaves Nagle's algorithm on, which costs 40 ms per response.
    listener = Listener(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it: a stream ends some time after its client's machine disappeared.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        # Listen now, so that no other process can take the port while the rest is imported.
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def are_local(sockets: Iterable[socket.socket], host: str, keys: Sequence[str]) -> bool:
    """Return True if only this machine can reach the sockets.

    ConfigError if other machines can reach them and there is no key, or a key is too short.
    """
    is_local = all(map(_is_loopback, sockets))
    if not is_local and not keys:
        raise _open_to_all(host)
    if not is_local and too_short(keys):
        raise ConfigError(
            f"{host} can be reached from other machines, and an API key has fewer than "
            f"{SHORTEST} characters",
            hint=f"{HOW_TO_MAKE}; or stay on --host 127.0.0.1",
        )
    return is_local


def _is_loopback(bound: socket.socket) -> bool:
    address = str(bound.getsockname()[0]).partition("%")[0]
    return ipaddress.ip_address(address).is_loopback


def url_of(host: str, port: int) -> str:
    """Return the URL of a server on `host`."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _open_to_all(host: str) -> ConfigError:
    return ConfigError(
        f"{host} can be reached from other machines, and there is no API key",
        hint=f"{HOW_TO_SET}; or stay on --host 127.0.0.1",
    )


def _no_address(host: str, reason: str) -> ConfigError:
    message = f"cannot listen on {host!a}: {reason}"
    return ConfigError(message, hint="give an address of this machine, as in --host 127.0.0.1")


def _cannot_bind(host: str, port: int, error: OSError) -> ComposeportsError:
    address = url_of(host, port).removeprefix("http://")
    if error.errno == errno.EADDRINUSE:
        return AddressInUseError(
            f"something else listens on {address}",
            hint="`ss -lntp` shows which program uses it; give another port with --port "
            "(0: any free one)",
            port=port,
        )
    message = f"cannot listen on {address}: {error.strerror or error}"
    return ConfigError(message, hint="give another port with --port, 1024 or more")


class Server(uvicorn.Server):
    """uvicorn with a clean shutdown, streams included, and with limits on connections.

    `ended_by` is the number of the signal that ended it, 0 if none did.
    """

    def __init__(self, app: App, close_streams: Callable[[], None]) -> None:
        """Serve `app`.

        After a signal, the event loop calls `close_streams`, which ends streams and long work.
        """
        limits = ConnectionLimits.within(raise_descriptor_limit())
        self._connections = Connections(limits, warn)
        super().__init__(
            uvicorn.Config(
                app,
                # The limits work only with this event loop and this protocol.
                loop="asyncio",
                http=protocol_of(self._connections),
                # A second check: `Listener` does not accept connections beyond `limits`.
                limit_concurrency=limits.total + 1,
                # How many connections asyncio accepts at once; `Listener` sets the queue length.
                backlog=BURST,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._close_streams = close_streams
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ended_by = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Keep the event loop for the signal handler, and limit the listeners' connections."""
        self._loop = asyncio.get_running_loop()
        for listener in sockets or ():
            if isinstance(listener, Listener):
                listener.connections = self._connections
        await super().startup(sockets)

    def serve_on(self, listeners: Sequence[socket.socket]) -> None:
        """Serve on these sockets until a signal ends the server."""
        self.run(list(listeners))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGINT, SIGTERM and SIGHUP; uvicorn would raise them again after its shutdown."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        handlers = {number: signal.signal(number, self._end) for number in numbers}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self.ended_by = self.ended_by or number
        if self.should_exit and number == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._close_streams)
