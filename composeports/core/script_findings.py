"""Lines of a script that call docker, call it without using PATH, or build an image."""

import re
from collections.abc import Collection, Iterator
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

    Words that come from variables stay as they are written.
    """
    for number, line in _commands(text):
        for call in CALL.finditer(line):
            words = tuple(word.strip(QUOTES) for word in call["words"].split())
            words = words[split_command(words) :]
            if words:
                yield number, words


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
