"""Names of images in the text of a Dockerfile.

Reference: https://docs.docker.com/reference/dockerfile/. The lines of a here-document are read like
instructions. They can only add names, and callers use only names that the Compose file builds.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

ESCAPE_IS_BACKTICK = re.compile(
    r"(?:[ \t]*#[ \t]*\w+[ \t]*=.*\n)*?[ \t]*#[ \t]*escape[ \t]*=[ \t]*`", re.IGNORECASE
)
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^}$]*))?\})")
MOUNT_FROM = re.compile(r"--mount=(?:\S{0,500},)?from=([^\s,]+)")
COPY_FROM = re.compile(r"\s--from=(\S+)")
QUOTES = "\"'"
# More characters than the name of an image can have.
LONGEST_NAME = 1000


class DockerfileImage(NamedTuple):
    """An image that a Dockerfile names, with its variables replaced.

    `argument` is the `ARG` whose default is the whole name; empty if there is none.
    """

    name: str
    argument: str = ""


def dockerfile_images(
    text: str, arguments: Mapping[str, str]
) -> tuple[tuple[DockerfileImage, ...], frozenset[str]]:
    """Return the images of `FROM`, `COPY --from` and `RUN --mount=from`, and the stage names.

    `arguments` are the build arguments that the Compose file gives. Stage names are in lower case,
    and a stage that an instruction reads is not an image.
    """
    reader = _Reader(arguments)
    images = [
        image
        for line in _instructions(text)
        for image in reader.read(line)
        if image.name and not image.name.isdecimal()
    ]
    return tuple(dict.fromkeys(images)), frozenset(reader.stages)


def partial_arguments(text: str) -> frozenset[str]:
    """Return the variables that are a part of an image's name, as in `FROM ${IMAGE}:${TAG}`."""
    words = [word.strip(QUOTES) for line in _instructions(text) for word in _names_in(line)]
    return frozenset(
        variable[1] or variable[2]
        for word in words
        if not VARIABLE.fullmatch(word)
        for variable in VARIABLE.finditer(word)
    )


def _names_in(line: str) -> list[str]:
    """Return the words of an instruction that are names of images, or defaults of variables."""
    instruction, *words = line.split()
    match instruction.upper():
        case "ARG":
            return [word.partition("=")[2] for word in words]
        case "FROM":
            return [word for word in words if not word.startswith("--")][:1]
        case "COPY":
            return COPY_FROM.findall(line)
        case "RUN":
            return MOUNT_FROM.findall(line)
    return []


class _Reader:
    """Reads one instruction after the other; knows the variables and the stages so far."""

    def __init__(self, arguments: Mapping[str, str]) -> None:
        self.stages: set[str] = set()
        self._arguments = arguments
        self._values: dict[str, str] = {}
        self._has_stage = False

    def read(self, line: str) -> Iterator[DockerfileImage]:
        """Yield the images that an instruction names, without the stages before it."""
        instruction, *words = line.split()
        match instruction.upper():
            case "ARG" if not self._has_stage:
                self._declare(words)
            case "FROM":
                yield from self._begin([word for word in words if not word.startswith("--")])
            case "COPY":
                yield from self._images(COPY_FROM.findall(line))
            case "RUN":
                yield from self._images(MOUNT_FROM.findall(line))

    def _declare(self, words: list[str]) -> None:
        for word in words:
            name, _, default = word.partition("=")
            value = self._arguments.get(name, self._expanded(default.strip(QUOTES)))
            # Values of values could grow without end.
            self._values[name] = value if len(value) <= LONGEST_NAME else ""

    def _begin(self, words: list[str]) -> Iterator[DockerfileImage]:
        self._has_stage = True
        word = words[0].strip(QUOTES) if words else ""
        variable = VARIABLE.fullmatch(word)
        argument = (variable[1] or variable[2]) if variable else ""
        for image in self._images([self._expanded(word)]):
            is_default = argument in self._values and argument not in self._arguments
            yield image._replace(argument=argument if is_default else "")
        if [word.upper() for word in words[1:2]] == ["AS"]:
            self.stages.update(word.lower() for word in words[2:])

    def _images(self, names: list[str]) -> Iterator[DockerfileImage]:
        for name in names:
            if name.lower() not in self.stages:
                yield DockerfileImage(name.strip(QUOTES))

    def _expanded(self, text: str) -> str:
        return VARIABLE.sub(self._value, text)

    def _value(self, variable: re.Match[str]) -> str:
        """Return the value of `$NAME`, `${NAME}`, `${NAME:-default}` or `${NAME:+other}`."""
        value = self._values.get(variable[1] or variable[2], "")
        if variable[3] is None:
            return value
        return (value or variable[4]) if "-" in variable[3] else (value and variable[4])


def _instructions(text: str) -> Iterator[str]:
    """Yield the instructions without comments, each with its continuation lines joined."""
    escape = "`" if ESCAPE_IS_BACKTICK.match(text) else "\\"
    parts: list[str] = []
    for line in text.splitlines():
        written = line.rstrip()
        if not written or written.lstrip().startswith("#"):
            continue
        parts.append(written.removesuffix(escape))
        if not written.endswith(escape):
            yield from filter(None, ["".join(parts).strip()])
            parts = []
    yield from filter(None, ["".join(parts).strip()])
