"""The only door to other programs: start, wait, replace; it knows nothing of Docker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple, Protocol

from composeports.errors import ConfigError
from composeports.host.heartbeat import Heartbeat, beating
from composeports.host.signals import signals_left_to_program
from composeports.host.time_limits import Wait
from composeports.host.trace_hook import Ended, trace_start

# A program whose output is read while it runs.
Heard = subprocess.Popen[bytes]

NOT_FOUND = 127
PIECE = 1 << 20
# How long the last words of a program that was ended are waited for.
KILLED_SECONDS = 1.0
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
# What composeports alone reads; the programs that it starts do not learn it.
SECRETS = frozenset({"COMPOSEPORTS_API_KEYS", "COMPOSEPORTS_STORE"})
# How programs say that they got no more memory: Go's runtime, and the C library (no more threads).
OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "pthread_create failed")


class Finished(NamedTuple):
    """What a program left behind; `code` is 127 where there is no such program.

    `limit` is the one that ended it, "time" or "memory", empty where none did.
    """

    code: int
    out: str = ""
    err: str = ""
    limit: str = ""


class Limits(NamedTuple):
    """How long a program may take, in seconds, and how much memory it may get, in bytes.

    The limit on memory is kept on Linux alone.
    """

    seconds: float
    memory: int


class Running(Protocol):
    """A program under way."""

    def finish(self) -> Finished:
        """Wait for its end and return what it said."""
        ...


class _Child:
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
        """Wait for its end and return what it said; what takes too long is ended."""
        limit = ""
        try:
            out, err = self._output()
        except subprocess.TimeoutExpired:
            limit = "time"
            out, err = self._killed()
        code = self._process.returncode
        self._ended(code)
        said = _text(err)
        if self._limits is not None and code and any(words in said for words in OUT_OF_MEMORY):
            limit = limit or "memory"
        return Finished(code, _text(out), said, limit)

    def _output(self) -> tuple[bytes, bytes]:
        """Return all that it writes; TimeoutExpired where that takes too long."""
        wait = self._wait
        if wait is None:
            return self._process.communicate(timeout=self._seconds_left())
        while True:
            try:
                found = self._process.communicate(timeout=wait.turn())
            except subprocess.TimeoutExpired:
                if not wait.goes_on():
                    raise
                continue
            wait.answered()
            return found

    def _killed(self) -> tuple[bytes, bytes]:
        """End the program; what it started may have its pipes still, and is not waited for."""
        self._process.kill()
        try:
            return self._process.communicate(timeout=KILLED_SECONDS)
        except subprocess.TimeoutExpired as expired:
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()
            self._process.wait()
            return expired.output or b"", expired.stderr or b""

    def _seconds_left(self) -> float | None:
        if self._limits is None:
            return None
        return max(0.0, self._began_at + self._limits.seconds - time.monotonic())


def _limit_memory(pid: int, size: int) -> None:
    """Limit what a program that has just been started may get; what it starts has the same limit.

    It is done from outside, since a function between fork and exec makes every start slower.
    """
    import resource  # noqa: PLC0415 - only for what is limited

    with suppress(OSError, AttributeError):  # it has ended already, or this is no Linux
        resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))


class _Missing:
    """A program that could not be started."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def finish(self) -> Finished:
        """Return the failure, as a shell would report it."""
        return Finished(NOT_FOUND, err=self._reason)


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "surrogateescape")


def _handed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a program that is not composeports: without its secrets."""
    return {name: value for name, value in environ.items() if name not in SECRETS}


def find_program(name: str, environ: Mapping[str, str], cwd: str | None = None) -> str | None:
    """Return the path of a program that PATH leads to; None where there is none.

    ConfigError where PATH leads to one in a folder without a whole path: that is a program of the
    folder that we are called in, which may be anybody's repository.
    """
    if os.sep in name:
        return name
    for folder in os.get_exec_path(environ):
        path = os.path.join(folder, name)
        place = os.path.join(cwd or "", path)
        if not os.path.isfile(place) or not os.access(place, os.X_OK):
            continue
        if os.path.isabs(folder):
            return path
        shown = f"the relative folder {folder!r}" if folder else "an empty entry"
        message = f"PATH has {shown}, which leads to a `{name}` of the current folder"
        hint = f"take it out of PATH, or put it behind the folder of your own `{name}`"
        raise ConfigError(message, hint=hint, setting="PATH")
    return None


def start(  # noqa: PLR0913 - most are keywords
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str | None = None,
    *,
    apart: bool = False,
    limits: Limits | None = None,
    wait: Wait | None = None,
) -> Running:
    """Start `argv` with its output collected and its input empty; several may run side by side.

    What runs `apart` is not reached by a Ctrl-C of the terminal. `wait` says how long the program
    is waited for; what takes longer is ended, as with `limits`.
    """
    ended = trace_start(argv)
    try:
        process = subprocess.Popen(
            argv,
            executable=find_program(argv[0], environ, cwd),
            env=_handed_on(environ),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0 if apart else None,
        )
    except OSError as error:
        ended(NOT_FOUND)
        return _Missing(f"{argv[0]}: {error.strerror}")
    return _Child(process, ended, limits, wait)


class Run(Protocol):
    """Runs a program that does the user's work to its end, and returns its exit code."""

    def __call__(  # noqa: PLR0913 - most are keywords
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
        """As `run_in_foreground`, which is the one for a terminal."""
        ...


def run_in_foreground(  # noqa: PLR0913 - most are keywords
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    cwd: str | None = None,
    out_to_stderr: bool = False,
    meanwhile: Callable[[], None] | None = None,
    inherited: Sequence[int] = (),
    beat: Heartbeat | None = None,
) -> int:
    """Run `argv` on our own terminal and return its exit code, 128 + n for signal n.

    Ctrl-C reaches the program directly, since it is in our process group; we only wait for how it
    ends. SIGTERM is sent to us alone, so it is passed on. Outside of the main thread, a server's,
    signals are left as they are. `meanwhile` uses the time that the program takes, and `beat` is
    called now and then; the program gets the open files `inherited`.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    ended = trace_start(argv)
    with signals_left_to_program() as started, beating(beat):
        try:
            process = subprocess.Popen(
                argv,
                executable=find_program(argv[0], environ, cwd),
                env=_handed_on(environ),
                cwd=cwd,
                stdout=sys.stderr.fileno() if out_to_stderr else None,
                pass_fds=inherited,
            )
        except OSError:
            ended(NOT_FOUND)
            return NOT_FOUND
        started(process)
        if meanwhile is not None:
            meanwhile()
        code = process.wait()
    code = code if code >= 0 else 128 - code
    ended(code)
    return code


def start_heard(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str | None = None,
    inherited: Sequence[int] = (),
) -> Heard | None:
    """Start `argv` with no input, with all that it says in one pipe; None where it is missing.

    Nothing of our terminal, or of what else is our input and output, reaches it.
    """
    try:
        return subprocess.Popen(
            argv,
            executable=find_program(argv[0], environ, cwd),
            env=_handed_on(environ),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
            pass_fds=inherited,
        )
    except OSError:
        return None


def run_collected(argv: Sequence[str], environ: Mapping[str, str], cwd: str) -> Finished:
    """Run `argv` to its end with its output collected and its input empty, in a group of its own.

    It is composeports itself, which gets the whole environment, its own secrets too. What
    interrupts us is passed on as a Ctrl-C to that whole group, whose end is waited for.
    """
    ended = trace_start(argv)
    process = subprocess.Popen(
        argv,
        env=dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    try:
        return _Child(process, ended).finish()
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.communicate()
        raise


def exec_program(
    argv: Sequence[str], environ: Mapping[str, str], *, as_users_own: bool = False
) -> int:
    """Become `argv`, as env(1) does; return 127 (126) only where it is missing (not a program).

    A command `as_users_own`, which the user wrote down, is found and gets everything as in a shell.
    """
    trace_start(argv)
    program = argv[0] if as_users_own else find_program(argv[0], environ) or argv[0]
    given = dict(environ) if as_users_own else _handed_on(environ)
    sys.stdout.flush()
    sys.stderr.flush()
    # Python ignores these, and what is ignored stays so in the next program.
    before = {number: signal.signal(number, signal.SIG_DFL) for number in IGNORED_BY_PYTHON}
    try:
        os.execvpe(program, list(argv), given)  # noqa: S606 - that is the point
    except OSError as error:
        for number, handler in before.items():
            signal.signal(number, handler)
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_FOUND - 1


def read_beginning(argv: Sequence[str], environ: Mapping[str, str], size: int) -> bytes | None:
    """Return the first bytes that `argv` writes and end it there; None where it fails earlier."""
    ended = trace_start(argv)
    try:
        process = subprocess.Popen(
            argv,
            executable=find_program(argv[0], environ),
            env=_handed_on(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
    except OSError:
        return None
    with process:
        out = process.stdout
        data = out.read(size) if out is not None else b""
        if len(data) == size:
            process.kill()
    ended(process.returncode)
    return None if process.returncode and len(data) != size else data


def pipe(
    source: Sequence[str],
    sink: Sequence[str],
    environ: Mapping[str, str],
    passed: Callable[[bytes], None],
) -> tuple[Finished, Finished]:
    """Run `sink` on what `source` writes; `passed` sees every piece on its way.

    Both end when this is interrupted, and when this process is killed: it holds their pipe.
    """
    source_ended, sink_ended = trace_start(source), trace_start(sink)
    try:
        with _piped(source, environ, stdout=subprocess.PIPE) as giving:
            with _piped(sink, environ, stdin=subprocess.PIPE) as taking:
                _pass_on(giving, taking, passed)
                taken = taking.communicate()[1]
            given = giving.communicate()[1]
        source_ended(giving.returncode)
        sink_ended(taking.returncode)
    except OSError as error:
        missing = Finished(NOT_FOUND, err=f"{source[0]}: {error.strerror}")
        return missing, missing
    return (
        Finished(giving.returncode, err=_text(given)),
        Finished(taking.returncode, err=_text(taken)),
    )


def _pass_on(
    giving: "subprocess.Popen[bytes]",
    taking: "subprocess.Popen[bytes]",
    passed: Callable[[bytes], None],
) -> None:
    if giving.stdout is None or taking.stdin is None:
        return
    try:
        while piece := giving.stdout.read(PIECE):
            taking.stdin.write(piece)
            passed(piece)
    except BrokenPipeError:
        giving.kill()  # whoever takes it has ended, and says why


class OutputStream:
    """The lines of a program that goes on until it is stopped; none of one that cannot start."""

    def __init__(self, process: "subprocess.Popen[bytes] | None") -> None:
        self._process = process

    def __iter__(self) -> Iterator[str]:
        """Yield the lines as they come, until the program ends."""
        if self._process is None or self._process.stdout is None:
            return
        with self._process.stdout as lines:
            for line in lines:
                yield _text(line).rstrip("\n")
        self._process.wait()

    def stop(self) -> None:
        """End the program, which ends the lines too; from any thread."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def read_lines(argv: Sequence[str], environ: Mapping[str, str]) -> OutputStream:
    """Start `argv`, out of reach of a Ctrl-C, to read what it writes line by line."""
    try:
        process = subprocess.Popen(
            argv,
            executable=find_program(argv[0], environ),
            env=_handed_on(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
    except OSError:
        return OutputStream(None)
    return OutputStream(process)


@contextmanager
def _piped(
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> "Iterator[subprocess.Popen[bytes]]":
    """Start one end of a pipe, out of reach of a Ctrl-C; it is gone when this ends."""
    process = subprocess.Popen(
        argv,
        executable=find_program(argv[0], environ),
        env=_handed_on(environ),
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        bufsize=0 if stdout == subprocess.PIPE else -1,
        process_group=0,
    )
    try:
        yield process
    except BaseException:
        process.kill()
        process.communicate()
        raise
