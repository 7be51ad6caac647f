"""A private apt: fetch and unpack Debian packages below the cache; installs nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from devkit import cache, shell
from devkit.sources import read_machine

if TYPE_CHECKING:
    from collections.abc import Sequence

_LISTS_LAST = 6 * 60 * 60  # seconds


@dataclass(frozen=True)
class Wish:
    """Packages of one release: alone, with what this machine lacks, or with all they need."""

    release: str
    names: tuple[str, ...]
    needs: Literal["nothing", "missing", "everything"] = "nothing"
    without: tuple[str, ...] = ()


def unpacked(tree: str, wish: Wish) -> Path:
    """Return a directory with these packages unpacked, fetching them when it is missing."""
    digest = sha256(repr(wish).encode()).hexdigest()[:8]
    final = cache.root() / "trees" / f"{tree}-{digest}"
    if final.is_dir():
        return final
    with cache.locked(f"tree-{tree}"):
        if not final.is_dir():
            cache.begin_fetch(", ".join(wish.names), wish.release)
            _build(final, wish)
    return final


def _build(final: Path, wish: Wish) -> None:
    final.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.root(), prefix="fetch-") as scratch:
        debs = Path(scratch) / "debs"
        (debs / "partial").mkdir(parents=True)
        _fetch(wish, debs)
        wanted = [
            deb for deb in sorted(debs.glob("*.deb")) if not deb.name.startswith(wish.without)
        ]
        tree = Path(scratch) / "tree"
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda deb: shell.run(["dpkg-deb", "--extract", deb, tree]), wanted))
        tree.rename(final)


def _fetch(wish: Wish, debs: Path) -> None:
    base = apt_get(wish.release)
    if wish.needs == "nothing":
        # `apt-get download` knows no target but the working directory.
        shell.run([*base, "download", *wish.names], cwd=debs)
        return
    settings = ["-o", f"Dir::Cache::archives={debs}/"]
    if wish.needs == "everything":
        status = debs.parent / "status"
        status.touch()
        settings += ["-o", f"Dir::State::status={status}"]
    options = ["--download-only", "--no-install-recommends", "--yes"]
    shell.run([*base, *settings, "install", *options, *wish.names])


def apt_get(release: str) -> list[str]:
    """Return an apt-get command line that knows one release and keeps its state in the cache."""
    home = cache.root() / "apt" / release
    base = _command(home)
    sources = "\n".join(read_machine().lines(release)) + "\n"
    if not _fresh(home, sources):
        with cache.locked(f"apt-{release}"):
            if not _fresh(home, sources):
                _update(home, base, sources)
    return base


def _fresh(home: Path, sources: str) -> bool:
    """Return True if the lists are of these sources, and young enough to name files still there."""
    stamp = home / "updated"
    young = stamp.exists() and time.time() - stamp.stat().st_mtime < _LISTS_LAST
    return young and stamp.read_text() == sources


def _update(home: Path, base: Sequence[str], sources: str) -> None:
    cache.say(f"reading the package lists of {home.name}")
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "sources.list").write_text(sources)
    (home / "preferences").touch()
    shell.run([*base, "-o", "APT::Update::Error-Mode=any", "update"])
    (home / "updated").write_text(sources)


def _command(home: Path) -> list[str]:
    settings = {
        "Dir::Etc::sourcelist": home / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": home / "preferences",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State": home / "state",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": home / "cache",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": 3,
    }
    pairs = (word for key, value in settings.items() for word in ("-o", f"{key}={value}"))
    return ["apt-get", "-q", *pairs]


def available() -> bool:
    """Return True if this machine can fetch and unpack packages: Debian, Ubuntu and the like."""
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb"))
