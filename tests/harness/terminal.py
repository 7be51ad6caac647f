"""Programs at work: on a terminal, or with their output in a file; they end with the block."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.harness.program import kill_group, start
from tests.harness.session import Session
from tests.harness.waits import HANG

# Makes the terminal on stdin the one that sends signals, and becomes the program.
CONTROLLED = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclass
class Running:
    """A program at work, with all that it has written so far."""

    process: "subprocess.Popen[bytes]"
    terminal: int | None = None
    log: Path = Path(os.devnull)
    _shown: bytes = b""
    _read: int = 0

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

    def says(self, text: str) -> None:
        """Wait until the program has written `text`."""
        self._wait_for(text, 0)

    def says_next(self, text: str) -> None:
        """Wait until the program has written `text` after the text that was waited for before."""
        self._read = self._wait_for(text, self._read)

    def _wait_for(self, text: str, begin: int) -> int:
        """Wait for a text from a position on; return the position of its end."""
        deadline = time.monotonic() + HANG
        while True:
            ended = self.process.poll() is not None
            index = self.said.find(text, begin)
            if index >= 0:
                return index + len(text)
            said = self.said[begin:]
            assert not ended, f"ended without {text!r}: {said}"
            assert time.monotonic() < deadline, f"not within {HANG} s: {text!r} in {said}"
            time.sleep(0.01)  # a log file gives no sign of new text; the deadline ends a hang

    def type(self, text: str) -> None:
        """Press keys at the terminal."""
        assert self.terminal is not None
        os.write(self.terminal, text.encode())

    def press_ctrl_c(self) -> None:
        """Do what Ctrl-C does: the terminal sends SIGINT to its foreground process group."""
        self.type("\x03")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal only to the program."""
        self.process.send_signal(number)

    def dies_after(self, seconds: float) -> None:
        """Kill the program, and all that it started, at that moment if it is still there."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        kill_group(self.process)

    def ends(self, seconds: float = HANG) -> int:
        """Wait for the end and return the exit code as a shell shows it."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"still there after {seconds} s: {self.said}"
            _ = self.said  # the program would block if the test did not read the terminal
            time.sleep(0.02)  # the terminal must be read meanwhile; the deadline ends a hang
        code = self.process.returncode
        return code if code >= 0 else 128 - code


@contextmanager
def starting(session: Session, *arguments: str, log: Path) -> Iterator[Running]:
    """Start `composeports` with its output in a file; it is killed at the end if it still runs."""
    with log.open("wb") as out:
        process = session.start(*arguments, stdout=out, stderr=out, start_new_session=True)
    with _ended(process):
        yield Running(process, log=log)


@contextmanager
def at_terminal(session: Session, *argv: str | Path) -> Iterator[Running]:
    """Start a program on a new terminal, in the terminal's foreground process group."""
    environ = {**session.environ, "PWD": str(session.directory), "TERM": "xterm"}
    with on_terminal(*argv, cwd=session.directory, environ=environ) as running:
        yield running


@contextmanager
def on_terminal(*argv: str | Path, cwd: Path, environ: Mapping[str, str]) -> Iterator[Running]:
    """Start a program on a new terminal; it is killed at the end if it still runs."""
    ours, theirs = pty.openpty()
    process = start(
        *(sys.executable, "-c", CONTROLLED, *argv),
        cwd=cwd,
        environ=environ,
        **dict.fromkeys(("stdin", "stdout", "stderr"), theirs),
        start_new_session=True,
    )
    os.close(theirs)
    try:
        with _ended(process):
            yield Running(process, terminal=ours)
    finally:
        os.close(ours)


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
    finally:
        if process.poll() is None:
            kill_group(process)
