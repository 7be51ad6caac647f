"""Finds the text of the script or Makefile that a command runs, as far as that is plain to see."""

import os
from collections.abc import Iterator, Sequence

SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh"})
MAKES = frozenset({"make", "gmake"})
MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
LARGEST = 1 << 18


def script_of(argv: Sequence[str]) -> tuple[str, str]:
    """Return path and text of the script that `argv` runs; empty texts where it is none."""
    for path in _candidates(argv):
        text = _text(path)
        if text:
            return path, text
    return "", ""


def _candidates(argv: Sequence[str]) -> Iterator[str]:
    program = os.path.basename(argv[0])
    if program in SHELLS:
        inline = any(word.startswith("-") and "c" in word for word in argv[1:2])
        plain = [word for word in argv[1:] if not word.startswith("-")]
        yield from () if inline else plain[:1]
    elif program in MAKES:
        words = list(argv[1:])
        named = [words[at + 1] for at, word in enumerate(words[:-1]) if word in {"-f", "--file"}]
        yield from named or MAKEFILES
    elif os.sep in argv[0]:  # what PATH leads to is another's program
        yield argv[0]


def _text(path: str) -> str:
    """Return what is in a text file of moderate size."""
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
            return ""
        with open(path, "rb") as file:
            data = file.read(LARGEST)
    except OSError:
        return ""
    return "" if b"\0" in data else data.decode("utf-8", "replace")
