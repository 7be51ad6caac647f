"""Lines of a script that call docker, call it without using PATH, or build an image."""

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from composeports.core.docker_arguments import split_command
from composeports.core.image_names import full_name

OWN_PATH = re.compile(r"(?:^|[\s;&]|export\s)PATH\s*(?::?=|\?=)\s*(?P<value>[^\s;#]*)")
INHERITED = re.compile(r"\$\(?\{?\(?PATH\b|%PATH%")
BY_PATH = re.compile(r"(?:^|[\s;&|(`\"'@])/(?:[\w./+-]*/)?s?bin/docker(?:-compose)?(?=[\s\"'`)]|$)")
BY_OTHERS = re.compile(
    r"(?:^|[\s;&|(@])(?P<program>sudo|doas|env\s+-i)\s(?:-\S+\s+)*docker(?:-compose)?(?=\s|$)"
)
# A docker call up to the end of the command.
CALL = re.compile(r"(?:^|[\s;&|(`\"'@])-?docker\s+(?P<words>[^;&|()`]*)")
# The same as a list of words, as in `subprocess.run(["docker", "exec", "db"])` of Python or in
# `spawn("docker", ["exec", "db"])` of JavaScript.
CALL_IN_LIST = re.compile(r"""["']docker["']\s*,(?P<words>[^)]*)""")
WORD_IN_LIST = re.compile(r"""["']([^"']*)["']""")
# `NAME=value` and `NAME := value` with a value of one word, at the start of a line.
ASSIGNMENT = re.compile(
    r"""^[ \t]*(?:(?:export|local|readonly)[ \t]+)?(?P<name>[A-Za-z_]\w*)[ \t]*[:?]?=[ \t]*"""
    r"""["']?(?:\$\{\w+:?-)?(?P<value>[\w./:@-]+)\}?["']?[ \t]*(?:[;#].*)?$""",
    re.MULTILINE,
)
VARIABLE = re.compile(
    r"\$(?:(?P<bare>[A-Za-z_]\w*)|\{(?P<braced>\w+)(?::?[-=](?P<default>[\w./:@-]*))?\}|\((?P<make>\w+)\))"
)
QUOTES = "\"',"
# `docker image build` and similar commands mean `docker build`.
GROUPS = frozenset({"image", "buildx", "builder"})


class ImageBuild(NamedTuple):
    """A line of a script that gives a tag to an image."""

    line: int
    image: str


def image_builds(text: str, images: Collection[str]) -> list[ImageBuild]:
    """Return the lines that build or tag one of the images, which are full names."""
    return [
        ImageBuild(number, tag)
        for number, words in docker_calls(text)
        for tag in _tags(words)
        if full_name(tag) in images
    ]


def _tags(words: tuple[str, ...]) -> Iterator[str]:
    """Yield the tags that a command gives to images."""
    command, *arguments = words if words[0] not in GROUPS else words[1:] or ("",)
    if command == "tag":
        yield from arguments[1:2]
    elif command == "build":
        for option, value in pairwise((*arguments, "")):
            name, separator, tag = option.partition("=")
            if name in {"-t", "--tag"} and (tag if separator else value):
                yield tag if separator else value


def docker_calls(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the line number and the words, from the command on, of each docker call.

    A variable to which the text gives one word has that word; others stay as they are written.
    """
    values = {match["name"]: match["value"] for match in ASSIGNMENT.finditer(text)}
    for number, line in _commands(text):
        command = VARIABLE.sub(lambda match: _value(match, values), line) if "$" in line else line
        for call in CALL.finditer(command):
            yield from _call(number, tuple(word.strip(QUOTES) for word in call["words"].split()))
        for call in CALL_IN_LIST.finditer(command):
            yield from _call(number, tuple(WORD_IN_LIST.findall(call["words"])))


def _call(number: int, words: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    words = words[split_command(words) :]
    if words:
        yield number, words


def _value(variable: re.Match[str], values: Mapping[str, str]) -> str:
    """Return the value of `$NAME`, `${NAME}`, `${NAME:-default}` or `$(NAME)`, if it is known."""
    name = variable["bare"] or variable["braced"] or variable["make"]
    return values.get(name) or variable["default"] or variable[0]


def _commands(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and text of each line that is not a comment.

    A line is joined with its continuation lines.
    """
    start, prefix = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        if line.endswith("\\"):
            prefix += f"{line[:-1]} "
            continue
        command, first_number = prefix + line, start
        start, prefix = 0, ""
        if not command.lstrip().startswith("#"):
            yield first_number, command


def bypasses(text: str) -> list[tuple[int, str]]:
    """Return the numbers of the lines that the docker wrapper cannot catch, with the reasons."""
    findings = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith("#"):
            findings += [(number, reason) for reason in _reasons(line)]
    return findings


def _reasons(line: str) -> Iterator[str]:
    path_match = OWN_PATH.search(line)
    if path_match and path_match["value"] and not INHERITED.search(line):
        yield "sets PATH again"
    if BY_PATH.search(line):
        yield "calls docker by its path"
    program_match = BY_OTHERS.search(line)
    if program_match:
        yield f"calls docker by {' '.join(program_match['program'].split())}"
