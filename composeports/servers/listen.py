"""Sockets and the uvicorn server that the HTTP server and MCP over HTTP run on; no application."""

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
from composeports.servers.http.middleware import App

# How long requests that are under way get to end.
GRACE_SECONDS = 5
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - to know them, not to listen there
ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def listen(host: str, port: int) -> list[Listener]:
    """Return sockets bound to all that `host` means; port 0 takes a free one."""
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise _no_address(host, str(getattr(error, "strerror", error))) from None
    sockets: list[Listener] = []
    absent = ""
    try:
        for family, *_, address in dict.fromkeys(found):
            # With port 0, the first one chooses for all.
            number = port or (sockets[0].getsockname()[1] if sockets else 0)
            try:
                sockets.append(_bound(family, (address[0], number, *address[2:])))
            except OSError as error:
                if error.errno not in ABSENT:
                    raise _cannot_bind(host, number, error) from error
                absent = os.strerror(error.errno)
    except BaseException:
        for each in sockets:
            each.close()
        raise
    if not sockets:
        raise _no_address(host, absent)
    return sockets


def _bound(family: int, address: tuple[str | int, ...]) -> Listener:
    # Named, or asyncio does not switch Nagle's algorithm off, which costs 40 ms an answer.
    made = Listener(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by connections: a stream whose client's machine is gone ends some day.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        # Whoever else wants the port is refused from here on, and not only once all is imported.
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def are_local(sockets: Iterable[socket.socket], host: str, keys: Sequence[str]) -> bool:
    """Tell whether only this machine reaches them.

    ConfigError where others do, and there is no key, or one that can be guessed.
    """
    local = all(map(_is_loopback, sockets))
    if not local and not keys:
        raise _open_to_all(host)
    if not local and too_short(keys):
        raise ConfigError(
            f"{host} can be reached from other machines, and an API key has fewer than "
            f"{SHORTEST} characters",
            hint=f"{HOW_TO_MAKE}; or stay on --host 127.0.0.1",
        )
    return local


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
    where = url_of(host, port).removeprefix("http://")
    if error.errno == errno.EADDRINUSE:
        return AddressInUseError(
            f"something else listens on {where}",
            hint="`ss -lntp` shows what; give another port with --port (0: any free one)",
            port=port,
        )
    message = f"cannot listen on {where}: {error.strerror or error}"
    return ConfigError(message, hint="give another port with --port, 1024 or more")


class Server(uvicorn.Server):
    """uvicorn that ends cleanly, streams included, tells by what, and has a limit to everything."""

    def __init__(self, app: App, close_streams: Callable[[], None]) -> None:
        """Serve `app`; `close_streams` ends what would go on for ever, on the loop."""
        limits = ConnectionLimits.within(raise_descriptor_limit())
        self._connections = Connections(limits, warn)
        super().__init__(
            uvicorn.Config(
                app,
                # The limits are those of this loop and this protocol.
                loop="asyncio",
                http=protocol_of(self._connections),
                # A second line of defence: connections beyond `limits` are not accepted.
                limit_concurrency=limits.total + 1,
                # What asyncio accepts in one go; the queue is `Listener`'s own.
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
        """Remember the loop, which a signal has to reach."""
        self._loop = asyncio.get_running_loop()
        for listener in sockets or ():
            if isinstance(listener, Listener):
                listener.connections = self._connections
        await super().startup(sockets)

    def serve_on(self, listeners: Sequence[socket.socket]) -> None:
        """Serve on these sockets until a signal ends it."""
        self.run(list(listeners))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals that end us; uvicorn would raise them again when all is done."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._end) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self.ended_by = self.ended_by or number
        if self.should_exit and number == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._close_streams)
