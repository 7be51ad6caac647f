"""The only door to other programs: start, wait, replace; it knows nothing of Docker."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

NOT_FOUND = 127


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program left behind; `code` is 127 where there is no such program."""

    code: int
    out: str = ""
    err: str = ""


class Running(Protocol):
    """A program under way."""

    def finish(self) -> Finished:
        """Wait for its end and return what it said."""
        ...


class _Child:
    """A started program whose output is collected."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def finish(self) -> Finished:
        """Wait for its end and return what it said."""
        out, err = self._process.communicate()
        code = self._process.returncode
        return Finished(code, _text(out), _text(err))


class _Missing:
    """A program that could not be started."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def finish(self) -> Finished:
        """Return the failure, as a shell would report it."""
        return Finished(NOT_FOUND, err=self._reason)


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "surrogateescape")


def start(argv: Sequence[str], environ: Mapping[str, str], cwd: str | None = None) -> Running:
    """Start `argv` with its output collected and its input empty; several may run side by side."""
    try:
        process = subprocess.Popen(
            argv,
            env=dict(environ),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        return _Missing(f"{argv[0]}: {error.strerror}")
    return _Child(process)


def run_in_foreground(
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    cwd: str | None = None,
    out_to_stderr: bool = False,
    meanwhile: Callable[[], None] | None = None,
) -> int:
    """Run `argv` on our own terminal and return its exit code, 128 + n for signal n.

    Ctrl-C reaches the program directly, since it is in our process group; we only wait for how it
    ends. SIGTERM is sent to us alone, so it is passed on. `meanwhile` uses the time that the
    program takes.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        process = subprocess.Popen(
            argv,
            env=dict(environ),
            cwd=cwd,
            stdout=sys.stderr.fileno() if out_to_stderr else None,
        )
    except OSError:
        return NOT_FOUND
    with _signals_left_to(process):
        if meanwhile is not None:
            meanwhile()
        code = process.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _signals_left_to(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    def pass_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    # A handler and not SIG_IGN: an ignored signal would stay ignored in programs started later.
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda _number, _frame: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, pass_on),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def replace(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Become `argv`, as env(1) does; return 127 (126) only where it is missing (not a program)."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvpe(argv[0], list(argv), dict(environ))  # noqa: S606 - that is the point
    except FileNotFoundError:
        return NOT_FOUND
    except OSError:
        return NOT_FOUND - 1
