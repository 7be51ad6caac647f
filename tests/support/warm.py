"""Runs of composeports that are forked from a process which has imported all modules.

Starting Python and importing takes eight times as long as the work of most tests. Runs that a fork
cannot do (another user, locale or installation) are started as new processes.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Thread

from tests.harness.waits import HANG

SERVER = Path(__file__).parent / "warm_server.py"
FOLDER = Path(sys.executable).parent
PROGRAMS = frozenset(str(FOLDER / name) for name in ("composeports", "compose-up", "compose-down"))
LOCALE = "C.UTF-8"
# What one message of a socket holds for sure.
REQUEST_BYTES = 100_000


def run(
    argv: tuple[str, ...], cwd: Path, environ: Mapping[str, str]
) -> tuple[int, bytes, bytes] | None:
    """Return the exit code, stdout and stderr of a run; None if it needs a new process."""
    request = _request(argv, cwd, environ)
    if request is None:
        return None
    ours, theirs = socket.socketpair()
    outputs = [os.pipe(), os.pipe()]
    with ours, theirs:
        written = [end for _, end in outputs]
        socket.send_fds(_server(os.getpid()), [request], [*written, theirs.fileno()])
        theirs.close()
        for number in written:
            os.close(number)
        readers = [_Reader(end) for end, _ in outputs]
        return _code(ours), readers[0].text(), readers[1].text()


class _Reader(Thread):
    """Reads a pipe to its end, whichever of the two is filled first."""

    def __init__(self, end: int) -> None:
        super().__init__(daemon=True)
        self._end = end
        self._data = b""
        self.start()

    def run(self) -> None:
        with open(self._end, "rb") as pipe:
            self._data = pipe.read()

    def text(self) -> bytes:
        self.join(HANG)
        assert not self.is_alive(), "something goes on that has the run's output"
        return self._data


def _code(reply: socket.socket) -> int:
    reply.settimeout(HANG)
    with reply.makefile("r") as lines:
        child = int(lines.readline())
        try:
            return int(lines.readline())
        except TimeoutError:
            os.kill(child, signal.SIGKILL)
            raise


def _request(argv: tuple[str, ...], cwd: Path, environ: Mapping[str, str]) -> bytes | None:
    if argv[0] not in PROGRAMS or os.geteuid() != os.getuid():
        return None
    if environ.get("LC_ALL") != LOCALE or any(name.startswith("PYTHON") for name in environ):
        return None
    umask = os.umask(0o077)
    os.umask(umask)
    run = {"argv": argv, "cwd": str(cwd), "environ": dict(environ), "umask": umask}
    request = json.dumps(run).encode()
    return request if len(request) < REQUEST_BYTES else None


@cache
def _server(of: int) -> socket.socket:
    """Start the process that forks, one for each process that runs tests."""
    del of
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            (sys.executable, "-P", str(SERVER)),
            stdin=theirs.fileno(),
            env={"PATH": os.environ["PATH"], "LC_ALL": LOCALE},
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
