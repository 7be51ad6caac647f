"""Run other programs so that Ctrl-C does not reach them, and end them on request."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from corpuskit.reading import Json, mapping, text
from tests.harness.program import PROGRAM as INSTALLED
from tests.harness.program import Done, finish, neutral_environ, start

PROGRAM = str(INSTALLED)


class StoppedError(Exception):
    """The user wants the measurement to end."""


class CallError(Exception):
    """A program failed; the text says which and how."""


def reason(done: Done) -> str:
    """Say in one line why a program failed: composeports' own error, or the last lines said."""
    with suppress(ValueError):
        error = mapping(mapping(done.document).get("error"))
        if error:
            return f"{error.get('code')}: {' '.join(text(error.get('message')).split())}"
    lines = [line for line in done.err.splitlines() if "level=warning" not in line]
    said = " ".join(" ".join(lines[-3:]).split())
    return f"exit {done.code}: {said or 'nothing said'}"


def document(done: Done) -> Json:
    """Return the JSON that a program printed; raise CallError if it failed."""
    if done.code:
        raise CallError(reason(done))
    return mapping(done.document)


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
        process = start(
            *argv,
            cwd=cwd,
            environ={**self.environ, **(extra or {}), "PWD": str(cwd)},
            errors="surrogateescape",
            start_new_session=True,
        )
        if not always:
            self._running.add(process)
        try:
            done = finish(process, seconds)
        except subprocess.TimeoutExpired:
            done = Done(process.returncode, "", f"no end in {seconds:.0f} s")
        finally:
            self._running.discard(process)
        if self.stopping.is_set() and not always:
            raise StoppedError
        return done

    def stop(self) -> None:
        """Interrupt the running programs, and start only programs that clean up."""
        self.stopping.set()
        for process in list(self._running):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)


def environment(state: Path) -> dict[str, str]:
    """Return the environment for a measurement: the shell's, with separate leases in `state`."""
    ports = {
        "PORT_ALLOC_BASE": os.environ.get("PORT_ALLOC_BASE", "16000"),
        "PORT_ALLOC_RANGE": os.environ.get("PORT_ALLOC_RANGE", "200"),
        "PORT_ALLOC_MAX_SESSIONS": os.environ.get("PORT_ALLOC_MAX_SESSIONS", "20"),
    }
    own = {"COMPOSEPORTS_STATE_DIR": str(state), "GIT_CONFIG_GLOBAL": os.devnull}
    return {
        **neutral_environ(),
        **ports,
        **own,
        "GIT_CONFIG_NOSYSTEM": "1",
        "COMPOSE_ANSI": "never",
    }
