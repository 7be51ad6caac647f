"""The wheels that tests install: the project's build and runtime dependencies, without extras."""

from __future__ import annotations

import sys
import tempfile
import tomllib
from hashlib import sha256
from pathlib import Path

from devkit import cache, shell

_PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def wheels() -> Path:
    """Return a folder with the wheels for pip; fetch it if the cache lacks it."""
    final = folder()
    if not final.is_dir():
        with cache.locked("wheels"):
            if not final.is_dir():
                _fetch(final)
    return final


def folder() -> Path:
    """Return the folder that belongs to this interpreter and these requirements, there or not."""
    digest = sha256(repr((sys.version, _requirements())).encode()).hexdigest()[:8]
    return cache.root() / "trees" / f"wheels-{digest}"


def _requirements() -> list[str]:
    told = tomllib.loads(_PROJECT.read_text())
    return [*told["build-system"]["requires"], *told["project"]["dependencies"]]


def _fetch(final: Path) -> None:
    cache.begin_fetch("the wheels that the project needs", "PyPI")
    with tempfile.TemporaryDirectory(
        dir=cache.root(), prefix="fetch-", ignore_cleanup_errors=True
    ) as scratch:
        options = ["--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
        argv = [sys.executable, "-m", "pip", "download", *options, "--dest", scratch]
        shell.run([*argv, *_requirements()])
        final.parent.mkdir(exist_ok=True)
        Path(scratch).rename(final)
