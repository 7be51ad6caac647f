"""The official MCP Inspector's command line, which scripts/inspector.py fetches once."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.program import output
from tests.harness.waits import HANG

SCRIPT = Path(__file__).parents[2] / "scripts" / "inspector.py"
# The cache and the settings of pip and npm belong to the user who runs the tests, so it is read
# before the tests are given a home of their own.
OUTSIDE = dict(os.environ)


@dataclass(frozen=True)
class Told:
    """The result of one call; `problem` is the code of the inspector's error, if any."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What the server answered."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def problem(self) -> str:
        """The code of the error that it reports on stderr."""
        code: str = json.loads(self.err.splitlines()[-1])["error"]["code"]
        return code


@dataclass(frozen=True)
class Inspector:
    """The program and one server that it speaks to, as words of its command line."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    server: tuple[str, ...]

    def ask(self, method: str, *options: str) -> Told:
        """Start the inspector, send one request, and return its output."""
        words = (*self.argv, "--cli", *self.server, "--method", method, *options)
        done = subprocess.run(
            words, env=self.environ, capture_output=True, text=True, check=False, timeout=HANG
        )
        return Told(done.returncode, done.stdout, done.stderr)

    def call(self, tool: str, **arguments: object) -> Told:
        """Call a tool."""
        given = ("--tool-args-json", json.dumps(arguments))
        return self.ask("tools/call", "--tool-name", tool, *given)


def fetched() -> tuple[str, ...]:
    """Return the program's command line."""
    done = output(sys.executable, str(SCRIPT), environ=OUTSIDE)
    return tuple(json.loads(done))
