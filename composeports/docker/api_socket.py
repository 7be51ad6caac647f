"""Reads lists of containers, networks and volumes from the engine's socket on this machine.

`docker ps` returns the same list but costs 30 ms of CPU time. If the engine is remote, or if
`docker` is not Docker's own program, the caller uses the `docker` command instead. The `docker`
command also reports the reason when the engine does not answer.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from composeports.docker.context import docker_folder, find_endpoint
from composeports.errors import EngineSilentError
from composeports.host.programs import find_program
from composeports.host.session_folder import is_script
from composeports.host.time_limits import TimeLimits, Wait
from composeports.host.trace_hook import trace_start

PIECE = 1 << 16
# Time between two attempts to connect while the engine accepts no more connections.
FULL_QUEUE_SECONDS = 0.05
# An HTTP/1.0 response ends when the connection closes, so there are no chunks to decode.
REQUEST = b"GET %s HTTP/1.0\r\nHost: docker\r\n\r\n"
LIST = "/containers/json?all=1"
NETWORKS, VOLUMES = "/networks", "/volumes"
PING = "/_ping"
FOUND = b" 200 "
PODMAN = b"\r\nlibpod-api-version:"
UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


def plain_socket(environ: Mapping[str, str]) -> str:
    """Return the path of the engine's socket; empty if only the `docker` command can be used."""
    return "" if _is_special(environ) else find_endpoint(environ).socket


def socket_of_command(environ: Mapping[str, str]) -> str:
    """Return the path of the socket that `docker` uses; empty if only the command can be used.

    A `docker` that is a script may run something else.
    """
    with suppress(OSError):
        docker = find_program("docker", environ)
        return "" if docker is None or is_script(docker) else plain_socket(environ)
    return ""


def _is_special(environ: Mapping[str, str]) -> bool:
    """Return True if Docker's settings add HTTP headers to requests, or cannot be read."""
    if environ.get("DOCKER_CUSTOM_HEADERS"):
        return True
    try:
        with open(os.path.join(docker_folder(environ), "config.json"), "rb") as file:
            return b"HttpHeaders" in file.read()
    except FileNotFoundError:
        return False
    except OSError:
        return True


def listener_on(path: str) -> int:
    """Return the process id of the program that listens on a socket; 0 if it is unknown."""
    if not hasattr(socket, "SO_PEERCRED"):
        return 0
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(0)
        connection.connect(path)
        size = 3 * 4  # pid, uid and gid, 32 bits each
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int.from_bytes(peer[:4], sys.byteorder)
    return 0


def connect(connection: socket.socket, path: str, time_limits: TimeLimits, wait: Wait) -> bool:
    """Connect to the engine; return False if it accepts no connection before the time is up.

    An engine that answers no request accepts no more connections after some time.
    """
    connection.settimeout(time_limits.seconds)
    while True:
        try:
            connection.connect(path)
        except BlockingIOError:
            time.sleep(FULL_QUEUE_SECONDS)
            if not wait.goes_on():
                return False
        else:
            return True


class SocketRequest:
    """A running request to the engine's socket, for containers or for another list."""

    def __init__(
        self, path: str, label: str = "", listed: str = LIST, *, time_limits: TimeLimits
    ) -> None:
        """Send the request to the socket at `path`; raise OSError if that fails.

        `listed` is the path of the API's list. `label`, if given, limits the list to entries with
        that label. `time_limits` has the time limits.
        """
        self._path = path
        self._time_limits = time_limits
        self._wait = time_limits.wait()
        self._label = label
        self._listed = listed
        query = ""
        if label:
            separator = "&" if "?" in listed else "?"
            query = f"{separator}filters=" + _quoted(json.dumps({"label": [label]}))
        self._ended = trace_start(("GET", f"unix://{path}", listed, label))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._is_full = False
        try:
            self._is_full = not connect(self._socket, path, time_limits, self._wait)
            if not self._is_full:
                self._socket.sendall(REQUEST % (listed + query).encode())
        except BaseException:
            self._socket.close()
            raise

    def _silence(self) -> EngineSilentError:
        from composeports.docker.errors import silence  # noqa: PLC0415 - only after a timeout

        return silence(f"unix://{self._path}", self._time_limits.seconds)

    def entries(self) -> "list[dict[str, Any]] | None":
        """Return the entries of the engine's list; None if the response is not a valid list.

        Raise EngineSilentError if the engine does not answer in time.
        """
        head, document = self.document()
        if isinstance(document, dict) and self._listed == VOLUMES:
            document = document.get("Volumes") or []
        if not isinstance(document, list):
            return None
        is_podman_list = PODMAN in head.lower() and self._listed == LIST
        return self._with_all_ports(document) if is_podman_list else document

    def document(self) -> tuple[bytes, Any]:
        """Return the response's head and its JSON document; None instead if it is not valid."""
        with self._socket, suppress(OSError, ValueError):
            head, _, body = b"".join(self._pieces()).partition(b"\r\n\r\n")
            self._ended(None)
            if FOUND in head.partition(b"\r\n")[0]:
                return head, json.loads(body)
        return b"", None

    def _with_all_ports(self, found: "list[dict[str, Any]]") -> "list[dict[str, Any]]":
        from composeports.docker import podman  # noqa: PLC0415 - only for Podman

        podman_entries = None
        with suppress(OSError):
            podman_entries = SocketRequest(
                self._path, self._label, podman.OWN_LIST, time_limits=self._time_limits
            ).entries()
        return podman.with_all_ports(found, podman_entries)

    def _pieces(self) -> Iterator[bytes]:
        while piece := self._piece():
            yield piece
        self._wait.answered()

    def _piece(self) -> bytes:
        """Return the next bytes, empty at the end; raise EngineSilentError after a timeout."""
        if self._is_full:
            raise self._silence()
        while True:
            self._socket.settimeout(self._wait.turn())
            try:
                return self._socket.recv(PIECE)
            except TimeoutError:
                if not self._wait.goes_on():
                    raise self._silence() from None


def _quoted(text: str) -> str:
    """Return the text percent-encoded for a URL query, without the import of urllib."""
    return "".join(
        chr(byte) if chr(byte) in UNRESERVED else f"%{byte:02X}"
        for byte in text.encode("utf-8", "surrogateescape")
    )
