"""Lines of a script that call docker: past the PATH that it was given, or by a container's name."""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from composeports.core.docker_words import split_command, with_session_names

OWN_PATH = re.compile(r"(?:^|[\s;&]|export\s)PATH\s*(?::?=|\?=)\s*(?P<value>[^\s;#]*)")
INHERITED = re.compile(r"\$\(?\{?\(?PATH\b|%PATH%")
BY_PATH = re.compile(r"(?:^|[\s;&|(`\"'@])/(?:[\w./+-]*/)?s?bin/docker(?:-compose)?(?=[\s\"'`)]|$)")
BY_OTHERS = re.compile(
    r"(?:^|[\s;&|(@])(?P<program>sudo|doas|env\s+-i)\s(?:-\S+\s+)*docker(?:-compose)?(?=\s|$)"
)
# A call of docker up to the end of the command.
CALL = re.compile(r"(?:^|[\s;&|(`\"'@])-?docker\s+(?P<words>[^;&|)`]*)")
QUOTES = "\"'"


class NamingCall(NamedTuple):
    """A call of docker, in a line of a script, that names a container."""

    line: int
    command: str
    container: str


def calls_by_name(text: str, names: Collection[str]) -> list[NamingCall]:
    """Return the calls of docker that name one of the containers.

    A call whose words come out of variables is not seen.
    """
    found = []
    for number, line in _commands(text):
        for call in CALL.finditer(line):
            words = tuple(word.strip(QUOTES) for word in call["words"].split())
            words = words[split_command(words) :]
            named = (each for each in names if with_session_names(words, {each}, "own") != words)
            found += [NamingCall(number, words[0], each) for each in sorted(named)]
    return found


def _commands(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is no comment, with the lines that it goes on in."""
    start, before = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        if line.endswith("\\"):
            before += f"{line[:-1]} "
            continue
        whole, first = before + line, start
        start, before = 0, ""
        if not whole.lstrip().startswith("#"):
            yield first, whole


def bypasses(text: str) -> list[tuple[int, str]]:
    """Return the numbers of the lines that cannot be wrapped, each with the reason."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith("#"):
            found += [(number, why) for why in _reasons(line)]
    return found


def _reasons(line: str) -> Iterator[str]:
    own = OWN_PATH.search(line)
    if own and own["value"] and not INHERITED.search(line):
        yield "sets PATH anew"
    if BY_PATH.search(line):
        yield "calls docker by its path"
    other = BY_OTHERS.search(line)
    if other:
        yield f"calls docker by {' '.join(other['program'].split())}"
