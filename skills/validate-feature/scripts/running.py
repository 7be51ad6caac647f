"""Run commands with a deadline, and turn a signal into an orderly end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOT_FOUND = 127
TIMED_OUT = 124
# How long a stopped command may clean up before it is killed.
GRACE_SECONDS = 20.0
# Seconds between two checks for a signal while a command runs.
BETWEEN_LOOKS = 0.05
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked the validation to end."""


@dataclass(frozen=True)
class Done:
    """A command's exit code and output.

    `code` is 127 if the command was not found, 124 if it was ended after its deadline.
    """

    code: int
    out: str = ""
    err: str = ""

    @property
    def said(self) -> str:
        """Its stdout and stderr, without empty parts."""
        return "\n".join(text for text in (self.out.strip(), self.err.strip()) if text)


def say(text: str) -> None:
    """Write a line to stderr; do not fail if the reader has closed the pipe."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        # The buffered text must go somewhere, or flushing it at exit would change the exit code.
        with suppress(OSError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)


class Guard:
    """Raises Stopped at the first signal between work() and pause(); else only records it."""

    def __init__(self) -> None:
        """Install the signal handlers."""
        self.signal = 0
        self._working = False
        for each in SIGNALS:
            signal.signal(each, self._note)

    def work(self) -> None:
        """Let the first signal raise Stopped from now on; raise it now if one came already."""
        self._working = True
        if self.signal:
            raise Stopped

    def pause(self) -> bool:
        """Only record signals from now on; return True if they raised Stopped before."""
        was, self._working = self._working, False
        return was

    def _note(self, number: int, _frame: object) -> None:
        first = not self.signal
        self.signal = self.signal or number
        if first and self._working:
            raise Stopped
        say("validate: asked to end; the stack is being taken down first")


class Runner:
    """Runs commands in one folder with one environment."""

    def __init__(self, guard: Guard, cwd: str, environ: Mapping[str, str]) -> None:
        """Set the folder and the environment; a signal at `guard` stops a running command."""
        self._guard = guard
        self._cwd = cwd
        self._environ = dict(environ)

    def run(self, argv: Sequence[str], seconds: float, **variables: str) -> Done:
        """Run a command until it ends, or end it after the given seconds."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            # Check for a signal between two waits instead of raising from its handler: an exception
            # there could leave Popen's wait lock taken, and the next wait would never end.
            at_work = self._guard.pause()
            try:
                process = subprocess.Popen(
                    argv,
                    cwd=self._cwd,
                    env={**self._environ, **variables},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            except OSError as error:
                self._go_on(at_work=at_work)
                return Done(NOT_FOUND, err=f"{argv[0]}: {error.strerror}")
            code = self._wait(process, seconds, at_work=at_work)
            self._go_on(at_work=at_work)
            return Done(code, _text(out.fileno()), _text(err.fileno()))

    def _wait(self, process: subprocess.Popen[bytes], seconds: float, *, at_work: bool) -> int:
        deadline = time.monotonic() + seconds
        while not (at_work and self._guard.signal):
            with suppress(subprocess.TimeoutExpired):
                return process.wait(BETWEEN_LOOKS)
            if time.monotonic() > deadline:
                break
        _end(process)
        return TIMED_OUT

    def _go_on(self, *, at_work: bool) -> None:
        if at_work:
            self._guard.work()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM to the command's process group; send SIGKILL if it does not end in time."""
    deadline = time.monotonic() + GRACE_SECONDS
    _signal(process, signal.SIGTERM)
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _text(file: int) -> str:
    os.lseek(file, 0, os.SEEK_SET)
    with open(file, "rb", closefd=False) as stream:
        return stream.read().decode("utf-8", "replace")
