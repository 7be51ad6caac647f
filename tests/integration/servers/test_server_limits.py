"""Clients cannot block a server: silent, half, slow or too many requests."""

import logging
import os
import resource
import select
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest

from composeports.servers.access_middleware import (
    AccessMiddleware,
    AccessPolicy,
    Message,
    Receive,
    Scope,
    Send,
)
from composeports.servers.connections import Connection, ConnectionLimits, Connections, Listener
from composeports.servers.log import RateLimitedLog, log_in_lines
from tests.harness.waits import HANG, wait_until
from tests.support.machine import Shell
from tests.support.serving import KEY, Server, serving

pytestmark = pytest.mark.integration

DESCRIPTORS = 1024
MANY = 1150
# What the server gives to a request, and what a busy machine may add to that, in seconds.
LIMIT = 10.0
SLACK = HANG
HEAD = f"POST /ports/allocate HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\n"
KIND = "Content-Type: application/json\r\n"
BODY = f"{HEAD}{KIND}Content-Length: 1000\r\n\r\n{{"
SERVE, MCP = ("serve",), ("mcp", "--http", "--no-key")


@pytest.fixture(autouse=True)
def _enough_descriptors() -> Iterator[None]:
    """Raise the test's limit of file descriptors, so that it can open more connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def limited(soft: int, hard: int) -> Callable[[], None]:
    """Return what gives a child so many descriptors."""
    return partial(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))


@dataclass
class Place:
    """A server with few descriptors, and everything that it has said."""

    host: str
    port: int
    log: Path
    pid: int

    @property
    def url(self) -> str:
        """The address at which it listens."""
        return f"http://{self.host}:{self.port}"

    def connect(self, sent: str = "", source: str = "127.0.0.1") -> socket.socket:
        """Connect, send something, and wait for nothing."""
        made = socket.create_connection((self.host, self.port), HANG, (source, 0))
        made.sendall(sent.encode())
        return made

    def ask(self) -> None:
        """Ask for something that is answered at once."""
        answer = httpx.get(f"{self.url}/health", timeout=HANG)
        assert answer.status_code in {200, 404}, answer.text

    def said(self) -> str:
        """Return its whole log."""
        return self.log.read_text()


@contextmanager
def place(shell: Shell, tmp_path: Path, *argv: str, files: int = DESCRIPTORS) -> Iterator[Place]:
    """Start a server of the installed program with its log in a file; end it after a while."""
    log = tmp_path / "log"
    keys = "" if "--no-key" in argv else KEY
    with log.open("wb") as file:
        process = shell.having(COMPOSEPORTS_API_KEYS=keys).start(
            *argv, "--port", "0", stderr=file, preexec_fn=limited(files, files)
        )
    try:
        end = time.monotonic() + HANG
        while "listening on " not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, "it does not listen"
            select.select([], [], [], 0.05)
        url = httpx.URL(log.read_text().partition("listening on ")[2].split()[0])
        yield Place(url.host, url.port or 80, log, process.pid)
        process.terminate()
        assert process.wait(HANG) == 0
    finally:
        process.kill()
        process.communicate()


def everything(client: socket.socket, seconds: float) -> bytes:
    """Return the data until the server closes the connection, which it must do."""
    end = time.monotonic() + seconds
    found = b""
    while True:
        client.settimeout(max(0.01, end - time.monotonic()))
        try:
            piece = client.recv(65536)
        except ConnectionResetError:
            return found
        if not piece:
            return found
        found += piece


def trickled(client: socket.socket, byte: bytes, seconds: float) -> bytes:
    """Send a byte now and then until there is an answer, and return that."""
    end = time.monotonic() + seconds
    while not select.select([client], [], [], 0.2)[0]:
        assert time.monotonic() < end, "no answer, and no end"
        client.sendall(byte)
    return everything(client, seconds)


@pytest.mark.parametrize(
    ("argv", "sent"),
    [(SERVE, ""), (SERVE, HEAD), (SERVE, BODY), (MCP, "")],
    ids=["serve-silent", "serve-half a head", "serve-half a body", "mcp-silent"],
)
def test_clients_that_ask_nothing_keep_nobody_out(
    shell: Shell, tmp_path: Path, argv: tuple[str, ...], sent: str
) -> None:
    with place(shell, tmp_path, *argv) as server, ExitStack() as stack:
        server.ask()
        for _ in range(MANY):
            stack.enter_context(closing(server.connect(sent)))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: server.ask(), range(40)))
        silent = stack.enter_context(closing(server.connect(sent)))
        answer = everything(silent, LIMIT + SLACK)
        assert (b" 408 " in answer) == bool(sent)
        server.ask()
    assert server.log.stat().st_size < 100_000
    assert "Traceback" not in server.said()


def test_slow_requests_end_in_time(shell: Shell, tmp_path: Path) -> None:
    slow = {
        "head": (HEAD, b"x"),
        "body": (BODY, b" "),
        "body in chunks": (f"{HEAD}{KIND}Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        "body of a GET": (
            "GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n",
            b" ",
        ),
    }
    with place(shell, tmp_path, "serve") as server, ThreadPoolExecutor(len(slow)) as pool:
        began = time.monotonic()

        def trickle(name: str) -> bytes:
            sent, byte = slow[name]
            with closing(server.connect(sent)) as client:
                if name == "body of a GET":
                    return drained(client, byte)
                return trickled(client, byte, LIMIT + SLACK)

        def drained(client: socket.socket, byte: bytes) -> bytes:
            """Send on although there is an answer, until the connection is closed."""
            found = b""
            try:
                while time.monotonic() < began + LIMIT + SLACK:
                    if select.select([client], [], [], 0.2)[0]:
                        piece = client.recv(65536)
                        if not piece:
                            return found
                        found += piece
                    client.sendall(byte)
            except OSError:
                return found
            raise AssertionError("it was never closed")

        answers = dict(zip(slow, pool.map(trickle, slow), strict=True))
        took = time.monotonic() - began
        server.ask()
    assert took >= LIMIT - 1
    for name in ("head", "body", "body in chunks"):
        assert b" 408 " in answers[name], name
        assert b"request_timeout" in answers[name]
        assert b"connection: close" in answers[name].lower()
    assert b" 200 " in answers["body of a GET"]
    assert "rror" not in server.said()


def test_a_guard_gives_a_body_its_time_whatever_server_is_in_front() -> None:
    sent: list[Message] = []

    async def application(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("the request was passed on")

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError("it was not interrupted")

    async def send(message: Message) -> None:
        sent.append(message)

    async def ask() -> None:
        guard = AccessMiddleware(application, AccessPolicy(open_changing=True), seconds=0.05)
        scope = {"type": "http", "method": "POST", "headers": [(b"host", b"localhost")]}
        with anyio.fail_after(HANG):
            await guard(scope, receive, send)

    anyio.run(ask)
    assert [message.get("status") for message in sent] == [408, None]


def test_a_connection_that_is_used_again_has_its_time_again(shell: Shell) -> None:
    """Each request has its own seconds, and a stream lasts as long as its client likes."""
    with (
        serving(shell) as server,
        server.client() as client,
        server.client() as other,
        other.stream("GET", "/events") as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "event: status"
        end = time.monotonic() + LIMIT + 2
        while time.monotonic() < end:
            assert client.get("/health").status_code == 200
            assert client.post("/ports/release", json={"session_id": "x"}).status_code == 200
        server.allocate("x")
        assert "event: status" in (next(lines), next(lines), next(lines))


def test_an_address_has_only_so_many_connections_at_work(shell: Shell, tmp_path: Path) -> None:
    peer = ConnectionLimits.within(128).peer
    asked = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with place(shell, tmp_path, "serve", files=128) as server, ExitStack() as stack:
        for _ in range(peer):
            client = stack.enter_context(closing(server.connect(asked)))
            assert client.recv(12) == b"HTTP/1.1 200"
        refused = stack.enter_context(closing(server.connect()))
        assert b" 503 " in everything(refused, HANG)
        other = stack.enter_context(closing(server.connect(asked, source="127.0.0.2")))
        assert other.recv(12) == b"HTTP/1.1 200"
        client.close()
        wait_until(lambda: _answers(server), "the room of the one that has gone")
    assert f"{peer} connections of 127.0.0.1 are busy" in server.said()


def _answers(server: Place) -> bool:
    try:
        server.ask()
    except (httpx.HTTPError, AssertionError):
        return False
    return True


def test_the_soft_limit_of_descriptors_is_raised_to_the_hard_one(shell: Shell) -> None:
    with serving(shell, preexec_fn=limited(256, 2000)) as server:
        assert _limit_of(server) == ["2000", "2000"]


def _limit_of(server: Server) -> list[str]:
    text = Path(f"/proc/{server.process.pid}/limits").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("Max open files")]
    return line.split()[3:5]


def test_without_any_descriptor_a_connection_is_closed_and_said_once() -> None:
    said: list[str] = []
    with (
        closing(Listener(socket.AF_INET, socket.SOCK_STREAM)) as listener,
        ExitStack() as stack,
    ):
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        listener.settimeout(0)
        listener.connections = Connections(ConnectionLimits(100, 100), said.append)
        with pytest.raises(BlockingIOError):
            listener.accept()
        address = listener.getsockname()
        clients = [stack.enter_context(socket.create_connection(address, 20)) for _ in range(3)]
        with _no_descriptor_left():
            for _ in range(2):
                with pytest.raises(BlockingIOError):
                    listener.accept()
        for client in clients:
            assert client.recv(1) == b""
        last = stack.enter_context(socket.create_connection(address, 20))
        accepted, _ = listener.accept()
        accepted.close()
        last.close()
    (line,) = said
    assert "Too many open files" in line


@contextmanager
def _no_descriptor_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (os.dup(0) + 1, hard))
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    try:
        yield
    finally:
        for number in taken:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Client(Connection):
    """A connection without a socket, which was admitted."""

    def __init__(self, registry: Connections, peer: str) -> None:
        assert registry.admit(peer)
        self.registry, self.peer, self.leaves = registry, peer, False

    def leave(self) -> None:
        self.leaves = True


def test_the_connection_that_has_waited_longest_makes_room() -> None:
    said: list[str] = []
    registry = Connections(ConnectionLimits(4, 2), said.append)
    clients = [Client(registry, peer) for peer in "baac"]
    for client in clients:
        registry.waits(client)
    registry.works(clients[1])
    left: set[int] = set()
    # Of one peer; then of all, the peer that asks or another one.
    for peer, leaving in (("a", 2), ("d", 0), ("d", 3)):
        assert registry.admit(peer)
        left.add(leaving)
        assert {n for n in range(4) if clients[n].leaves} == left
    assert said == []
    assert not registry.admit("a")
    assert not registry.admit("e")
    assert clients[1].leaves is False, "one whose request is whole is never closed"
    assert [line.partition(" connections ")[2] for line in said] == [
        "of a are busy: closed another one",
        "are busy: closed another one of e",
    ]
    for client in clients:
        registry.lost(client)
        registry.closed(client.peer)
    assert registry.admit("e")


def test_limits_leave_descriptors_for_other_things() -> None:
    for descriptors in (64, 256, 1024, 4096, 1 << 20):
        limits = ConnectionLimits.within(descriptors)
        assert 1 <= limits.peer <= limits.total
        assert limits.total <= min(2048, descriptors)
    assert ConnectionLimits.within(1024) == ConnectionLimits(768, 256)
    assert ConnectionLimits.within(1 << 20) == ConnectionLimits(2048, 256)


def test_a_line_is_not_said_again_at_once() -> None:
    clock = [0.0]
    said: list[str] = []
    seldom = RateLimitedLog(said.append, lambda: clock[0])
    for _ in range(5):
        seldom("once")
    seldom("another")
    clock[0] = 40.0
    seldom("once")
    assert said == ["once", "another", "once (4 times more since)"]
    for number in range(5000):
        seldom(f"line {number}")
    seldom("once")
    assert said[-1] == "once"


def test_a_library_s_error_is_one_line_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        log_in_lines()
        for _ in range(3):
            error = OSError(24, "Too many open files\n" * 100)
            logging.getLogger("asyncio").error("accept failed\nsocket: <...>", exc_info=error)
            logging.getLogger("uvicorn").info("not said")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("accept failed: OSError: [Errno 24] Too many open files")
    assert len(line) <= 500
