"""What `composeports link` writes: a block in `.env`, and a line in git's `info/exclude`. Bytes.

Compose takes the last of two lines for one name, so the block is at the end. What the lines before
it make of variables was made of the user's values; the block repeats those lines.
"""

from collections.abc import Collection, Iterable, Iterator

from composeports.core.environment import Pair, as_dotenv
from composeports.core.marked_block import LINK_MARKS, BlockParts, without_block

MADE = "made by composeports"
NOT_IN_A_FILE = "COMPOSE_ENV_FILES"  # Compose looks for this one in the shell alone
EXPLANATION = (
    b"# This stack's variables, for plain `docker compose`: `composeports up` keeps them up to\n"
    b"# date, `composeports down` and `composeports unlink` take them out.\n"
)
REPEATED = b"# Lines of yours that are made from them:\n"
EXCLUDE = b"# composeports link "
SPECIAL = b"\\*?[!# "


def head(project: str, *, made: bool) -> str:
    """Return what the block's first line says; `made`: the file was not there before."""
    return f"{project} ({MADE})" if made else project


def project_of(text: bytes) -> str:
    """Return the project that a file is linked to, empty where it is to none."""
    parted = BlockParts.of(text, LINK_MARKS)
    return parted.head.split(b" ")[0].decode("ascii", "replace") if parted else ""


def unlinked(text: bytes) -> bytes:
    """Return what the file holds of its user's."""
    return without_block(text, LINK_MARKS)


def is_made(text: bytes) -> bool:
    """Tell whether composeports made the file."""
    parted = BlockParts.of(text, LINK_MARKS)
    return parted is not None and MADE.encode() in parted.head


def is_all_ours(text: bytes) -> bool:
    """Tell whether composeports made the file, and nobody else has added anything."""
    return is_made(text) and not unlinked(text)


def body(pairs: Iterable[Pair], text: bytes) -> bytes:
    """Return the block's lines for the session's variables, in a file with that text."""
    chosen = [(name, value) for name, value in pairs if name != NOT_IN_A_FILE]
    again = b"".join(repeated(unlinked(text), {name for name, _ in chosen}))
    lines = as_dotenv(chosen).encode("utf-8", "surrogateescape")
    return EXPLANATION + lines + (REPEATED + again if again else b"")


def repeated(text: bytes, names: Collection[str]) -> Iterator[bytes]:
    """Yield those lines that set a variable from one of `names`, or from such a variable."""
    ours = {name.encode() for name in names}
    moved = set(ours)
    for line in text.replace(b"\r\n", b"\n").split(b"\n"):
        name, value = _assignment(line)
        if name and name not in ours and any(_mentions(value, each) for each in moved):
            moved.add(name)
            yield line.strip() + b"\n"


def overridden(text: bytes, pairs: Iterable[Pair]) -> list[str]:
    """Return the variables that a file's own lines set, and its block sets, too."""
    lines = unlinked(text).replace(b"\r\n", b"\n").split(b"\n")
    own = {_assignment(line)[0] for line in lines}
    return [name for name, _ in pairs if name.encode() in own and name != NOT_IN_A_FILE]


def _assignment(line: bytes) -> tuple[bytes, bytes]:
    """Return name and value of `NAME=value` in one line; empty where it is anything else."""
    stripped = line.strip()
    if stripped.startswith(b"#"):
        return b"", b""
    name, separator, value = stripped.partition(b"=")
    name = name.removeprefix(b"export ").strip()
    value = value.strip()
    quote = value[:1]
    if quote in {b'"', b"'"} and value.find(quote, 1) < 0:
        return b"", b""  # it goes on in the next line
    is_name = bool(separator) and name.replace(b"_", b"a").isalnum()
    return (name, b"" if quote == b"'" else value) if is_name else (b"", b"")


def _mentions(value: bytes, name: bytes) -> bool:
    """Tell whether the value is made from a variable, as `$NAME` or `${NAME...}`."""
    for sign in (b"$" + name, b"${" + name):
        start = value.find(sign)
        while start >= 0:
            following = value[start + len(sign) : start + len(sign) + 1]
            if not (following.isalnum() or following == b"_"):
                return True
            start = value.find(sign, start + 1)
    return False


def with_exclusion(text: bytes, project: str, path: str) -> bytes:
    """Return git's list of what it ignores with our entry, for a path below the worktree's top.

    It comes first, so that no newline has to be added; one a project, as worktrees share the list.
    """
    pattern = b"".join(
        b"\\" + each if each in SPECIAL else each
        for each in (bytes([code]) for code in path.encode("utf-8", "surrogateescape"))
    )
    return _exclusion(project) + b"/" + pattern + b"\n" + without_exclusion(text, project)


def without_exclusion(text: bytes, project: str) -> bytes:
    """Return the list as it was before our entry came in."""
    before, entry, rest = text.partition(_exclusion(project))
    return before + rest.partition(b"\n")[2] if entry else text


def _exclusion(project: str) -> bytes:
    return EXCLUDE + project.encode() + b"\n"
