"""Run the installed program, or any other program, and return how it ended."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.waits import HANG

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
PROGRAM = PROGRAMS / "composeports"
# The environment of the test run, read at import: later, the tests get a home of their own.
OUTSIDE = dict(os.environ)
PATH = OUTSIDE["PATH"]
# Variables that change what the program does; an installed program has its bytecode.
DECIDING = (
    *("COMPOSE", "PORT_", "AGENT_COORDINATOR_", "API_", "SUPABASE_", "GIT_"),
    "PYTHONDONTWRITEBYTECODE",
)


@dataclass(frozen=True)
class Done:
    """The end of a program; a code below 0 is the signal that ended it."""

    code: int
    out: str
    err: str

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.code == -signal.SIGKILL

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The `error` object of the failure's JSON document."""
        document = self.document
        assert document["ok"] is False
        assert set(document) == {"ok", "error"}
        assert set(document["error"]) == {"code", "message", "hint", "details"}
        error: dict[str, Any] = document["error"]
        return error


def neutral_environ(
    environ: Mapping[str, str] = os.environ, also: Sequence[str] = ()
) -> dict[str, str]:
    """Return the environment without variables that change what the program does.

    `also` are more beginnings of names.
    """
    return {
        name: value for name, value in environ.items() if not name.startswith((*DECIDING, *also))
    }


def start(
    *argv: str | Path,
    cwd: str | Path | None = None,
    environ: Mapping[str, str] = os.environ,
    **options: Any,  # noqa: ANN401 - those of Popen
) -> "subprocess.Popen[Any]":
    """Start a program in a folder, without input and with its output in pipes, as text."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(argv, cwd=cwd, env=environ, **{**pipes, "text": True, **options})


def finish(process: "subprocess.Popen[Any]", seconds: float = HANG) -> Done:
    """Wait for the end of a program; if it hangs, kill it with its group and raise."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        kill_group(process)
        raise
    return Done(process.returncode, text(out), text(err))


def text(data: str | bytes | None) -> str:
    """Return the output of a program as text; bytes that are no UTF-8 become surrogates."""
    return data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data or ""


def finish_all(processes: Iterable["subprocess.Popen[Any]"]) -> list[Done]:
    """Wait for the end of programs that run at the same time; read the output of all of them."""
    processes = list(processes)
    with ThreadPoolExecutor(len(processes)) as readers:
        return list(readers.map(finish, processes))


def kill_group(process: "subprocess.Popen[Any]") -> None:
    """Kill a program, and its process group if it has one; its output is not read."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def run(
    *argv: str | Path,
    cwd: str | Path | None = None,
    environ: Mapping[str, str] = os.environ,
    stdin: str = "",
) -> Done:
    """Run a program to its end."""
    done = subprocess.run(
        argv, cwd=cwd, env=environ, input=stdin, capture_output=True, text=True, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def must_run(
    *argv: str | Path, cwd: str | Path | None = None, environ: Mapping[str, str] = os.environ
) -> Done:
    """Run a program, which has to succeed, to its end."""
    done = run(*argv, cwd=cwd, environ=environ)
    assert done.code == 0, f"{shlex.join(map(str, argv))}: exit {done.code}\n{done.out}{done.err}"
    return done


def output(
    *argv: str | Path, cwd: str | Path | None = None, environ: Mapping[str, str] = os.environ
) -> str:
    """Run a program, which has to succeed, and return its stdout."""
    return must_run(*argv, cwd=cwd, environ=environ).out


def write_program(path: Path, script: str) -> Path:
    """Write an executable script for /bin/sh."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def without_root_powers() -> list[str]:
    """Return the words that make root obey the rights of files, for tests that run as root."""
    if os.geteuid():
        return []
    setpriv = shutil.which("setpriv", path=PATH)  # a test's own PATH may lack it
    assert setpriv, "as root, these tests need setpriv (util-linux)"
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search", "--"]


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process inside the block (SIGSTOP)."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
