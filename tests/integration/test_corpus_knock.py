"""The corpus checker's client recognises the service on a port, with the stand-in's responder."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from corpuskit import responder
from corpuskit.knock import wrong_answers
from corpuskit.standin import Expected

pytestmark = pytest.mark.integration
SCRIPT = Path(responder.__file__).read_text()


def free_port(style: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, style) as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


@contextmanager
def answering(words: str) -> Iterator[list[tuple[int, str]]]:
    """Run the responder on a TCP and a UDP port, as a stand-in's container does."""
    ports = [(free_port(socket.SOCK_STREAM), "tcp"), (free_port(socket.SOCK_DGRAM), "udp")]
    listening = [f"{protocol}:{number}" for number, protocol in ports]
    running = subprocess.Popen([sys.executable, "-I", "-c", SCRIPT, words, *listening])
    try:
        yield ports
    finally:
        running.kill()
        running.wait()


def expected(ports: list[tuple[int, str]], words: str) -> list[Expected]:
    return [Expected("127.0.0.1", number, protocol, words) for number, protocol in ports]


def test_the_right_words_on_both_protocols() -> None:
    with answering("ac-1 web") as ports:
        assert not list(wrong_answers(expected(ports, "ac-1 web")))


def test_another_stacks_words_are_a_wrong_answer() -> None:
    with answering("ac-2 web") as ports:
        assert not list(wrong_answers(expected(ports, "ac-2 web")))  # it listens by now
        found = list(wrong_answers(expected(ports, "ac-1 web"), patience=0.2))
    assert [each.partition(" says ")[2] for each in found] == ["'ac-2 web', not 'ac-1 web'"] * 2


def test_silence_is_a_wrong_answer() -> None:
    nobody = [(free_port(socket.SOCK_STREAM), "tcp")]
    assert len(list(wrong_answers(expected(nobody, "ac-1 web"), patience=0.2))) == 1
