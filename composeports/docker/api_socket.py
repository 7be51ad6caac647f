"""The list of containers straight from the engine's socket, where it is one on this machine.

`docker ps` takes 30 ms of processor time to say the same. Everything that is not plain (a remote
engine, a `docker` that is not Docker's own) is left to the `docker` command, and so is telling what
is wrong with an engine that does not answer.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from string import ascii_letters, digits
from typing import Any

from composeports.docker.context import docker_folder, find_endpoint
from composeports.errors import EngineSilentError
from composeports.host.time_limits import TimeLimits
from composeports.host.trace_hook import trace_start

PIECE = 1 << 16
# How long until an engine that cannot take more connections is tried again.
FULL_QUEUE_SECONDS = 0.05
# Answers of HTTP 1.0 end where the connection does, so there is nothing to take apart.
REQUEST = b"GET %s HTTP/1.0\r\nHost: docker\r\n\r\n"
LIST = "/containers/json?all=1"
NETWORKS, VOLUMES = "/networks", "/volumes"
PING = "/_ping"
FOUND = b" 200 "
PODMAN = b"\r\nlibpod-api-version:"
UNRESERVED = frozenset(ascii_letters + digits + "-._~")


def plain_socket(environ: Mapping[str, str]) -> str:
    """Return the path of the engine's socket; empty where only `docker` can ask the engine."""
    return "" if _is_special(environ) else find_endpoint(environ).socket


def _is_special(environ: Mapping[str, str]) -> bool:
    """Tell whether docker's configuration has more to send to the engine, or cannot be read."""
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
    """Return the process id of what listens at a socket; 0 where the kernel does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return 0
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(0)
        asked.connect(path)
        size = 3 * 4  # process, user and group, each a number of 32 bits
        peer = asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int.from_bytes(peer[:4], sys.byteorder)
    return 0


class Asked:
    """A question for containers, or for what else is `listed`, that is under way."""

    def __init__(
        self, path: str, label: str = "", listed: str = LIST, *, patience: TimeLimits
    ) -> None:
        """Ask the engine at `path` for all that is listed, or has the label; or OSError."""
        self._path = path
        self._patience = patience
        self._wait = patience.wait()
        self._label = label
        self._listed = listed
        only = ""
        if label:
            begin = "&" if "?" in listed else "?"
            only = f"{begin}filters=" + _quoted(json.dumps({"label": [label]}))
        self._ended = trace_start(("GET", f"unix://{path}", listed, label))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._is_full = False
        try:
            self._is_full = not self._connect()
            if not self._is_full:
                self._socket.sendall(REQUEST % (listed + only).encode())
        except BaseException:
            self._socket.close()
            raise

    def _connect(self) -> bool:
        """Reach the engine; False where it takes no more connections, since it answers none."""
        self._socket.settimeout(self._patience.seconds)
        while True:
            try:
                self._socket.connect(self._path)
            except BlockingIOError:
                time.sleep(FULL_QUEUE_SECONDS)
                if not self._wait.goes_on():
                    return False
            else:
                return True

    def _silence(self) -> EngineSilentError:
        from composeports.docker.errors import silence  # noqa: PLC0415 - only for silence

        return silence(f"unix://{self._path}", self._patience.seconds)

    def entries(self) -> "list[dict[str, Any]] | None":
        """Return the engine's own entries; None where it did not answer as it should.

        EngineSilentError where it did not answer in time.
        """
        head, found = self.document()
        if isinstance(found, dict) and self._listed == VOLUMES:
            found = found.get("Volumes") or []
        if not isinstance(found, list):
            return None
        is_podmans = PODMAN in head.lower() and self._listed == LIST
        return self._with_all_ports(found) if is_podmans else found

    def document(self) -> tuple[bytes, Any]:
        """Return the head of the answer and what it says; None where that is not as it should."""
        with self._socket, suppress(OSError, ValueError):
            head, _, body = b"".join(self._pieces()).partition(b"\r\n\r\n")
            self._ended(None)
            if FOUND in head.partition(b"\r\n")[0]:
                return head, json.loads(body)
        return b"", None

    def _with_all_ports(self, found: "list[dict[str, Any]]") -> "list[dict[str, Any]]":
        from composeports.docker import podman  # noqa: PLC0415 - for Podman alone

        own = None
        with suppress(OSError):
            own = Asked(self._path, self._label, podman.OWN_LIST, patience=self._patience).entries()
        return podman.with_all_ports(found, own)

    def _pieces(self) -> Iterator[bytes]:
        while piece := self._piece():
            yield piece
        self._wait.answered()

    def _piece(self) -> bytes:
        """Return what comes next; EngineSilentError where nothing comes in time."""
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
    """Return the text for a query; percent-encoding, without the import of urllib."""
    return "".join(
        chr(byte) if chr(byte) in UNRESERVED else f"%{byte:02X}"
        for byte in text.encode("utf-8", "surrogateescape")
    )
