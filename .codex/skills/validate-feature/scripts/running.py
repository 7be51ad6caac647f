"""Runs commands with a deadline, and turns signals into one orderly end."""

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
# What a stopped command has for its own cleaning up before it is killed.
GRACE_SECONDS = 20.0
# A signal has its effect at the end of such a wait.
BETWEEN_LOOKS = 0.05
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """The validation was asked to end."""


@dataclass(frozen=True)
class Done:
    """What a command left behind; `code` is 127 where there is none, 124 after its deadline."""

    code: int
    out: str = ""
    err: str = ""

    @property
    def said(self) -> str:
        """All that it said."""
        return "\n".join(text for text in (self.out.strip(), self.err.strip()) if text)


def say(text: str) -> None:
    """Write a line to stderr; that nobody reads it any more is no reason to end."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        # What is left in the buffer has to go somewhere, or it would decide the exit code.
        with suppress(OSError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)


class Guard:
    """Raises Stopped at the first signal that comes at work; at any other time notes it only."""

    def __init__(self) -> None:
        """Take the signals over."""
        self.signal = 0
        self._working = False
        for each in SIGNALS:
            signal.signal(each, self._note)

    def work(self) -> None:
        """Let signals end what goes on from here; Stopped where one came already."""
        self._working = True
        if self.signal:
            raise Stopped

    def pause(self) -> bool:
        """Let signals wait; return whether they ended something before."""
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
        """Name where and with what; `guard` stops a command that is under way."""
        self._guard = guard
        self._cwd = cwd
        self._environ = dict(environ)

    def run(self, argv: Sequence[str], seconds: float, **variables: str) -> Done:
        """Run a command to its end, or to its deadline in seconds."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            # A signal is looked for between two waits. An exception of its handler could leave the
            # lock that Popen has for waiting taken, and waiting for the end would never end.
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
    """Ask the command and what it started to end; kill them where they do not."""
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
