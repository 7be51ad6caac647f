"""A block of ours at the end of somebody's file: in, found, and out with every byte restored.

Bytes, since nobody says what a user's file is encoded in; imports nothing, for `env`.
"""

TYPE_CHECKING = False  # importing `typing` takes 4 ms
if TYPE_CHECKING:
    from typing import Self

NEWLINE = b"\n"


class BlockMarks:
    """The words that begin and end one kind of block; what follows the first is the block's own."""

    __slots__ = ("begin", "end")

    def __init__(self, word: str) -> None:
        """Name the kind: `link` is a block from `# >>> composeports link` on."""
        self.begin = f"# >>> composeports {word}".encode()
        self.end = f"# <<< composeports {word} <<<".encode()


LINK_MARKS = BlockMarks("link")


class BlockParts:
    """A text around its block; `head` is what follows the first mark in its line."""

    __slots__ = ("after", "before", "body", "head")

    def __init__(self, before: bytes, head: bytes, body: bytes, after: bytes) -> None:
        """Keep the parts."""
        self.before = before
        self.head = head
        self.body = body
        self.after = after

    @classmethod
    def of(cls, text: bytes, marks: BlockMarks) -> "Self | None":
        """Return the parts of a text with one whole block; None where there is none."""
        start = _line_start(text, marks.begin)
        end = _line_start(text, marks.end, start)
        if start < 0 or end < 0:
            return None
        first, _, body = text[start + len(marks.begin) : end].partition(NEWLINE)
        after = text[end + len(marks.end) :]
        for newline in (NEWLINE, b"\r\n"):
            if after.startswith(newline):
                after = after[len(newline) :]
                break
        return cls(text[:start], first.strip(), body, after)

    @property
    def bare(self) -> bytes:
        """The text as it was before the block came in, with what was added behind it since."""
        before = self.before.removesuffix(NEWLINE)
        if self.after and before and not before.endswith(NEWLINE):
            return before + NEWLINE + self.after
        return before + self.after


def _line_start(text: bytes, mark: bytes, beginning: int = 0) -> int:
    """Return where a line begins with the mark, -1 where none does."""
    if beginning == 0 and text.startswith(mark):
        return 0
    found = text.find(NEWLINE + mark, max(beginning, 0))
    return found + 1 if found >= 0 else -1


def without_block(text: bytes, marks: BlockMarks) -> bytes:
    """Return the text as it was before our block came in."""
    parted = BlockParts.of(text, marks)
    return parted.bare if parted else text


def with_block(text: bytes, marks: BlockMarks, head: str, body: bytes) -> bytes:
    """Return the text with our block at its end, put in anew where there is one.

    A newline before it is the block's own, so that a text without a last newline comes back.
    """
    bare = without_block(text, marks)
    first = NEWLINE if bare else b""
    return b"".join((bare, first, marks.begin, f" {head} >>>\n".encode(), body, marks.end, NEWLINE))


def is_broken(text: bytes, marks: BlockMarks) -> bool:
    """Tell whether there is a part of a block, or more than one."""
    counts = [text.count(marks.begin), text.count(marks.end)]
    return counts != [0, 0] and (counts != [1, 1] or BlockParts.of(text, marks) is None)
