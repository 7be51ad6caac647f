"""Take ports as other programs and containers do."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.harness.engine import docker
from tests.harness.repository import TINY

LISTENERS = {
    "tcp": (socket.AF_INET, socket.SOCK_STREAM, "0.0.0.0"),
    "udp": (socket.AF_INET, socket.SOCK_DGRAM, "0.0.0.0"),
    "ipv6-only": (socket.AF_INET6, socket.SOCK_STREAM, "::"),
    "loopback-only": (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"),
}


@contextmanager
def foreign_listener(kind: str, port: int) -> Iterator[socket.socket]:
    """Hold a port as another program would."""
    family, style, address = LISTENERS[kind]
    with socket.socket(family, style) as held:
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        held.bind((address, port))
        if style == socket.SOCK_STREAM:
            held.listen()
        yield held


@contextmanager
def foreign_container(*arguments: str, start: bool = True) -> Iterator[str]:
    """Have a container that no composeports knows; give its id."""
    verb = ("run", "--detach") if start else ("create",)
    identity = docker(*verb, *arguments).strip()
    try:
        yield identity
    finally:
        docker("rm", "--force", "--volumes", identity)


@dataclass
class Thieves:
    """Takes ports in a test, and releases them at its end."""

    exits: ExitStack

    def listen(self, number: int, kind: str = "tcp") -> None:
        """Take a port by a socket of this process."""
        self.exits.enter_context(foreign_listener(kind, number))

    def run(self, number: int) -> str:
        """Take a port by a container, and return its name."""
        name = f"thief-{number}"
        publish = ("--name", name, "--publish", f"{number}:80", TINY)
        self.exits.enter_context(foreign_container(*publish))
        return name
