"""The engine's API on a Unix socket, with prepared answers; run as a program, a way to it."""

import json
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any
from urllib.parse import unquote_plus

Answer = Callable[["Request"], None]
VERSION = {"ApiVersion": "1.41"}


class Request(BaseHTTPRequestHandler):
    """One request; an answer reads its body and writes what the engine says."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        """Have an address, which clients of a Unix socket lack."""
        self.client_address = ("", 0)
        super().setup()

    def do_GET(self) -> None:
        """Give the prepared answer."""
        path = re.sub(r"^/v[\d.]+", "", unquote_plus(self.path))
        server: Any = self.server
        server.requests.append((self.command, path, dict(self.headers)))
        for pattern, answer in server.answers.items():
            if re.match(pattern, f"{self.command} {path}"):
                answer(self)
                return
        self.say({"message": "not found"}, 404)

    do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def say(self, document: object, code: int = 200) -> None:
        """Answer with a document; None is an answer without one, as 204 has to be."""
        data = b"" if document is None else json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self) -> None:
        """Begin an answer in pieces."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def piece(self, data: bytes) -> None:
        """Write the next piece; an empty one is the end."""
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def pieces(self) -> Iterator[bytes]:
        """Yield the pieces of an upload; raise EOFError if it is broken off."""
        while size := int(self.rfile.readline().strip() or b"-1", 16):
            data = self.rfile.read(size) if size > 0 else b""
            if len(data) != size or self.rfile.read(2) != b"\r\n":
                self.close_connection = True
                raise EOFError
            yield data
        self.rfile.readline()


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, path: Path, answers: Mapping[str, Answer]) -> None:
        super().__init__(str(path), Request)
        self.answers = answers
        self.requests: list[tuple[str, str, dict[str, str]]] = []

    def handle_error(self, *_: object) -> None:
        """Keep quiet: clients go away as they like."""


@contextmanager
def answering(
    path: Path, answers: Mapping[str, Answer]
) -> Iterator[list[tuple[str, str, dict[str, str]]]]:
    """Answer at a socket; keys are patterns such as `GET /volumes`. Yield the requests so far."""
    version: dict[str, Answer] = {"GET /version": lambda request: request.say(VERSION)}
    with _Server(path, version | dict(answers)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.requests
        finally:
            server.shutdown()
            thread.join()


def way_to(path: Path) -> str:
    """Return the script of a `docker system dial-stdio` that leads to the socket."""
    return f"exec {sys.executable} -S {__file__} {path}"


def _dial(path: str) -> None:
    """Join stdin and stdout, which are one socket, with the socket at the path."""
    with socket.socket(socket.AF_UNIX) as engine, socket.socket(fileno=0) as client:
        engine.connect(path)
        thread = threading.Thread(target=_hand_on, args=(engine, client), daemon=True)
        thread.start()
        _hand_on(client, engine)
        thread.join()


def _hand_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    _dial(sys.argv[1])
