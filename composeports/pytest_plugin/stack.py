"""Start, query and end the stack of a test run by the `composeports` program, as in a shell.

A failure is reported by `pytest.fail`, with message and hint, and without a traceback of this code.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from composeports.host.process import Finished, run_collected
from composeports.pytest_plugin.policy import failure_text, shortened, states

LOG_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Program:
    """The `composeports` program with the options of a run, in the folder of the run.

    `environ` is the environment at the start, so later changes by a test have no effect.
    """

    directory: str
    options: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def run(self, *arguments: str) -> Finished:
        """Run a command to its end; if this process is interrupted, interrupt the command first."""
        # -P: no file in the project's folder is imported in place of a module of composeports.
        argv = (sys.executable, "-P", "-m", "composeports", *self.options, *arguments)
        return run_collected(argv, {**self.environ, "PWD": self.directory}, self.directory)

    def answer(self, *arguments: str) -> str:
        """Return what a command prints; fail the test if the command fails."""
        __tracebackhide__ = True
        result = self.run(*arguments)
        if result.code:
            pytest.fail(failure_text(arguments[0], result.code, result.out, result.err))
        return result.out


@dataclass(frozen=True, slots=True, repr=False)
class Stack:
    """The stack of this run (with pytest-xdist: of this worker), for use in tests."""

    program: Program
    project: str
    session: str
    env: Mapping[str, str]
    _urls: dict[tuple[str, str], str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return the text that a test report shows."""
        return f"<stack {self.project} of session {self.session}>"

    def url(self, service: str, port: int | str = "") -> str:
        """Return the URL of a service, or host:port if it does not speak HTTP.

        `port` is the container port (80, "53/udp"); it is required if the service has several.
        """
        __tracebackhide__ = True
        key = (service, str(port))
        if key not in self._urls:
            out = self.program.answer("url", "--json", service, *filter(None, [str(port)]))
            self._urls[key] = json.loads(out)["url"]
        return self._urls[key]

    def port(self, service: str, port: int | str = "") -> int:
        """Return the host port of a service."""
        __tracebackhide__ = True
        return int(self.url(service, port).rstrip("/").rpartition(":")[2])

    def run(self, *arguments: str) -> str:
        """Run a command on this stack and return its output: `run("exec", "-T", "db", "date")`."""
        __tracebackhide__ = True
        return self.program.answer(*arguments)

    def logs(self, *services: str, lines: int = 50) -> str:
        """Return the last `lines` log lines of each service."""
        return logs(self.program, *services, lines=lines)


def logs(program: Program, *services: str, lines: int) -> str:
    """Return the last `lines` log lines of each service, with the error text if that fails."""
    result = program.run("logs", "--no-color", "--tail", str(lines), *services)
    return shortened(result.out + (result.err if result.code else ""), LOG_CHARACTERS)


def end(program: Program, ending: tuple[str, ...]) -> str:
    """Run the command that ends a stack; return an error text, or an empty string."""
    if not ending:
        return ""
    result = program.run(*ending)
    return failure_text(ending[0], result.code, result.out, result.err) if result.code else ""


def states_before(program: Program) -> list[str]:
    """Return the states of the session's containers; empty if the session holds no lease."""
    result = program.run("ps", "--all", "--format", "json")
    return [] if result.code else states(result.out)


def start(program: Program, arguments: tuple[str, ...], lines: int) -> Stack:
    """Start the stack; if that fails, fail the test with the reason and the last log lines."""
    result = program.run("up", "--json", *arguments)
    if result.code:
        raise_failure(program, result, lines)
    document = json.loads(result.out)
    env = json.loads(program.answer("env", "--format", "json"))
    return Stack(program, document["compose_project_name"], document["session_id"], env)


def raise_failure(program: Program, done: Finished, lines: int) -> None:
    """Fail the test with the error of `up` and the last log lines of the services."""
    __tracebackhide__ = True
    text = failure_text("up", done.code, done.out, done.err)
    log_text = logs(program, lines=lines).strip() if lines and _started(done) else ""
    if log_text:
        text += f"\n\nThe last lines of the services:\n{log_text}"
    pytest.fail(text, pytrace=False)


def _started(done: Finished) -> bool:
    """Return True if Compose itself failed, so there may be logs."""
    return '"compose_failed"' in done.out
