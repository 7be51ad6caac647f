"""Run composeports as the installed program, record its steps, and kill it before one of them.

    FAULTS_TRACE=FILE [FAULTS_KILL=N] [FAULTS_CLOCK=SECONDS] [FAULTS_POSTGRES=1]
        python -P launcher.py ...

A step is an operation that changes something outside of the process, or waits for it. With
FAULTS_KILL the program gets SIGKILL just before its step N; programs that it started continue.
With FAULTS_CLOCK the wall clock is wrong by that many seconds; with FAULTS_POSTGRES every request
to a PostgreSQL server is a step.
"""

import os
import signal
import sqlite3
import sys
import time
from typing import Any

CHANGES = frozenset(
    {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod"}
    | {"os.truncate", "subprocess.Popen", "os.exec", "os.posix_spawn", "sqlite3.connect"}
    | {"fcntl.flock", "fcntl.lockf"}
)
WRITING = os.O_WRONLY | os.O_RDWR


class Steps:
    """The steps of this process so far."""

    def __init__(self, trace: str, kill_at: int) -> None:
        self._file = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._count = 0
        self._kill_at = kill_at
        self._connect = sqlite3.connect

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        """Take an audit event of Python."""
        if event == "open" and _writes(arguments):
            self._take(f"open {_shown(arguments[0])}")
        elif event in CHANGES:
            self._take(f"{event} {_shown(arguments[0])}")

    def connect(self, *arguments: Any, **options: Any) -> sqlite3.Connection:  # noqa: ANN401
        """Connect as sqlite3 does; each statement is a step.

        The audit event that hands out a connection comes too early: it cannot be traced yet.
        """
        connection: sqlite3.Connection = self._connect(*arguments, **options)
        connection.set_trace_callback(lambda text: self._take(f"sql {' '.join(text.split())}"))
        return connection

    def watch_postgres(self) -> None:
        """Count each message to a server and each wait for it as a step."""
        import psycopg  # noqa: PLC0415 - only where the store is one

        wait = psycopg.Connection.wait

        def waiting(connection: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            self._take("postgres")
            return wait(connection, *arguments, **options)

        psycopg.Connection.wait = waiting  # type: ignore[method-assign, assignment]

    def _take(self, what: str) -> None:
        self._count += 1
        os.write(self._file, f"{self._count} {what[:100]}\n".encode("ascii", "replace"))
        if self._count == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def _writes(arguments: tuple[object, ...]) -> bool:
    path, _mode, flags = arguments
    if not isinstance(path, str | bytes) or not isinstance(flags, int) or not flags & WRITING:
        return False
    name = os.fsdecode(path)
    return not name.startswith("/dev/") and "__pycache__" not in name


def _shown(argument: object) -> str:
    return (
        repr(os.path.basename(argument)) if isinstance(argument, str) else type(argument).__name__
    )


def _main() -> None:
    trace, kill_at = os.environ.pop("FAULTS_TRACE"), int(os.environ.pop("FAULTS_KILL", "0"))
    steps = Steps(trace, kill_at)
    offset, real = float(os.environ.pop("FAULTS_CLOCK", "0")), time.time
    if offset:
        time.time = lambda: real() + offset
    sys.argv[0] = "composeports"
    sys.addaudithook(steps.hear)
    sqlite3.connect = steps.connect  # type: ignore[assignment]
    if os.environ.pop("FAULTS_POSTGRES", ""):
        steps.watch_postgres()
    from composeports.__main__ import main  # noqa: PLC0415 - the clock and the steps come first

    main()


if __name__ == "__main__":
    _main()
