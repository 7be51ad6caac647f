"""The vocabulary of failures: foreign ports, an engine that goes away, a terminal, signals.

The engine "goes away" as a proxy in front of it stops answering: a test must not stop an engine
that others use. Its containers continue to run, which is the dangerous case.
"""

import itertools
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.acceptance.conftest import (
    ENGINE_VARIABLES,
    PROGRAM,
    RANGE,
    SLOTS,
    Done,
    MakeRepository,
    Projects,
    Session,
    docker,
    fresh_environ,
    run,
    stack,
)
from tests.support.patience import HANG

WEB = stack({"web": {"ports": ["${WEB_PORT:-8080}:80"]}})
_bases = itertools.cycle(range(28000, 31000, RANGE * SLOTS))
for _ in range(os.getpid() % 15):
    next(_bases)


@pytest.fixture
def environ(tmp_path: Path, projects: Projects) -> Iterator[dict[str, str]]:
    """Yield a fresh shell's environment on blocks that the other tests do not use."""
    yield {**fresh_environ(tmp_path), "PORT_ALLOC_BASE": str(next(_bases))}
    projects.take_down(tmp_path)


@pytest.fixture
def web(make_repository: MakeRepository) -> Session:
    """Return a checkout with one service that publishes one port."""
    return make_repository({"compose.yaml": WEB}).main


def base(session: Session) -> int:
    """Return the first port of the session's first block."""
    return int(session.environ["PORT_ALLOC_BASE"])


def leases(session: Session) -> list[dict[str, object]]:
    """Return all held leases of the session's store."""
    rows: list[dict[str, object]] = session.json("status")
    return rows


def assert_untouched(session: Session) -> None:
    """Check that a failed `up` left nothing: no lease, no folder, nothing on the engine."""
    assert leases(session) == []
    assert not os.path.lexists(session.directory / ".composeports")
    assert session.resources_of() == []


LISTENERS = {
    "tcp": (socket.AF_INET, socket.SOCK_STREAM, "0.0.0.0"),
    "udp": (socket.AF_INET, socket.SOCK_DGRAM, "0.0.0.0"),
    "ipv6-only": (socket.AF_INET6, socket.SOCK_STREAM, "::"),
    "loopback-only": (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"),
}


@contextmanager
def foreign_listener(kind: str, port: int) -> Iterator[socket.socket]:
    """Hold a port as a program that is not ours would."""
    family, style, address = LISTENERS[kind]
    with socket.socket(family, style) as held:
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        held.bind((address, port))
        if style == socket.SOCK_STREAM:
            held.listen()
        yield held


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
    where = docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip()
    address = ENGINE_VARIABLES.get("DOCKER_HOST", where)
    assert address.startswith("unix://"), f"these tests need an engine on a socket: {address}"
    made = Gate(tmp_path_factory.mktemp("g") / "s", address.removeprefix("unix://"))
    made.open()
    yield made
    made.shut()


@dataclass
class Started:
    """A program under way, with all that it has said so far."""

    process: subprocess.Popen[bytes]
    terminal: int | None = None
    log: Path = Path(os.devnull)
    _shown: bytes = b""

    @property
    def said(self) -> str:
        """What the program has written so far."""
        if self.terminal is None:
            return self.log.read_text(errors="replace")
        while select.select([self.terminal], [], [], 0)[0]:
            try:
                data = os.read(self.terminal, 65536)
            except OSError:  # the other side is closed
                break
            if not data:
                break
            self._shown += data
        return self._shown.decode(errors="replace")

    def says(self, text: str, seconds: float = HANG) -> None:
        """Wait until the program has written `text`."""
        deadline = time.monotonic() + seconds
        while text not in self.said:
            assert self.process.poll() is None, f"ended without {text!r}: {self.said}"
            assert time.monotonic() < deadline, f"not within {seconds} s: {text!r} in {self.said}"
            time.sleep(0.02)

    def press_ctrl_c(self) -> None:
        """Do what Ctrl-C does: the terminal sends SIGINT to its foreground process group."""
        assert self.terminal is not None
        os.write(self.terminal, b"\x03")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal only to the program."""
        self.process.send_signal(number)

    def dies_after(self, seconds: float) -> None:
        """Kill the program, and all that it started, at that moment if it is still there."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def ends(self, seconds: float = HANG) -> int:
        """Wait for the end and return the exit code as a shell shows it."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"still there after {seconds} s: {self.said}"
            _ = self.said  # the program would block if the test did not read the terminal
            time.sleep(0.02)
        code = self.process.returncode
        return code if code >= 0 else 128 - code


@contextmanager
def starting(session: Session, *arguments: str, log: Path) -> Iterator[Started]:
    """Start `composeports` with its output in a file; it is killed at the end if it still runs."""
    environ = {**session.environ, "PWD": str(session.directory)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [PROGRAM, *arguments],
            cwd=session.directory,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    with _ended(process):
        yield Started(process, log=log)


# Makes the terminal on stdin the one that sends signals, and becomes the program.
CONTROLLED = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@contextmanager
def at_terminal(session: Session, *argv: str | Path) -> Iterator[Started]:
    """Start a program on a new terminal, in the terminal's foreground process group."""
    environ = {**session.environ, "PWD": str(session.directory), "TERM": "xterm"}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CONTROLLED, *argv],
        cwd=session.directory,
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        with _ended(process):
            yield Started(process, terminal=ours)
    finally:
        os.close(ours)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()


@contextmanager
def foreign_container(*arguments: str, start: bool = True) -> Iterator[str]:
    """Have a container that no composeports knows; give its id."""
    verb = ("run", "--detach") if start else ("create",)
    identity = docker(*verb, *arguments).strip()
    try:
        yield identity
    finally:
        docker("rm", "--force", identity)


def without_root_powers() -> list[str]:
    """Return the words that make root obey the rights of files, for tests that run as root."""
    if os.geteuid():
        return []
    assert shutil.which("setpriv"), "as root, these tests need setpriv (util-linux)"
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"]


def run_with_rights(session: Session, *arguments: str) -> Done:
    """Run `composeports` as a user who is bound by file permissions (not root)."""
    environ = {**session.environ, "PWD": str(session.directory), "PATH": session.environ["PATH"]}
    argv = [*without_root_powers(), str(PROGRAM), *arguments]
    return run(*argv, cwd=session.directory, environ=environ)
