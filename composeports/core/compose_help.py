"""The options of a Compose command, from the text of its `--help`."""

import re
from collections.abc import Iterator
from typing import NamedTuple

# `  -n, --tail string     Number of lines to show`: the names, the kind of value, the meaning.
LINE = re.compile(r"^ +(?:(-\w), )?(--[\w-]+)(?: ([\w.<>|\[\]-]+))?(?: {2,}(\S.*))?$")
HEADING = re.compile(r"^(?:Options|Flags):")


class ComposeOption(NamedTuple):
    """An option: its long name, then its short one, and the first line of what it means."""

    names: tuple[str, ...]
    takes_value: bool
    help: str


def parse_options(text: str) -> tuple[ComposeOption, ...]:
    """Return the options in the text of `docker compose COMMAND --help`, in its order."""
    return tuple(_options(text))


def _options(text: str) -> Iterator[ComposeOption]:
    is_inside = False
    for line in text.splitlines():
        if line and not line.startswith(" "):
            is_inside = bool(HEADING.match(line))
        match = LINE.match(line) if is_inside else None
        if match:
            short, long, kind, meaning = match.groups()
            yield ComposeOption((long, short) if short else (long,), bool(kind), meaning or "")
