"""Real shells, which scripts/shells.py fetches once, each in a separate terminal."""

import json
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
from functools import cache
from pathlib import Path
from typing import Any

from tests.harness.waits import HANG

SCRIPT = Path(__file__).parents[2] / "scripts" / "shells.py"
# The cache belongs to the user who runs the tests, so this is read before tests set a new home.
OUTSIDE = dict(os.environ)


@cache
def programs() -> Mapping[str, Any]:
    """Return executable, environment and preamble of bash, zsh, fish and direnv, by name."""
    done = subprocess.run(
        (sys.executable, str(SCRIPT)), env=OUTSIDE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


@dataclass
class Terminal:
    """A program on a terminal: its input, and the visible output."""

    file: int
    seen: str = ""

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.file, text.encode())

    def wait_for(self, text: str) -> None:
        """Return once the text is visible, and drop the output up to its end."""
        end = time.monotonic() + HANG
        while text not in self.seen:
            left = end - time.monotonic()
            assert left > 0, f"waited {HANG} s for {text!r}; seen: {self.seen!r}"
            if select.select([self.file], [], [], left)[0]:
                self.seen += os.read(self.file, 4096).decode(errors="replace")
        self.seen = self.seen.partition(text)[2]


@contextmanager
def on_a_terminal(
    argv: tuple[str, ...], cwd: Path, environ: Mapping[str, str]
) -> Iterator[Terminal]:
    """Run a program on a new terminal; end it at the end."""
    pid, file = pty.fork()
    if pid == 0:  # pragma: no cover - the child
        try:
            os.chdir(cwd)
            os.execve(argv[0], argv, dict(environ))
        finally:
            os._exit(127)
    try:
        yield Terminal(file)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(file)
