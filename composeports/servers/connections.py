"""Limits on a server's connections: how many are open, and how long a request takes to arrive.

A connection waits for its client until the request is complete. If a new connection needs room,
the connection that has waited longest is closed, so that silent clients do not keep other clients
out. A connection whose request is complete is never closed to make room. Descriptors are counted
from accept(2) to close(2).
"""

import asyncio
import contextlib
import errno
import json
import os
import socket
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from composeports.servers.access_middleware import OUR_HEADERS, REQUEST_SECONDS, too_slow
from composeports.servers.log import RateLimitedLog

# Maximum number of connections: in total, and per address. All of this machine is one address.
MOST = 2048
MOST_OF_PEER = 256
# Descriptors kept for files, programs, the store, and connections that are being closed.
RESERVE = 256
# How many connections are accepted at once, before any of them is served.
BURST = 64
BACKLOG = 512
NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})
# Used in place of an unlimited number, which is more than the kernel gives.
MOST_DESCRIPTORS = 1 << 20

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 5\r\n"
    b"connection: close\r\n\r\n"
)


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard limit, and return the new soft limit."""
    import resource  # noqa: PLC0415 - some systems do not have it

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
    if soft not in {target, resource.RLIM_INFINITY}:
        # macOS refuses more than its kernel allows, even if the hard limit is higher.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The maximum number of connections, in total and per peer (address)."""

    total: int
    peer: int

    @classmethod
    def within(cls, descriptors: int) -> "ConnectionLimits":
        """Return the limits for a process that may open this number of descriptors."""
        total = max(2, min(MOST, max(descriptors - RESERVE, descriptors // 2)))
        return cls(total, max(1, min(MOST_OF_PEER, total // 2)))


class Connections:
    """All connections of one server; use it only on the server's event loop."""

    def __init__(self, limits: ConnectionLimits, report: Callable[[str], None]) -> None:
        """Keep the limits; `report` gets a line for refused connections, at a limited rate."""
        self.limits = limits
        self._log = RateLimitedLog(report)
        self._open: Counter[str] = Counter()
        self._leaving: Counter[str] = Counter()
        self._waiting: OrderedDict[Connection, str] = OrderedDict()

    def admit(self, peer: str) -> bool:
        """Count one more connection of a peer and return True; False if there is no room for it.

        At a limit, the connection that has waited longest for its client is closed to make room.
        """
        if self._used(peer) >= self.limits.peer and not self._close_oldest(peer):
            self._log(f"{self.limits.peer} connections of {peer} are busy: closed another one")
            return False
        if self._used() >= self.limits.total and not self._close_oldest():
            self._log(f"{self.limits.total} connections are busy: closed another one of {peer}")
            return False
        self._open[peer] += 1
        return True

    def closed(self, peer: str) -> None:
        """Record that a descriptor of a peer's connection is closed."""
        self._open[peer] -= 1
        if not self._open[peer]:
            del self._open[peer]

    def waits(self, connection: "Connection") -> None:
        """Record that the connection waits for its client; no effect if it is already recorded."""
        self._waiting.setdefault(connection, connection.peer)

    def works(self, connection: "Connection") -> None:
        """Record that the client's request is complete and the client waits for the response."""
        self._waiting.pop(connection, None)

    def lost(self, connection: "Connection") -> None:
        """Record that the connection has ended; its descriptor is closed next."""
        self._waiting.pop(connection, None)
        if connection.leaves:
            self._leaving[connection.peer] -= 1

    def no_descriptor(self, error: OSError) -> None:
        """Report that a connection could not be accepted, because no descriptor was free."""
        self._log(f"a connection was closed at once: {error.strerror}")

    def _used(self, peer: str | None = None) -> int:
        if peer is None:
            return self._open.total() - self._leaving.total()
        return self._open[peer] - self._leaving[peer]

    def _close_oldest(self, peer: str | None = None) -> bool:
        """Close the connection that has waited longest for its client; False if none waits.

        `peer` None means the connections of all peers.
        """
        for connection, connection_peer in self._waiting.items():
            if peer in {None, connection_peer}:
                del self._waiting[connection]
                self._leaving[connection_peer] += 1
                connection.leave()
                return True
        return False


class _Accepted(socket.socket):
    """A socket that calls a function when it is closed."""

    def __init__(self, accepted: socket.socket, closed: Callable[[], None]) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self._when_closed: Callable[[], None] | None = closed

    def close(self) -> None:
        """Close the socket; the first time, call the function."""
        super().close()
        callback, self._when_closed = self._when_closed, None
        if callback is not None:
            callback()


class Listener(socket.socket):
    """A listening socket that accepts connections up to the limits, and closes the others at once.

    A process without a free descriptor cannot accept a connection, not even to close it, so the
    event loop reports the same connection again and again. One spare descriptor is kept for this
    case.
    """

    connections: Connections | None = None
    _spare = -1

    def listen(self, backlog: int = BACKLOG, /) -> None:
        """Listen with a queue of at least BACKLOG, whatever length the event loop gives."""
        super().listen(max(backlog, BACKLOG))

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection within the limits; BlockingIOError if there is none.

        Connections beyond the limits get status 503 and are closed. Without `connections`, there
        are no limits.
        """
        connections = self.connections
        if connections is None:
            return super().accept()
        for _ in range(BURST):
            client_socket, address = self._accept_or_shed(connections)
            if client_socket is None:
                continue
            peer = str(address[0])
            if connections.admit(peer):
                return _Accepted(client_socket, partial(connections.closed, peer)), address
            with contextlib.suppress(OSError), client_socket:
                client_socket.settimeout(0)
                client_socket.send(_BUSY)
        raise BlockingIOError

    def close(self) -> None:
        """Close the socket and the spare descriptor."""
        super().close()
        self._free_spare()

    def _accept_or_shed(self, connections: Connections) -> tuple[socket.socket | None, Any]:
        if self._spare < 0:
            with contextlib.suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in NO_DESCRIPTOR:
                raise
            connections.no_descriptor(error)
        self._free_spare()
        try:
            client_socket, _ = super().accept()
            client_socket.close()
        except OSError as error:
            if error.errno not in NO_DESCRIPTOR:
                raise
            # Something else took the freed descriptor; the event loop calls `accept` again.
            raise BlockingIOError from None
        return None, None

    def _free_spare(self) -> None:
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1


class Connection(H11Protocol):
    """uvicorn's HTTP protocol on one connection, with a time limit for incomplete requests.

    The head may take `seconds` to arrive, and the body again.
    """

    # A class attribute, because uvicorn creates the objects; each server has its own subclass.
    registry: Connections
    seconds = REQUEST_SECONDS

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's arguments
        """Create the protocol, before a client is connected."""
        super().__init__(*args, **options)
        self.peer = ""
        self.leaves = False
        self._part = ""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for the head of the first request."""
        super().connection_made(transport)
        self.peer = str((transport.get_extra_info("peername") or ("",))[0])
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting, and record that the connection has ended."""
        self._expect("")
        self.registry.lost(self)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Handle the received data, then check which part of the request is missing."""
        super().handle_events()
        self._look()

    def on_response_complete(self) -> None:
        """Start waiting for the head of the next request."""
        super().on_response_complete()
        self._look()

    def leave(self) -> None:
        """Close the connection at once, to make room for another one."""
        self.leaves = True
        self.transport.abort()

    def _look(self) -> None:
        """Check which part of the request is missing (head, body, none); start its time limit."""
        if self.transport.is_closing():
            self._expect("")
            return
        state = self.conn.their_state
        self._expect("head" if state is h11.IDLE else "body" if state is h11.SEND_BODY else "")
        if self._part:
            self.registry.waits(self)
        else:
            self.registry.works(self)

    def _expect(self, part: str) -> None:
        if part == self._part:
            return
        self._part = part
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if part:
            self._timer = self.loop.call_later(self.seconds, self._expired)

    def _expired(self) -> None:
        if self.transport.is_closing():
            return
        is_silent = self._part == "head" and not self.conn.trailing_data[0]
        cycle = self._current()
        has_response = cycle is not None and cycle.response_started
        if not is_silent and not (self._part == "body" and has_response):
            self.transport.write(_too_slow(self.seconds))
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()

    def _current(self) -> RequestResponseCycle | None:
        """Return the cycle of the last request; None before the first request."""
        return self.cycle


def _too_slow(seconds: float) -> bytes:
    refusal = too_slow(seconds)
    body = json.dumps(refusal.body).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *refusal.headers,
        *OUR_HEADERS,
    ]
    lines = [b"%s: %s" % header for header in headers]
    return b"\r\n".join((b"HTTP/1.1 408 Request Timeout", *lines, b"", body))


def protocol_of(connections: Connections) -> type[Connection]:
    """Return the protocol class for the connections of one server."""
    return type("ServerConnection", (Connection,), {"registry": connections})
