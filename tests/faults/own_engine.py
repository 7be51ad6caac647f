"""A private engine in a network namespace, which a test may stop at any time."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.observer import Engine
from tests.support.machine import frozen

NETWORKS = "data/network/files/local-kv.db"
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@dataclass(frozen=True)
class OwnEngine:
    """How it is observed, how programs get there, and its switch."""

    name: str
    observed: Engine
    environ: Mapping[str, str]
    prefix: tuple[str, ...]

    def halt(self) -> None:
        """Stop it as a reboot would; its containers stay, stopped."""
        _engine(self.name, "stop", "--keep")

    def start(self) -> None:
        """Start it again with its data; networks are lost if it was killed while it created one.

        Engine 20.10 panics at its start then (libnetwork's `reservePools` finds a network without
        addresses), until the database of its networks is removed.
        """
        try:
            _engine(self.name, "start", "--netns")
        except subprocess.CalledProcessError:
            folder = Path(self.observed.socket).parent
            (folder / NETWORKS).unlink()
            _engine(self.name, "start", "--netns")

    @property
    def pid(self) -> int:
        """The process of its dockerd."""
        return int(Path(self.observed.socket).with_name("docker.pid").read_text())

    def frozen(self) -> AbstractContextManager[None]:
        """Let it accept connections without answering, inside the block."""
        return frozen(self.pid)

    def kill(self) -> None:
        """Kill its dockerd; its containers continue without it."""
        os.kill(self.pid, signal.SIGKILL)


def _engine(name: str, *words: str) -> str:
    argv = [sys.executable, str(SCRIPTS / "engine.py"), *words, "--name", name]
    return subprocess.run(argv, check=True, text=True, stdout=subprocess.PIPE).stdout


@contextmanager
def own_engine(kind: str) -> Iterator[OwnEngine]:
    """Start one with the test image; remove it with all its data at the end."""
    name = f"{kind}-{os.getpid()}"
    _engine(name, "start", "--netns")
    try:
        exports = dict(_variables(_engine(name, "env")))
        environ = {**os.environ, **exports}
        argv = [sys.executable, str(SCRIPTS / "images.py"), "tiny"]
        subprocess.run(argv, env=environ, check=True, capture_output=True)
        prefix = ("nsenter", f"--net=/run/netns/{exports['COMPOSEPORTS_DEV_NETNS']}", "--")
        address = exports["COMPOSEPORTS_DEV_ENGINE_IP"]
        yield OwnEngine(name, Engine.of(environ, address), environ, prefix)
    finally:
        _engine(name, "stop")


def _variables(exports: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of `export NAME=value` lines."""
    for line in shlex.split(exports.replace("\n", " ")):
        name, equals, value = line.partition("=")
        if equals:
            yield name, value
