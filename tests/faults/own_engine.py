"""An engine of the harness' own, in a network namespace, which may be stopped at any time."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.observer import Engine

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NAME = "restarted"


@dataclass(frozen=True)
class OwnEngine:
    """How it is observed, how programs get there, and its switch."""

    observed: Engine
    environ: Mapping[str, str]
    prefix: tuple[str, ...]

    def halt(self) -> None:
        """Stop it as a reboot would; its containers stay, stopped."""
        _engine("stop", "--keep")

    def start(self) -> None:
        """Let it come back with its data."""
        _engine("start", "--netns")


def _engine(*words: str) -> str:
    argv = [sys.executable, str(SCRIPTS / "engine.py"), *words, "--name", NAME]
    return subprocess.run(argv, check=True, text=True, stdout=subprocess.PIPE).stdout


@contextmanager
def own_engine() -> Iterator[OwnEngine]:
    """Start one with the test image; remove it with all its data at the end."""
    _engine("start", "--netns")
    try:
        exports = dict(_variables(_engine("env")))
        environ = {**os.environ, **exports}
        argv = [sys.executable, str(SCRIPTS / "images.py"), "tiny"]
        subprocess.run(argv, env=environ, check=True, capture_output=True)
        prefix = ("nsenter", f"--net=/run/netns/{exports['COMPOSEPORTS_DEV_NETNS']}", "--")
        address = exports["COMPOSEPORTS_DEV_ENGINE_IP"]
        yield OwnEngine(Engine.of(environ, address), environ, prefix)
    finally:
        _engine("stop")


def _variables(exports: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of `export NAME=value` lines."""
    for line in shlex.split(exports.replace("\n", " ")):
        name, equals, value = line.partition("=")
        if equals:
            yield name, value
