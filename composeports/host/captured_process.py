"""Run programs without a terminal: read their output line by line, and stop them on request.

A server runs several programs at once, each on its own thread. None of them may read the server's
input or write to its output.
"""

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from composeports.host.heartbeat import Heartbeat, beating
from composeports.host.process import NOT_FOUND, CapturedProcess, start_captured

# The exit code that a shell reports for a program ended by Ctrl-C.
STOPPED = 130
# How many seconds a program may take to end after SIGINT.
GRACE = 10.0


class CapturedRunner:
    """Runs programs for one caller, one after the other, until `stop` is called."""

    def __init__(self, hear: Callable[[str], None], grace: float = GRACE) -> None:
        """Call `hear`, which must not raise, with each line of output; `grace` is in seconds."""
        self._grace = grace
        self._hear = hear
        self._lock = threading.Lock()
        self._stopped = False
        self._process: CapturedProcess | None = None

    def run(  # noqa: PLR0913 - most are keywords
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        *,
        cwd: str | None = None,
        out_to_stderr: bool = False,
        while_running: Callable[[], None] | None = None,
        pass_fds: Sequence[int] = (),
        heartbeat: Heartbeat | None = None,
        as_users_own: bool = False,
    ) -> int:
        """Run `argv` and return its exit code, as `run_in_foreground` does.

        Return 130 and start nothing if `stop` was called before.
        """
        del out_to_stderr  # both output streams are read in any case
        with self._lock:
            if self._stopped:
                return STOPPED
            process = self._process = start_captured(
                argv, environ, cwd, pass_fds, as_users_own=as_users_own
            )
        if process is None:
            return NOT_FOUND
        with process, beating(heartbeat):
            if while_running is not None:
                while_running()
            for line in process.stdout or ():
                self._hear(line.decode("utf-8", "replace").rstrip())
        code = process.returncode
        return code if code >= 0 else 128 - code

    def is_stopped(self) -> bool:
        """Return True after `stop` was called."""
        return self._stopped

    def stop(self) -> None:
        """Send SIGINT to the running program, and SIGKILL if it has not ended after the grace time.

        Returns without waiting. Later calls of `run` start nothing.
        """
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
    def _send(process: CapturedProcess, number: int) -> None:
        """Send the signal to the program and its child processes, unless the program has ended."""
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
