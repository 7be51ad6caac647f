"""Private engines, which a test may stop and freeze; each is in a network namespace."""

import os
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.engine import Engine
from tests.harness.program import OUTSIDE, ROOT, frozen, output

NETWORKS = "data/network/files/local-kv.db"
NETNS = ("--netns",)


def engine_script(verb: str, name: str, *options: str) -> str:
    """Run scripts/engine.py, which has to succeed, and return its stdout."""
    script = ROOT / "scripts/engine.py"
    return output(sys.executable, script, verb, "--name", name, *options, environ=OUTSIDE)


@dataclass(frozen=True)
class PrivateEngine:
    """A running engine: how it is observed, how programs reach it, and its switch."""

    name: str
    exports: Mapping[str, str]
    options: tuple[str, ...] = NETNS

    @property
    def address(self) -> str:
        """The address at which its published ports are reached."""
        return self.exports["COMPOSEPORTS_DEV_ENGINE_IP"]

    @property
    def observed(self) -> Engine:
        """The engine by its API."""
        return Engine.of(self.exports, self.address)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of programs that use it."""
        return {**os.environ, **self.exports}

    @property
    def prefix(self) -> tuple[str, ...]:
        """The beginning of a command line that runs in its network namespace."""
        return ("nsenter", f"--net=/run/netns/{self.exports['COMPOSEPORTS_DEV_NETNS']}", "--")

    @property
    def pid(self) -> int:
        """The process of its dockerd."""
        return int(Path(self.observed.socket).with_name("docker.pid").read_text())

    def halt(self) -> None:
        """Stop it as a reboot would; its containers stay, stopped."""
        engine_script("stop", self.name, "--keep")

    def start(self) -> None:
        """Start it again with its data."""
        engine_script("start", self.name, *self.options)

    def restore(self) -> None:
        """Start it again; networks are lost if it was killed while it created one.

        Engine 20.10 panics at its start then (libnetwork's `reservePools` finds a network without
        addresses), until the database of its networks is removed.
        """
        try:
            self.start()
        except AssertionError:
            Path(self.observed.socket).parent.joinpath(NETWORKS).unlink()
            self.start()

    def frozen(self) -> AbstractContextManager[None]:
        """Let it accept connections without answering, inside the block."""
        return frozen(self.pid)

    def kill(self) -> None:
        """Kill its dockerd; its containers continue without it."""
        os.kill(self.pid, signal.SIGKILL)


def exports_of(name: str) -> dict[str, str]:
    """Return the variables of a shell that uses a running engine."""
    words = shlex.split(engine_script("env", name).replace("export ", ""))
    return dict(word.split("=", 1) for word in words)


def running_engine(name: str, options: tuple[str, ...] = NETNS) -> PrivateEngine:
    """Return a running engine, with the test image."""
    exports = exports_of(name)
    output(sys.executable, ROOT / "scripts/images.py", "tiny", environ={**OUTSIDE, **exports})
    return PrivateEngine(name, exports, options)


@contextmanager
def private_engine(kind: str, options: tuple[str, ...] = NETNS) -> Iterator[PrivateEngine]:
    """Start an engine with the test image; remove it with all its data at the end."""
    name = f"{kind}-{os.getpid()}"
    try:
        engine_script("start", name, *options)
        yield running_engine(name, options)
    finally:
        engine_script("stop", name)
