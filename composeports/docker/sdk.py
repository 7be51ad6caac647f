"""The door to the Docker SDK for Python, for copies of volumes and for events.

Its import takes more than 100 ms, so only rare cases import this module. The SDK gets its
connections from here: of the engine's socket on this machine, or of `docker system dial-stdio`,
which follows Docker contexts, ssh and TLS settings as the user's own calls do. The SDK's own way
to a remote engine does not: it knows no contexts, and needs paramiko even if it starts `ssh`.
"""

import csv
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any, Self
from urllib.parse import unquote

from docker import APIClient
from docker.errors import APIError, DockerException
from docker.transport.basehttpadapter import BaseHTTPAdapter
from requests import PreparedRequest, Response
from urllib3 import HTTPConnectionPool, HTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.util.wait import wait_for_read

from composeports.core.labels import PROJECT_LABEL
from composeports.docker.api_socket import connect, socket_of_command
from composeports.docker.context import find_endpoint
from composeports.docker.errors import engine_failure, silence
from composeports.errors import ComposeportsError
from composeports.host.process import NOT_FOUND, Child, start_on
from composeports.host.time_limits import TimeLimits
from composeports.host.trace_hook import trace_start

# What the SDK raises if the engine refuses a request, or if the connection fails.
FAILURES = (DockerException, HTTPError, OSError)
DIAL = ("docker", "system", "dial-stdio")
# Events that change the state of a stack, without `exec`: every health check causes an `exec`
# event. Podman has its own names for two events, and cannot filter for a label without its value.
_EVENTS = ("create", "start", "pause", "unpause", "die", "died", "stop", "destroy", "remove")


def reason(error: BaseException) -> str:
    """Return why a request failed: the engine's own words, or the innermost error's."""
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation)
    while error.args and isinstance(error.args[-1], BaseException):
        error = error.args[-1]
    return str(error)


class _Connection(HTTPConnection):
    """A connection to the engine, which reports and limits how long an answer takes."""

    def __init__(self, adapter: "_Adapter", **_: object) -> None:
        super().__init__("localhost")
        self._adapter = adapter
        self._socket: socket.socket | None = None
        self._program: Child | None = None
        adapter.connections.append(self)

    def connect(self) -> None:
        """Connect to the engine, or start the command with a socket as its stdin and stdout."""
        adapter = self._adapter
        path = socket_of_command(adapter.environ)
        self.end()
        with adapter.lock:
            if adapter.is_closed:
                raise ConnectionAbortedError
            if path:
                self._socket = socket.socket(socket.AF_UNIX)
            else:
                self._socket, theirs = socket.socketpair()
                try:
                    self._program = start_on(theirs.fileno(), DIAL, adapter.environ)
                except OSError as error:
                    raise engine_failure(NOT_FOUND, "", adapter.address) from error
                finally:
                    theirs.close()
        wait = adapter.limits.wait(endless=self.timeout is None)
        if path and not connect(self._socket, path, adapter.limits, wait):
            raise silence(adapter.address, adapter.limits.seconds)
        self.sock = self._socket

    def request(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - urllib3's own
        """Send a request; sending has no time limit, because an upload may be long."""
        if self.sock is None:
            self.connect()
        self.sock.settimeout(None)
        super().request(*arguments, **options)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """Wait for the head of the answer; raise EngineSilentError if a query takes too long."""
        limits = self._adapter.limits
        wait = limits.wait(endless=self.timeout is None)
        while not wait_for_read(self.sock, wait.turn()):
            if not wait.goes_on():
                raise silence(self._adapter.address, limits.seconds)
        try:
            response = super().getresponse()
        except ConnectionError as error:
            lines = self.end().splitlines()
            raise ConnectionError(lines[-1] if lines else str(error)) from error
        wait.answered()
        return response

    def cut(self) -> None:
        """End what another thread waits for, or an answer that is not read to its end."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            if self.sock is None:  # it is not connected yet, or no longer
                self._socket.close()

    def end(self) -> str:
        """End the connection and its program; return what the program wrote to stderr."""
        self.cut()
        self.close()
        self.cut()
        program, self._program = self._program, None
        return "" if program is None else program.end().err


class _Adapter(BaseHTTPAdapter):
    """Sends the client's requests, without proxies, on connections to one engine."""

    def __init__(self, environ: Mapping[str, str], limits: TimeLimits) -> None:
        super().__init__()
        self.environ = environ
        self.address = find_endpoint(environ).address
        self.limits = limits
        self.lock = Lock()
        self.is_closed = False
        self.connections: list[_Connection] = []
        self._pool = HTTPConnectionPool("localhost", maxsize=4, adapter=self)
        self._pool.ConnectionCls = _Connection

    def get_connection(self, *_: object) -> HTTPConnectionPool:
        """Return the pool for any URL."""
        return self._pool

    def request_url(self, request: PreparedRequest, _proxies: object) -> str:
        """Return the path alone, as for a server and not for a proxy."""
        return request.path_url

    def send(  # type: ignore[override]
        self,
        request: PreparedRequest,
        **options: Any,  # noqa: ANN401 - requests' own
    ) -> Response:
        """Send a request; only queries have a time limit."""
        ended = trace_start((str(request.method), self.address, unquote(request.path_url)))
        is_query = request.method == "GET" and options["timeout"] is not None
        options["timeout"] = self.limits.seconds if is_query else None
        response = super().send(request, **options)
        ended(None)
        return response

    def close(self) -> None:
        """End all connections, from any thread; no more are made."""
        with self.lock:
            self.is_closed = True
        for connection in self.connections:
            connection.cut()


class EngineClient(APIClient):
    """The SDK's client of the engine that the user's `docker` command uses; for `with`."""

    def __init__(self, environ: Mapping[str, str], limits: TimeLimits) -> None:
        """Connect to nothing yet; `environ` selects the engine."""
        super().__init__("unix:///engine", version="1.24")  # until the engine has named its own
        self.trust_env = False  # no proxies and no .netrc
        for field in next(csv.reader([environ.get("DOCKER_CUSTOM_HEADERS", "")]), []):
            name, _, value = field.partition("=")
            self.headers[name.strip()] = value
        self._adapter = _Adapter(environ, limits)
        self.mount("http+docker://", self._adapter)

    def __enter__(self) -> Self:
        """Use the engine's own version of the API; it is the first request."""
        try:
            self._version = str(self.version(api_version=False)["ApiVersion"])
        except BaseException:
            self.hang_up()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End all connections."""
        self.hang_up()

    def hang_up(self) -> None:
        """End all connections, also of answers that are not read to their end; more may follow."""
        for connection in self._adapter.connections:
            connection.end()


class EventStream:
    """The container events of an engine; it can be read again after the engine has stopped."""

    def __init__(self, environ: Mapping[str, str], seconds: float) -> None:
        """Ask for nothing yet; `seconds` is the time limit for the question of the version."""
        self._client = EngineClient(environ, TimeLimits(seconds))

    def __iter__(self) -> Iterator[str]:
        """Yield the name of each event's Compose project, empty if none, until the engine stops."""
        filters = {"type": "container", "event": list(_EVENTS)}
        # The SDK raises RuntimeError for half an event, and ValueError for an ended connection.
        ends = (ComposeportsError, RuntimeError, ValueError, *FAILURES)
        with suppress(*ends), self._client as client:
            for event in client.events(filters=filters, decode=True):
                yield event.get("Actor", {}).get("Attributes", {}).get(PROJECT_LABEL, "")

    def stop(self) -> None:
        """End the events for good. Any thread may call this."""
        self._client.close()
