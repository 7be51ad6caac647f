"""Running programs for somebody without a terminal: heard line by line, and stopped from outside.

A server runs several at once, each on a thread of its own, and none of them may read or write what
the server speaks with.
"""

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from composeports.host.heartbeat import Heartbeat, beating
from composeports.host.process import NOT_FOUND, Heard, start_heard

# What a program that Ctrl-C ended returns to a shell.
STOPPED = 130
# How long a program that was asked to end may take, in seconds.
GRACE = 10.0


class CapturedRunner:
    """Whoever runs programs for one caller, one after the other, until it is stopped."""

    def __init__(self, hear: Callable[[str], None], grace: float = GRACE) -> None:
        """Let `hear`, which must not fail, have every line that they say."""
        self._grace = grace
        self._hear = hear
        self._lock = threading.Lock()
        self._stopped = False
        self._process: Heard | None = None

    def run(  # noqa: PLR0913 - most are keywords
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        *,
        cwd: str | None = None,
        out_to_stderr: bool = False,
        meanwhile: Callable[[], None] | None = None,
        inherited: Sequence[int] = (),
        beat: Heartbeat | None = None,
    ) -> int:
        """Run `argv` and return its exit code, as `run_in_foreground` does; 130 once stopped."""
        del out_to_stderr  # it is heard, wherever it speaks
        with self._lock:
            if self._stopped:
                return STOPPED
            process = self._process = start_heard(argv, environ, cwd, inherited)
        if process is None:
            return NOT_FOUND
        with process, beating(beat):
            if meanwhile is not None:
                meanwhile()
            for line in process.stdout or ():
                self._hear(line.decode("utf-8", "replace").rstrip())
        code = process.returncode
        return code if code >= 0 else 128 - code

    def stop(self) -> None:
        """Ask what runs to end, as Ctrl-C does, and end it after a while; nothing more is run."""
        with self._lock:
            self._stopped = True
            process = self._process
        if process is None:
            return
        self._send(process, signal.SIGINT)
        timer = threading.Timer(self._grace, self._send, (process, signal.SIGKILL))
        timer.daemon = True
        timer.start()

    @staticmethod
    def _send(process: Heard, number: int) -> None:
        """Send a signal to the program and what it started, unless it has ended."""
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
