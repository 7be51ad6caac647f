"""An engine that accepts every connection and never answers, and a `docker` that waits for it."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.harness.program import write_program
from tests.support.machine import FakeDocker, Shell

# What `docker` is asked here; each waits for ever.
QUESTIONS = (
    "ps",
    "version",
    "info",
    "context",
    "container",
    "network",
    "volume",
    "image",
    "events",
)


@contextmanager
def accepting(
    path: Path, is_frozen: Callable[[], bool] = lambda: True
) -> Iterator[list[socket.socket]]:
    """Accept all connections at the socket `path`, keep them in the list, and never answer.

    While it is not frozen, it answers that there is nothing.
    """
    taken: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(128)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    taken.append(server.accept()[0])
                    if not is_frozen():
                        asked = taken[-1].recv(65536)
                        nothing = b'{"Volumes": []}' if b"/volumes" in asked else b"[]"
                        taken[-1].sendall(b"HTTP/1.0 200 OK\r\n\r\n" + nothing)
                        taken[-1].close()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield taken
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for each in taken:
                each.close()


def waiting_docker(folder: Path) -> Path:
    """Return a folder with a `docker` that is no script, and waits for ever with every question.

    It is env(1), which runs what its first word names.
    """
    shutil.copy("/usr/bin/env", _made(folder) / "docker")
    for name in QUESTIONS:
        write_program(folder / name, "exec /bin/sleep 1000")
    return folder


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def on_frozen_engine(shell: Shell, docker: FakeDocker, folder: Path, address: Path) -> Shell:
    """Return the shell on an engine at the socket `address`; only Compose's plugin answers."""
    programs = waiting_docker(folder)
    return shell.having(
        PATH=f"{programs}:{shell.environ['PATH']}",
        DOCKER_CONFIG=str(docker.config),
        DOCKER_HOST=f"unix://{address}",
        COMPOSEPORTS_ENGINE_TIMEOUT="1",
    )
