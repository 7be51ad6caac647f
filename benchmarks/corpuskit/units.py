"""Read a folder of Compose files, which is never written, and make throwaway repositories of it."""

import csv
import fnmatch
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

SESSIONS = ("main", "login", "search")  # the main checkout and two worktrees
# What a repository must not inherit from the shell that measures.
GIT = (
    *("git", "-c", "user.name=corpus", "-c", "user.email=corpus@localhost"),
    *("-c", "core.autocrlf=false", "-c", "core.fileMode=true", "-c", "gc.auto=0"),
    *("-c", "core.hooksPath=", "-c", "commit.gpgSign=false"),
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One Compose file: `folder` is its repository, the paths are below that."""

    folder: Path
    compose_file: str
    env_file: str
    source: str

    @property
    def name(self) -> str:
        """The file as UNITS.tsv names it."""
        return f"{self.folder.name}/{self.compose_file}"


def read_units(corpus: Path, only: str = "*") -> list[Unit]:
    """Return the units of UNITS.tsv whose names match; each path begins with its repository."""
    with (corpus / "UNITS.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    chosen = [row for row in rows if fnmatch.fnmatch(row["compose_file"], only)]
    return [_unit(corpus, row) for row in chosen]


def _unit(corpus: Path, row: Mapping[str, str]) -> Unit:
    folder, _, compose_file = row["compose_file"].partition("/")
    env_file = (row.get("env_file") or "").removeprefix(f"{folder}/")
    return Unit(corpus / folder, compose_file, env_file, row.get("source") or "")


def make_checkouts(unit: Unit, place: Path, environ: Mapping[str, str]) -> dict[str, Path]:
    """Copy the unit's repository into `place`, and return its checkouts by session."""
    main = place / unit.folder.name
    shutil.copytree(unit.folder, main, symlinks=True)
    _git(main, environ, "init", "--quiet", "--initial-branch=main")
    _git(main, environ, "add", "--all", "--force")
    _git(main, environ, "commit", "--quiet", "--message", "As it is")
    checkouts = {SESSIONS[0]: main}
    for name in SESSIONS[1:]:
        checkouts[name] = place / f"{unit.folder.name}-{name}"
        _git(main, environ, "worktree", "add", "--quiet", "-b", name, str(checkouts[name]))
    return checkouts


def _git(folder: Path, environ: Mapping[str, str], *arguments: str) -> str:
    argv = [*GIT, "-C", str(folder), *arguments]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=True)
    return done.stdout


def fingerprint(checkout: Path) -> dict[str, str]:
    """Return a digest of every file of a checkout but git's and our own."""
    found: dict[str, str] = {}
    for path in sorted(checkout.rglob("*")):
        inner = path.relative_to(checkout)
        if not {".git", ".composeports"} & set(inner.parts) and (
            path.is_symlink() or path.is_file()
        ):
            content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
            found[str(inner)] = sha256(content).hexdigest()
    return found


def seen_by_git(checkout: Path, environ: Mapping[str, str]) -> str:
    """Return what git finds changed or new in a checkout; nothing is how it should be."""
    return _git(checkout, environ, "status", "--porcelain").strip()
