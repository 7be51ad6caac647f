"""The official MCP Inspector's command line, which scripts/inspector.py fetches once."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.harness.program import OUTSIDE, Done, finish, output, start
from tests.harness.waits import HANG

SCRIPT = Path(__file__).parents[2] / "scripts" / "inspector.py"


@dataclass(frozen=True)
class Told(Done):
    """The result of one call; `problem` is the code of the inspector's error, if any."""

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
        limit = ("--connect-timeout", f"{HANG * 1000:.0f}")
        words = (*self.argv, "--cli", *self.server, *limit, "--method", method, *options)
        done = finish(start(*words, environ=self.environ))
        return Told(done.code, done.out, done.err)

    def call(self, tool: str, **arguments: object) -> Told:
        """Call a tool."""
        given = ("--tool-args-json", json.dumps(arguments))
        return self.ask("tools/call", "--tool-name", tool, *given)


def fetched() -> tuple[str, ...]:
    """Return the program's command line."""
    done = output(sys.executable, str(SCRIPT), environ=OUTSIDE)
    return tuple(json.loads(done))
