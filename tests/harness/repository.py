"""Make git repositories, their worktrees, and the Compose files in them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from tests.harness.program import output

TINY = "composeports-dev/tiny:1"
Services = Mapping[str, Mapping[str, object]]
GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "you",
    "GIT_AUTHOR_EMAIL": "you@localhost",
    "GIT_COMMITTER_NAME": "you",
    "GIT_COMMITTER_EMAIL": "you@localhost",
}
GIT = ("git", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always")


def git(folder: Path, *arguments: str, environ: Mapping[str, str] = os.environ) -> str:
    """Run git without the user's settings, and return what it printed."""
    return output(*GIT, *arguments, cwd=folder, environ={**environ, **GIT_ENVIRONMENT})


def make_repository(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """Make a repository with one commit on branch `main`, and return its worktree."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--template=")
    commit(folder, files or {"compose.yaml": "services: {}\n"})
    return folder


def commit(folder: Path, files: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> None:
    """Write the files into a checkout and commit everything in it."""
    write(folder, files)
    git(folder, "add", "--all", environ=environ)
    git(folder, "commit", "--quiet", "--message", "Change", environ=environ)


def add_worktree(
    repository: Path, folder: Path, branch: str, environ: Mapping[str, str] = os.environ
) -> Path:
    """Add a linked worktree on a new branch."""
    git(repository, "worktree", "add", "--quiet", "-b", branch, str(folder), environ=environ)
    return folder


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, and the folders that they lie in."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def stack(services: Services, **top: object) -> str:
    """Return a Compose file of services that end at once, tiny ones by default; JSON is YAML."""
    named = {
        name: {"stop_grace_period": "0s", **({} if "build" in each else {"image": TINY}), **each}
        for name, each in services.items()
    }
    return json.dumps({"services": named, **top}, indent=2) + "\n"
