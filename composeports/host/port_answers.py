"""Ask whether a program answers at a published port, and not the engine's proxy alone."""

import socket

CONNECT_SECONDS, ANSWER_SECONDS = 2.0, 5.0
# How long a connection has to stay open to count as an answer of a program that speaks second.
OPEN_SECONDS = 0.3


def answers(host: str, port: int, *, http: bool) -> bool:
    """Return True if a program answers at the TCP port.

    A program that speaks HTTP answers a request. Others send something, or keep the connection open
    for OPEN_SECONDS: the engine's proxy takes connections for a container that does not listen yet,
    and closes them.
    """
    try:
        with socket.create_connection((host, port), CONNECT_SECONDS) as connection:
            if http:
                connection.settimeout(ANSWER_SECONDS)
                name = f"[{host}]" if ":" in host else host
                head = f"GET / HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n"
                connection.sendall(head.encode(errors="replace"))
                return bool(connection.recv(1))
            connection.settimeout(OPEN_SECONDS)
            try:
                return bool(connection.recv(1))
            except TimeoutError:
                return True
    except OSError:
        return False
