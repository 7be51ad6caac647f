"""Find the programs of a PostgreSQL server: installed ones, else Debian's, unpacked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit import packages
from devkit.cache import DevError
from devkit.packages import Wish
from devkit.sources import read_machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_INSTALLED = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
# The compiler of queries, three times as large as the rest.
_WITHOUT = ("libllvm", "llvm", "postgresql-common", "ssl-cert", "perl", "libperl", "locales")


@dataclass(frozen=True)
class Programs:
    """Where the server's programs are, and what they need to start."""

    folder: Path
    environment: Mapping[str, str]


def programs() -> Programs:
    """Return the server's programs: installed ones, else Debian's, unpacked."""
    named = os.environ.get("COMPOSEPORTS_DEV_POSTGRES_BIN")
    if named:
        return Programs(Path(named), {})
    installed = _newest("/", _INSTALLED)
    if installed is not None:
        return Programs(installed, {})
    if not packages.available():
        message = "no PostgreSQL server found; install one, or name the folder of its programs in "
        message += "COMPOSEPORTS_DEV_POSTGRES_BIN"
        raise DevError(message)
    codename = read_machine().codename
    wish = Wish(codename, ("postgresql",), needs="missing", without=_WITHOUT)
    tree = packages.unpacked(f"postgres-{codename}", wish)
    folder = _newest(str(tree), ("usr/lib/postgresql/*/bin",))
    if folder is None:
        message = f"the package postgresql of {codename} has no server in {tree}"
        raise DevError(message)
    return Programs(folder, libraries_of(tree))


def libraries_of(tree: Path) -> Mapping[str, str]:
    """Return the variable by which programs of an unpacked tree find their libraries."""
    found = sorted({str(file.parent) for file in tree.glob("usr/lib/*-linux-gnu/*.so*")})
    return {"LD_LIBRARY_PATH": ":".join(found)} if found else {}


def _newest(root: str, patterns: Sequence[str]) -> Path | None:
    """Return the folder of the newest server's programs below a root."""
    found = [
        path
        for pattern in patterns
        for path in Path(root).glob(pattern.lstrip("/"))
        if (path / "initdb").exists()
    ]
    return max(found, key=_version, default=None)


def _version(folder: Path) -> int:
    numbers = re.findall(r"\d+", folder.parent.name)
    return int(numbers[-1]) if numbers else 0
