"""A real HTTP server as a process, and a client for it."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.harness.waits import HANG
from tests.support.machine import Shell

KEY = "a key of the tests"
# Seconds; two cores may be shared by many.
ANNOUNCED = "listening on "


@dataclass
class Server:
    """A running server: its address and its output."""

    process: "subprocess.Popen[bytes]"
    url: str = ""
    said: list[str] = field(default_factory=list)
    reader: threading.Thread | None = None

    def client(self, key: str | None = KEY, **headers: str) -> httpx.Client:
        """Return a client that gives the key with every request."""
        given = headers if key is None else {"X-API-Key": key, **headers}
        return httpx.Client(base_url=self.url, headers=given, timeout=HANG)

    def post(self, path: str, session_id: object, key: str | None = KEY) -> httpx.Response:
        """Ask for something that is about one session."""
        with self.client(key) as client:
            return client.post(path, json={"session_id": session_id})

    def allocate(self, session_id: str) -> dict[str, Any]:
        """Take ports, which has to succeed; return the allocation."""
        answer = self.post("/ports/allocate", session_id)
        assert answer.status_code == 200, answer.text
        allocation: dict[str, Any] = answer.json()["allocation"]
        return allocation

    def status(self) -> list[dict[str, Any]]:
        """Return the list of leases."""
        with self.client() as client:
            answer = client.get("/ports/status")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(HANG)
        if self.reader is not None:
            self.reader.join(HANG)
        return code


def start_server(
    shell: Shell,
    *arguments: str,
    keys: str = KEY,
    **options: Any,  # noqa: ANN401 - of Popen
) -> Server:
    """Start `composeports serve` on a free port, and wait until it listens."""
    argv = ("serve", *(() if "--port" in arguments else ("--port", "0")), *arguments)
    process = shell.having(COMPOSEPORTS_API_KEYS=keys).start(*argv, **options)
    server = Server(process)
    assert process.stderr is not None
    for line in process.stderr:
        server.said.append(line.decode().rstrip())
        if server.said[-1].startswith(ANNOUNCED):
            break
    assert server.said, "it ended without a word"
    assert server.said[-1].startswith(ANNOUNCED), server.said
    server.url = server.said[-1].removeprefix(ANNOUNCED).split()[0]
    # Whatever it says later must not fill the pipe.
    server.reader = threading.Thread(target=_keep_reading, args=(server,), daemon=True)
    server.reader.start()
    return server


def _keep_reading(server: Server) -> None:
    assert server.process.stderr is not None
    for line in server.process.stderr:
        server.said.append(line.decode(errors="replace").rstrip())


@contextmanager
def serving(
    shell: Shell,
    *arguments: str,
    keys: str = KEY,
    **options: Any,  # noqa: ANN401 - of Popen
) -> Iterator[Server]:
    """Serve for a while; a traceback is a failure of the test."""
    server = start_server(shell, *arguments, keys=keys, **options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end()
        for pipe in (server.process.stdout, server.process.stderr):
            if pipe is not None:
                pipe.close()
    assert "Traceback" not in "\n".join(server.said)
