"""Read the script or Makefile that a command runs, and the scripts and Makefiles of a checkout."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from composeports.errors import UnsafeFileError
from composeports.regular_file import read_regular

SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh"})
MAKES = frozenset({"make", "gmake"})
MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
LARGEST = 1 << 18
# The folders and names of scripts in a repository. At most MOST files are read.
FOLDERS = (
    *("", "bin", "dev", "hack", "script", "scripts", "tools"),
    *(".husky", "ci", "deploy", "docker", "infra", "ops", "tasks"),
)
NAMES = frozenset({*MAKEFILES, "justfile", "Justfile", ".justfile", "package.json"})
NAMES |= {"Taskfile.yml", "Taskfile.yaml", "taskfile.yml", "taskfile.yaml"}
NAMES |= {"composer.json", "deno.json", "mise.toml", ".mise.toml", "pyproject.toml", "Procfile"}
NAMES |= {"Rakefile", "fabfile.py", "noxfile.py", "tasks.py", ".envrc"}
ENDINGS = (".sh", ".bash", ".zsh", ".fish", ".mk", ".just")
# Names of programs in folders of scripts.
PROGRAMS = (".py", ".rb", ".js", ".mjs", ".cjs", ".ts", ".pl", ".ps1", ".bat", ".cmd")
MOST = 80
# Limit on the characters of all scripts together, so that a large repository cannot make `up` slow.
MOST_TEXT = 1 << 20


def script_of(argv: Sequence[str]) -> tuple[str, str]:
    """Return path and text of the script that `argv` runs; two empty strings if there is none."""
    for path in _candidates(argv):
        text = _text(path)
        if text:
            return path, text
    return "", ""


def scripts_in(folders: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield path and text of the scripts and Makefiles in `folders` and their usual sub-folders.

    Read at most MOST files, and yield at most MOST_TEXT characters in total.
    """
    script_folders = (
        os.path.join(folder, subfolder)
        for folder in dict.fromkeys(folders)
        for subfolder in FOLDERS
    )
    paths = (path for script_folder in script_folders for path in _listed(script_folder))
    budget = MOST_TEXT
    for path in islice(dict.fromkeys(paths), MOST):
        text = _text(path)
        budget -= len(text)
        if text and budget >= 0:
            yield path, text


def _listed(folder: str) -> list[str]:
    """Return the paths of the scripts in one folder; empty if the folder cannot be read."""
    is_for_scripts = os.path.basename(folder) in FOLDERS[1:]
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [
        os.path.join(folder, name)
        for name in names
        if name in NAMES
        or name.endswith(ENDINGS)
        or (is_for_scripts and ("." not in name or name.endswith(PROGRAMS)))
    ]


def _candidates(argv: Sequence[str]) -> Iterator[str]:
    program = os.path.basename(argv[0])
    if program in SHELLS:
        is_inline = any(word.startswith("-") and "c" in word for word in argv[1:2])
        arguments = [word for word in argv[1:] if not word.startswith("-")]
        yield from () if is_inline else arguments[:1]
    elif program in MAKES:
        words = list(argv[1:])
        makefiles = [
            words[index + 1] for index, word in enumerate(words[:-1]) if word in {"-f", "--file"}
        ]
        yield from makefiles or MAKEFILES
    elif os.sep in argv[0]:  # a program found through PATH is not a script of the user
        yield argv[0]


def _text(path: str) -> str:
    """Return the content of a text file of at most LARGEST bytes; empty for any other file."""
    try:
        data = read_regular(path, follow=True)
    except (OSError, UnsafeFileError):
        return ""
    if len(data) > LARGEST:
        return ""
    return "" if b"\0" in data else data.decode("utf-8", "replace")
