"""The only module that starts other programs or replaces this process. Knows nothing of Docker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from composeports.host.heartbeat import Heartbeat, beating
from composeports.host.programs import find_program
from composeports.host.signals import signals_left_to_program
from composeports.host.time_limits import Wait
from composeports.host.trace_hook import Ended, trace_start

# A program whose output is read while it runs.
CapturedProcess = subprocess.Popen[bytes]

COLLECTED: dict[str, Any] = {
    "stdin": subprocess.DEVNULL,
    "stdout": subprocess.PIPE,
    "stderr": subprocess.PIPE,
}
NOT_FOUND = 127
# How many seconds to wait for the output of a program after it was killed.
KILLED_SECONDS = 1.0
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
# Variables that only composeports reads; they are not passed to other programs.
API_KEYS = "COMPOSEPORTS_API_KEYS"
SECRETS = frozenset({API_KEYS, "COMPOSEPORTS_STORE"})
# Error texts of programs that got no more memory: of Go's runtime, and of the C library (no more
# threads).
OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "pthread_create failed")


class Finished(NamedTuple):
    """The result of a program; `code` is 127 if it could not be started.

    `limit` is "time" or "memory" if the program reached that limit, else empty.
    """

    code: int
    out: str = ""
    err: str = ""
    limit: str = ""


class Limits(NamedTuple):
    """The limits of a program: time in seconds, memory in bytes.

    The memory limit works on Linux only.
    """

    seconds: float
    memory: int


class Running(Protocol):
    """A running program."""

    def finish(self) -> Finished:
        """Wait until the program ends and return its result."""
        ...

    def stop(self) -> None:
        """Kill the program if it still runs; its result is not needed."""
        ...


class Child:
    """A started program whose output is collected."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        ended: Ended,
        limits: Limits | None = None,
        wait: Wait | None = None,
    ) -> None:
        self._process = process
        self._ended = ended
        self._limits = limits
        self._wait = wait
        self._began_at = time.monotonic()
        if limits is not None:
            _limit_memory(process.pid, limits.memory)

    def finish(self) -> Finished:
        """Wait until the program ends and return its result; kill it if it takes too long."""
        limit = ""
        try:
            out, err = self._output()
        except subprocess.TimeoutExpired:
            limit = "time"
            out, err = self._killed()
        return self._finished(out, err, limit)

    def end(self) -> Finished:
        """Kill the program unless it has ended, and return its result."""
        return self._finished(*self._killed())

    def stop(self) -> None:
        """Kill the program if it still runs; its result is not needed."""
        if self._process.returncode is None:
            self.end()

    def _finished(self, out: bytes, err: bytes, limit: str = "") -> Finished:
        code = self._process.returncode
        self._ended(code)
        stderr = _text(err)
        if self._limits is not None and code and any(words in stderr for words in OUT_OF_MEMORY):
            limit = limit or "memory"
        return Finished(code, _text(out), stderr, limit)

    def _output(self) -> tuple[bytes, bytes]:
        """Return the program's stdout and stderr; raise TimeoutExpired if it takes too long."""
        wait = self._wait
        if wait is None:
            return self._process.communicate(timeout=self._seconds_left())
        while True:
            try:
                output = self._process.communicate(timeout=wait.turn())
            except subprocess.TimeoutExpired:
                if not wait.goes_on():
                    raise
                continue
            wait.answered()
            return output

    def _killed(self) -> tuple[bytes, bytes]:
        """Kill the program and return its output.

        Its child processes may keep its pipes open; they get KILLED_SECONDS, then the pipes are
        closed.
        """
        self._process.kill()
        try:
            return self._process.communicate(timeout=KILLED_SECONDS)
        except subprocess.TimeoutExpired as error:
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()
            self._process.wait()
            return error.output or b"", error.stderr or b""

    def _seconds_left(self) -> float | None:
        if self._limits is None:
            return None
        return max(0.0, self._began_at + self._limits.seconds - time.monotonic())


def _limit_memory(pid: int, size: int) -> None:
    """Limit the memory (bytes) of a program that has just been started, and of its child processes.

    The limit is set from outside, because a function between fork and exec makes every start
    slower.
    """
    import resource  # noqa: PLC0415 - only for a program with limits

    with suppress(OSError, AttributeError):  # it has ended already, or this is not Linux
        resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))


class _Missing:
    """A program that could not be started."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def finish(self) -> Finished:
        """Return exit code 127 and the reason, as a shell does."""
        return Finished(NOT_FOUND, err=self._reason)

    def stop(self) -> None:
        """Do nothing: there is no program."""


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "surrogateescape")


def _handed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for programs other than composeports: without its secrets."""
    return {name: value for name, value in environ.items() if name not in SECRETS}


def without_api_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the API keys of a server."""
    return {name: value for name, value in environ.items() if name != API_KEYS}


def _popen(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str | None,
    *,
    as_users_own: bool = False,
    **options: Any,  # noqa: ANN401 - Popen's own
) -> CapturedProcess:
    program = find_program(argv[0], environ, cwd)
    variables = dict(environ) if as_users_own else _handed_on(environ)
    return subprocess.Popen(argv, executable=program, env=variables, cwd=cwd, **options)


def start(  # noqa: PLR0913 - most are keywords
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str | None = None,
    *,
    own_group: bool = False,
    limits: Limits | None = None,
    wait: Wait | None = None,
) -> Running:
    """Start `argv` with no input and with its output collected; several programs may run at once.

    With `own_group`, a Ctrl-C of the terminal does not reach the program. `wait` limits how long
    `finish` waits; a program that takes longer is killed, as with `limits`. If the program cannot
    be started, the result has exit code 127.
    """
    end_hook = trace_start(argv)
    group = 0 if own_group else None
    try:
        process = _popen(argv, environ, cwd, process_group=group, **COLLECTED)
    except OSError as error:
        end_hook(NOT_FOUND)
        return _Missing(f"{argv[0]}: {error.strerror}")
    return Child(process, end_hook, limits, wait)


def start_on(channel: int, argv: Sequence[str], environ: Mapping[str, str]) -> Child:
    """Start `argv` with the file descriptor `channel` as stdin and stdout, out of Ctrl-C's reach.

    Raise OSError if it cannot be started.
    """
    end_hook = trace_start(argv)
    streams = {**COLLECTED, "stdin": channel, "stdout": channel}
    return Child(_popen(argv, environ, None, process_group=0, **streams), end_hook)


class Run(Protocol):
    """A function that runs a program for the user until it ends, and returns its exit code."""

    def __call__(  # noqa: PLR0913 - most are keywords
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
        """Run `argv`; `run_in_foreground`, the version for a terminal, describes the parameters."""
        ...


def run_in_foreground(  # noqa: PLR0913 - most are keywords
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
    """Run `argv` on this terminal and return its exit code: 128 + n for signal n, 127 if missing.

    Ctrl-C reaches the program directly, because the program is in the same process group; this
    process only waits for it to end. SIGTERM is sent to this process alone, so it is passed on to
    the program. Outside the main thread (in a server), signal handlers are not changed.
    `while_running` is called once, after the start, to use the time that the program takes.
    `heartbeat` runs until the program ends. The program inherits the file descriptors in
    `pass_fds`. `as_users_own` is for a command that the user allowed: it gets the whole
    environment, with what only composeports reads, because it may call composeports.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    end_hook = trace_start(argv)
    with signals_left_to_program() as start_hook, beating(heartbeat):
        try:
            out = sys.stderr.fileno() if out_to_stderr else None
            process = _popen(
                argv, environ, cwd, as_users_own=as_users_own, stdout=out, pass_fds=pass_fds
            )
        except OSError:
            end_hook(NOT_FOUND)
            return NOT_FOUND
        start_hook(process)
        if while_running is not None:
            while_running()
        code = process.wait()
    code = code if code >= 0 else 128 - code
    end_hook(code)
    return code


def start_captured(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str | None = None,
    pass_fds: Sequence[int] = (),
    *,
    as_users_own: bool = False,
) -> CapturedProcess | None:
    """Start `argv` with no input and with all its output in one pipe; None if it cannot be started.

    The program gets a process group of its own, and no access to the terminal, input and output of
    this process. `as_users_own` is as for `run_in_foreground`.
    """
    streams = {**COLLECTED, "stderr": subprocess.STDOUT, "process_group": 0}
    try:
        return _popen(argv, environ, cwd, as_users_own=as_users_own, pass_fds=pass_fds, **streams)
    except OSError:
        return None


def run_collected(argv: Sequence[str], environ: Mapping[str, str], cwd: str) -> Finished:
    """Run composeports itself in a process group of its own, with no input, and collect its output.

    It gets the whole environment, including the secrets of composeports. If this process is
    interrupted, it sends SIGINT to the whole group, waits for its end, and raises the exception
    again.
    """
    end_hook = trace_start(argv)
    process = subprocess.Popen(argv, env=dict(environ), cwd=cwd, process_group=0, **COLLECTED)
    try:
        return Child(process, end_hook).finish()
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.communicate()
        raise


def exec_program(
    argv: Sequence[str], environ: Mapping[str, str], *, as_users_own: bool = False
) -> int:
    """Replace this process with `argv`, as env(1) does; return only if that fails.

    Return 127 if the program is missing, 126 if it cannot be executed. `as_users_own` is for a
    command that the user wrote: it is looked up as in a shell, and gets the whole environment.
    """
    trace_start(argv)
    program = argv[0] if as_users_own else find_program(argv[0], environ) or argv[0]
    variables = dict(environ) if as_users_own else _handed_on(environ)
    sys.stdout.flush()
    sys.stderr.flush()
    # Python ignores these signals, and an ignored signal stays ignored in the next program.
    handlers = {number: signal.signal(number, signal.SIG_DFL) for number in IGNORED_BY_PYTHON}
    try:
        os.execvpe(program, list(argv), variables)  # noqa: S606 - the purpose of this function
    except OSError as error:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_FOUND - 1
