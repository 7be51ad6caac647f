"""The test shells that are not installed everywhere, and direnv: fetched, never installed."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit import packages
from devkit.cache import DevError
from devkit.packages import Wish
from devkit.sources import read_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGES = ("direnv", "fish", "zsh")


@dataclass(frozen=True)
class Program:
    """A program that can be started, the variables that it needs, and what it has to read first."""

    executable: Path
    environment: Mapping[str, str]
    preamble: str = ""


def programs() -> Mapping[str, Program]:
    """Return bash, zsh, fish and direnv: Debian's, unpacked; elsewhere the machine's own."""
    if not packages.available():
        return {name: Program(_installed(name), {}) for name in ("bash", *_PACKAGES)}
    codename = read_machine().codename
    tree = packages.unpacked(f"shells-{codename}", Wish(codename, _PACKAGES, needs="missing"))
    libraries = sorted({str(file.parent) for file in tree.glob("usr/lib/*-linux-gnu/*.so*")})
    environment = {"LD_LIBRARY_PATH": ":".join(libraries)} if libraries else {}
    return {
        "bash": Program(_installed("bash"), {}),
        "direnv": Program(_one(tree, "direnv"), {}),
        "fish": Program(_fish(tree), environment),
        "zsh": _zsh(tree, environment),
    }


def _fish(tree: Path) -> Path:
    """Return fish, which uses the files next to it if all of them are there."""
    settings = tree / "usr/etc"
    if not settings.exists():
        settings.symlink_to("../etc")
    return _one(tree, "fish")


def _zsh(tree: Path, environment: Mapping[str, str]) -> Program:
    """Return zsh, which expects its modules and functions at their installed paths."""
    modules = next(tree.glob(f"usr/lib/{platform.machine()}-linux-gnu/zsh/*"), None)
    if modules is None:  # installed on this machine already, as is what it needs
        return Program(_installed("zsh"), {})
    functions = sorted(
        {str(file.parent) for file in tree.glob("usr/share/zsh/functions/**/*") if file.is_file()}
    )
    preamble = f"module_path=({modules})\nfpath=({' '.join(functions)})\n"
    return Program(_one(tree, "zsh"), environment, preamble)


def _one(tree: Path, name: str) -> Path:
    found = (tree / folder / name for folder in ("usr/bin", "bin"))
    return next((path for path in found if path.exists()), None) or _installed(name)


def _installed(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        message = f"no {name} found; install it"
        raise DevError(message)
    return Path(found)
