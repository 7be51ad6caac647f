"""Ask host ports which service answers there, as a client of the stack would."""

import socket
import time
from collections.abc import Iterator, Sequence

from corpuskit.standin import Expected

PATIENCE = 20.0  # seconds; a busy machine starts containers slowly
PAUSE = 0.1


def wrong_answers(expected: Sequence[Expected], patience: float = PATIENCE) -> Iterator[str]:
    """Yield every port that does not answer with its own stack's words in time."""
    deadline = time.monotonic() + patience
    for each in expected:
        said = _ask_until_answered(each, deadline)
        if said != each.words:
            yield f"{each.host}:{each.number}/{each.protocol} says {said!r}, not {each.words!r}"


def _ask_until_answered(each: Expected, deadline: float) -> str:
    while True:
        try:
            said = _ask(each)
        except OSError as error:
            said = f"({error})"
        if said == each.words or time.monotonic() > deadline:
            return said
        # An empty answer is the engine's proxy, whose container does not listen yet. Another
        # stack's words would stay wrong, but are as cheap to hear again.
        time.sleep(PAUSE)


def _ask(each: Expected) -> str:
    family = socket.AF_INET6 if ":" in each.host else socket.AF_INET
    style = socket.SOCK_STREAM if each.protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, style) as client:
        client.settimeout(2)
        client.connect((each.host, each.number))
        if each.protocol == "udp":
            client.send(b"?")
            return client.recv(400).decode()
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with client.makefile("rb") as answer:
            return answer.read().decode().partition("\r\n\r\n")[2].strip()
