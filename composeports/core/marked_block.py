"""A marked block at the end of a user's file: add it, find it, remove it.

Removing it restores every byte of the file. The text is bytes, because the encoding of a user's
file is unknown. Imports nothing, because `env` must start fast.
"""

TYPE_CHECKING = False  # importing `typing` takes 4 ms
if TYPE_CHECKING:
    from typing import Self

NEWLINE = b"\n"


class BlockMarks:
    """The marks that begin and end one kind of block.

    The text after the begin mark belongs to the block.
    """

    __slots__ = ("begin", "end")

    def __init__(self, word: str) -> None:
        """Create the marks of a kind: a `link` block begins with `# >>> composeports link`."""
        self.begin = f"# >>> composeports {word}".encode()
        self.end = f"# <<< composeports {word} <<<".encode()


LINK_MARKS = BlockMarks("link")


class BlockParts:
    """A text split at its block; `head` is the rest of the line after the begin mark."""

    __slots__ = ("after", "before", "body", "head")

    def __init__(self, before: bytes, head: bytes, body: bytes, after: bytes) -> None:
        """Store the parts."""
        self.before = before
        self.head = head
        self.body = body
        self.after = after

    @classmethod
    def of(cls, text: bytes, marks: BlockMarks) -> "Self | None":
        """Return the parts of a text with one complete block; None without such a block."""
        start = _line_start(text, marks.begin)
        end = _line_start(text, marks.end, start)
        if start < 0 or end < 0:
            return None
        head, _, body = text[start + len(marks.begin) : end].partition(NEWLINE)
        after = text[end + len(marks.end) :]
        for newline in (NEWLINE, b"\r\n"):
            if after.startswith(newline):
                after = after[len(newline) :]
                break
        return cls(text[:start], head.strip(), body, after)

    @property
    def bare(self) -> bytes:
        """Return the text as before the block was added, plus any text added after the block."""
        before = self.before.removesuffix(NEWLINE)
        if self.after and before and not before.endswith(NEWLINE):
            return before + NEWLINE + self.after
        return before + self.after


def _line_start(text: bytes, mark: bytes, beginning: int = 0) -> int:
    """Return the position of the first line that begins with the mark; -1 if there is none."""
    if beginning == 0 and text.startswith(mark):
        return 0
    position = text.find(NEWLINE + mark, max(beginning, 0))
    return position + 1 if position >= 0 else -1


def without_block(text: bytes, marks: BlockMarks) -> bytes:
    """Return the text as it was before the block was added."""
    parts = BlockParts.of(text, marks)
    return parts.bare if parts else text


def with_block(text: bytes, marks: BlockMarks, head: str, body: bytes) -> bytes:
    """Return the text with the block at its end; an existing block is replaced.

    The newline before the block belongs to the block, so that a text without a final newline can be
    restored.
    """
    original = without_block(text, marks)
    newline = NEWLINE if original else b""
    return b"".join(
        (original, newline, marks.begin, f" {head} >>>\n".encode(), body, marks.end, NEWLINE)
    )


def is_broken(text: bytes, marks: BlockMarks) -> bool:
    """Return True if the text has an incomplete block, or more than one block."""
    counts = [text.count(marks.begin), text.count(marks.end)]
    return counts != [0, 0] and (counts != [1, 1] or BlockParts.of(text, marks) is None)
