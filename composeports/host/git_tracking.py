"""Run git to find out which files it tracks and which it ignores. Changes nothing."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from composeports.errors import ConfigError
from composeports.host.process import NOT_FOUND, Finished, Limits, start

# Options against settings by which a repository makes git run programs.
SETTINGS = ("-c", "core.fsmonitor=false", "-c", "core.pager=cat", "-c", "diff.external=")
NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")
OPTIONS = ("--no-optional-locks", "--no-pager", "--literal-pathspecs")
# Git blocks if one of its own files is a named pipe. These commands take milliseconds.
LIMITS = Limits(seconds=10, memory=2 << 30)
# All other GIT_* variables are removed: they set another repository, or programs and settings.
KEPT_VARIABLES = frozenset(
    {
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CEILING_DIRECTORIES",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    }
)


IGNORED = ("ls-files", "--others", "--ignored", "--exclude-standard", "-z")
# The most paths on one command line; each has at most 4 KiB.
MOST_PATHS = 200


def ask_git(
    folder: str, environ: Mapping[str, str], *arguments: str, about_hooks: bool = False
) -> Finished:
    """Run git for the repository around the folder and return its result.

    The shell's GIT_* variables cannot select another repository, and no program that the
    repository's configuration names is run. `about_hooks` is for a command that reads
    `core.hooksPath`: that setting is then kept, and such a command runs no hook. Raise ConfigError
    if git takes too much time or memory.
    """
    settings = SETTINGS if about_hooks else (*SETTINGS, *NO_HOOKS)
    argv = ("git", *settings, *_trusted(environ), *OPTIONS, *arguments)
    answer = start(argv, _environment(environ), folder, limits=LIMITS).finish()
    if answer.limit:
        raise ConfigError(
            f"git does not answer about {folder}: it reached a limit ({answer.limit})",
            hint="`git status` has to work there; look for a pipe or a huge file among git's own "
            "files; nothing was changed",
            path=folder,
            limit=answer.limit,
        )
    return answer


def check_access(folder: str, environ: Mapping[str, str]) -> None:
    """Raise ConfigError if git refuses the repository, for example because of its owner.

    Git refuses a repository of another user (`safe.directory`). If git is not installed, nothing of
    the repository can be run, so no error is raised.
    """
    answer = ask_git(folder, environ, "rev-parse", "--git-dir")
    if answer.code not in {0, NOT_FOUND}:
        raise ConfigError(
            f"git refuses the repository of {folder}: {answer.err.strip()}",
            hint="`git status` has to work there; nothing was changed",
            path=folder,
        )


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    variables = {
        name: value
        for name, value in environ.items()
        if not name.startswith("GIT_") or name in KEPT_VARIABLES
    }
    return variables | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def _trusted(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield git options for the safe.directory values in GIT_CONFIG_COUNT, and no other setting."""
    count = environ.get("GIT_CONFIG_COUNT", "")
    for number in range(int(count) if count.isdecimal() else 0):
        if environ.get(f"GIT_CONFIG_KEY_{number}", "").lower() == "safe.directory":
            yield from ("-c", f"safe.directory={environ.get(f'GIT_CONFIG_VALUE_{number}', '')}")


def is_tracked(path: str, environ: Mapping[str, str]) -> bool:
    """Return True if git tracks the file."""
    folder, name = os.path.split(path)
    return os.path.isdir(folder) and bool(ask_git(folder, environ, "ls-files", "--", name).out)


def has_tracked(folder: str, environ: Mapping[str, str]) -> bool:
    """Return True if git tracks any file in the folder."""
    return os.path.isdir(folder) and bool(ask_git(folder, environ, "ls-files", "--", ".").out)


def ignored_entries(checkout: str, environ: Mapping[str, str]) -> list[str]:
    """Return all files that git ignores in the checkout; a folder ends with `/`.

    A folder stands for what is in it if git ignores it as a whole; a nested checkout too. Raise
    ConfigError if git refuses to answer.
    """
    return _listed(checkout, environ, *IGNORED, "--directory")


def ignored_files(checkout: str, environ: Mapping[str, str], folders: Iterable[str]) -> list[str]:
    """Return all files that git ignores in these folders of the checkout.

    Files of nested checkouts are left out. Raise ConfigError if git refuses to answer.
    """
    files = _listed(checkout, environ, *IGNORED, "--", *folders)
    return [path for path in files if not path.endswith("/")]


def tracked_files(checkout: str, environ: Mapping[str, str], paths: Sequence[str]) -> set[str]:
    """Return which of the paths git tracks, or track a file below; relative to the checkout.

    Raise ConfigError if git refuses to answer.
    """
    found: set[str] = set()
    for first in range(0, len(paths), MOST_PATHS):
        found.update(
            _listed(checkout, environ, "ls-files", "-z", "--", *paths[first:][:MOST_PATHS])
        )
    return found


def unignored(checkout: str, environ: Mapping[str, str], paths: Sequence[str]) -> list[str]:
    """Return which of the paths, relative to the checkout, git does not ignore there.

    All of them, if git refuses to answer.
    """
    # check-ignore takes no patterns, and refuses `--literal-pathspecs`.
    arguments = ("--no-literal-pathspecs", "check-ignore", "--quiet", "--")
    return [path for path in paths if ask_git(checkout, environ, *arguments, f"./{path}").code]


def has_work_tree(checkout: str, environ: Mapping[str, str]) -> bool:
    """Return False if git has no work tree there, as in a bare repository, or is not installed."""
    return ask_git(checkout, environ, "rev-parse", "--is-inside-work-tree").out.strip() == "true"


def _listed(checkout: str, environ: Mapping[str, str], *arguments: str) -> list[str]:
    answer = ask_git(checkout, environ, *arguments)
    if answer.code:
        raise ConfigError(
            f"git does not list the files of {checkout}: {answer.err.strip()}",
            hint="`git status` has to work there; nothing was changed",
            path=checkout,
        )
    return [path for path in answer.out.split("\0") if path]
