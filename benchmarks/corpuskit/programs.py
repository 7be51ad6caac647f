"""Run other programs so that Ctrl-C does not reach them, and end them on request."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from corpuskit.reading import Json, mapping, text

PROGRAM = str(Path(sys.executable).with_name("composeports"))
# Settings of the shell that would change what is measured. An installed program has its bytecode.
DECIDING = (
    *("COMPOSE", "PORT_", "AGENT_COORDINATOR_", "API_PORT", "SUPABASE_", "GIT_"),
    "PYTHONDONTWRITEBYTECODE",
)


class StoppedError(Exception):
    """The user wants the measurement to end."""


class CallError(Exception):
    """A program failed; the text says which and how."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a program left behind."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """Why it failed, in one line: composeports' own error document, or the last line said."""
        with suppress(ValueError):
            error = mapping(mapping(json.loads(self.out)).get("error"))
            if error:
                return f"{error.get('code')}: {' '.join(text(error.get('message')).split())}"
        lines = [line for line in self.err.splitlines() if "level=warning" not in line]
        said = " ".join(" ".join(lines[-3:]).split())
        return f"exit {self.code}: {said or 'nothing said'}"

    def document(self) -> Json:
        """Return the JSON that it printed; raise CallError if it failed."""
        if self.code:
            raise CallError(self.reason)
        return mapping(json.loads(self.out))


@dataclass
class Programs:
    """Programs that run with one environment, and can all be ended."""

    environ: dict[str, str]
    home: Path
    stopping: threading.Event = field(default_factory=threading.Event)
    _running: set[subprocess.Popen[str]] = field(default_factory=set)

    def run(
        self,
        argv: Sequence[str],
        cwd: Path,
        extra: Mapping[str, str] | None = None,
        *,
        seconds: float = 300,
        always: bool = False,
    ) -> Done:
        """Run a program; raise StoppedError after a request to end (never with `always`)."""
        if self.stopping.is_set() and not always:
            raise StoppedError
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env={**self.environ, **(extra or {}), "PWD": str(cwd)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
            start_new_session=True,
        )
        if not always:
            self._running.add(process)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            err += f"\nno end in {seconds:.0f} s"
        finally:
            self._running.discard(process)
        if self.stopping.is_set() and not always:
            raise StoppedError
        return Done(tuple(argv), process.returncode, out, err)

    def stop(self) -> None:
        """Interrupt the running programs, and start only programs that clean up."""
        self.stopping.set()
        for process in list(self._running):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)


def environment(state: Path) -> dict[str, str]:
    """Return the environment for a measurement: the shell's, with separate leases in `state`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(DECIDING)}
    ports = {
        "PORT_ALLOC_BASE": os.environ.get("PORT_ALLOC_BASE", "16000"),
        "PORT_ALLOC_RANGE": os.environ.get("PORT_ALLOC_RANGE", "200"),
        "PORT_ALLOC_MAX_SESSIONS": os.environ.get("PORT_ALLOC_MAX_SESSIONS", "20"),
    }
    own = {"COMPOSEPORTS_STATE_DIR": str(state), "GIT_CONFIG_GLOBAL": os.devnull}
    return {**clean, **ports, **own, "GIT_CONFIG_NOSYSTEM": "1", "COMPOSE_ANSI": "never"}
