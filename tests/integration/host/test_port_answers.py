"""What counts as an answer at a port: a response, a greeting, or a connection that stays open."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from composeports.host.port_answers import answers
from tests.harness.waits import HANG

pytestmark = pytest.mark.integration
Serve = Callable[[socket.socket, threading.Event], object]


def close(connection: socket.socket, _over: threading.Event) -> None:
    """Do as the engine's proxy does for a container that does not listen."""
    connection.close()


def respond(connection: socket.socket, _over: threading.Event) -> None:
    connection.recv(1000)
    connection.sendall(b"HTTP/1.0 500 Not yet\r\n\r\n")


def greet(connection: socket.socket, _over: threading.Event) -> None:
    connection.sendall(b"220 ready\r\n")


def stay(_connection: socket.socket, over: threading.Event) -> None:
    over.wait(HANG)


@contextmanager
def serving(serve: Serve) -> Iterator[int]:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            connection, _ = server.accept()
            with connection:
                serve(connection, over)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join(HANG)


@pytest.mark.parametrize(
    ("serve", "http", "answered"),
    [
        (close, True, False),
        (close, False, False),
        (respond, True, True),
        (greet, False, True),
        (stay, False, True),
    ],
)
def test_a_program_answers_and_a_proxy_does_not(
    serve: Serve, *, http: bool, answered: bool
) -> None:
    with serving(serve) as port:
        assert answers("127.0.0.1", port, http=http) is answered


@pytest.mark.parametrize("http", [True, False])
def test_a_port_that_nobody_has_does_not_answer(*, http: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not answers("127.0.0.1", port, http=http)
