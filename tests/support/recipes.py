"""The recipes of docs/: the files of a section by their path, and its commands in order."""

import re
from dataclasses import dataclass

from tests.support.documents import ROOT, Block

HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
# A fenced block, and the path in the line before it: "`conductor.json` at the top:".
FENCED = re.compile(
    r"(?:^(?P<before>[^\n]*`[^`\n]+`[^`\n]*):\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Recipe:
    """One section of a page."""

    files: dict[str, str]
    commands: list[str]


def recipe(page: str, heading: str) -> Recipe:
    """Return the recipe below a heading; a block without a path before it has commands."""
    _, *parts = HEADING.split((ROOT / page).read_text())
    text = dict(zip(parts[::2], parts[1::2], strict=True))[heading]
    return _parse(page, text)


def beginning(page: str) -> Recipe:
    """Return the recipe before the first heading of a page."""
    return _parse(page, HEADING.split((ROOT / page).read_text())[0])


def _parse(page: str, text: str) -> Recipe:
    files: dict[str, str] = {}
    commands: list[str] = []
    for found in FENCED.finditer(text):
        paths = re.findall(r"`([^`]*)`", found["before"] or "")
        if found["kind"] != "sh" or (paths and found["text"].startswith("#")):
            files[paths[-1]] = found["text"]
        else:
            commands += Block(page, "sh", found["text"]).commands
    return Recipe(files, commands)
