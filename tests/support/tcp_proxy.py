"""A TCP proxy in front of a server that cuts connections when a test wants it."""

import socket
import threading
from contextlib import suppress

TO_SERVER, TO_CLIENT = "to the server", "to the client"


class Proxy:
    """Hands bytes on, and counts them; all connections end at the byte that `cut_after` names."""

    def __init__(self, host: str, port: int = 0, own_port: int = 0) -> None:
        """Stand in front of a host's port, or of a Unix socket where `host` is a path."""
        self._target = (host, port)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._left: dict[str, int | None] = {TO_SERVER: None, TO_CLIENT: None}
        self.seen = {TO_SERVER: 0, TO_CLIENT: 0}
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", own_port), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """Count anew."""
        with self._lock:
            self.seen = {TO_SERVER: 0, TO_CLIENT: 0}

    def cut_after(self, count: int, direction: str) -> None:
        """Cut once, when `count` more bytes have gone in this direction, and no byte more."""
        with self._lock:
            self._left[direction] = count

    def uncut(self) -> None:
        """Cut nothing any more."""
        with self._lock:
            self._left = {TO_SERVER: None, TO_CLIENT: None}

    def close(self) -> None:
        """Stop listening, and end all connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._end_all()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = self._connected()
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            for source, sink, direction in (
                (client, server, TO_SERVER),
                (server, client, TO_CLIENT),
            ):
                argv = (source, sink, direction)
                threading.Thread(target=self._hand_on, args=argv, daemon=True).start()

    def _connected(self) -> socket.socket:
        host, port = self._target
        if port:
            return socket.create_connection((host, port))
        found = socket.socket(socket.AF_UNIX)
        found.connect(host)
        return found

    def _hand_on(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                part, is_cut = self._allowed(data, direction)
                sink.sendall(part)
                if is_cut:
                    self._end_all()
                    break
        self._end(source)
        self._end(sink)

    def _allowed(self, data: bytes, direction: str) -> tuple[bytes, bool]:
        with self._lock:
            left = self._left[direction]
            if left is not None and left <= len(data):
                data = data[:left]
                self._left[direction] = None
                self.cuts += 1
                self.seen[direction] += len(data)
                return data, True
            if left is not None:
                self._left[direction] = left - len(data)
            self.seen[direction] += len(data)
            return data, False

    def _end_all(self) -> None:
        with self._lock:
            found = list(self._open)
        for each in found:
            self._end(each)

    def _end(self, each: socket.socket) -> None:
        with self._lock:
            self._open.discard(each)
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
