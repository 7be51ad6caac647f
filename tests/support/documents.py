"""The fenced blocks of README and docs/, so that tests run what a reader would copy."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"(?:^|\s+)#.*$")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The commands of a shell block, without comments, lines that go on joined."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [bare for line in lines if (bare := COMMENT.sub("", line).rstrip())]


def blocks(page: str, language: str = "") -> list[Block]:
    """Return the blocks of a page ("docs/guide.md"), of one language or of all."""
    found = FENCED.findall((ROOT / page).read_text())
    every = [Block(page, kind, text) for _, kind, text in found]
    return [each for each in every if language in {"", each.language}]


def pages() -> Iterator[str]:
    """Yield README, CONTRIBUTING and all handwritten pages of docs/."""
    yield from ("README.md", "CONTRIBUTING.md")
    yield from (f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))
