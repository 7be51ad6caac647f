"""The vocabulary of failures: foreign ports, and an engine that goes away.

The engine "goes away" as a proxy in front of it stops answering: a test must not stop an engine
that others use. Its containers continue to run, which is the dangerous case.
"""

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.harness.engine import engine
from tests.harness.program import PROGRAM, Done, run, without_root_powers
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Projects, Session, block_grids, fresh_environ

WEB = stack({"web": {"ports": ["${WEB_PORT:-8080}:80"]}})
GRIDS = block_grids(28000, 31000)


@pytest.fixture
def environ(tmp_path: Path, projects: Projects) -> Iterator[dict[str, str]]:
    """Yield a fresh shell's environment on blocks that the other tests do not use."""
    yield fresh_environ(tmp_path, GRIDS)
    projects.take_down(tmp_path)


@pytest.fixture
def web(make_repository: MakeRepository) -> Session:
    """Return a checkout with one service that publishes one port."""
    return make_repository({"compose.yaml": WEB}).main


def assert_untouched(session: Session) -> None:
    """Check that a failed `up` left nothing: no lease, no folder, nothing on the engine."""
    assert session.leases() == []
    assert not os.path.lexists(session.directory / ".composeports")
    assert session.resources_of() == []


@dataclass
class Gate:
    """A socket in front of the engine that a test can shut, as if the engine had stopped.

    A test sees the requests that pass through it, and can act before the engine does.
    """

    path: Path
    engine: str
    _listener: socket.socket | None = None
    _open: list[socket.socket] = field(default_factory=list)
    _rivals: list[tuple[re.Pattern[bytes], Callable[[re.Match[bytes]], object]]] = field(
        default_factory=list
    )
    _watching: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        """What DOCKER_HOST says."""
        return f"unix://{self.path}"

    def open(self) -> None:
        """Forward all requests to the engine."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(128)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def once(self, text: bytes, act: Callable[[re.Match[bytes]], object]) -> None:
        """Call `act` just before forwarding the next request or answer that matches `text`."""
        self._rivals.append((re.compile(text), act))

    def shut(self) -> None:
        """Stop answering, and end open connections."""
        if self._listener is None:
            return
        self.path.unlink()
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._listener = None
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.engine)
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        passed = b""
        with suppress(OSError):
            while data := source.recv(65536):
                # A request may come in pieces; the engine acts when it has the last one.
                passed = self._let_rivals_act((passed + data)[-65536:])
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _let_rivals_act(self, data: bytes) -> bytes:
        """Let the first rival who waited for this act; return what may still become a match."""
        with self._watching:
            for each in self._rivals:
                match = each[0].search(data)
                if match:
                    self._rivals.remove(each)
                    each[1](match)
                    return b""
            return data if self._rivals else b""


@pytest.fixture
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """Yield an open gate before the engine that the tests use."""
    made = Gate(tmp_path_factory.mktemp("g") / "s", engine().socket)
    made.open()
    yield made
    made.shut()


def run_with_rights(session: Session, *arguments: str) -> Done:
    """Run `composeports` as a user who is bound by file permissions (not root)."""
    environ = {**session.environ, "PWD": str(session.directory)}
    return run(*without_root_powers(), PROGRAM, *arguments, cwd=session.directory, environ=environ)
