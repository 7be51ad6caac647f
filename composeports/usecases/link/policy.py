"""What `composeports link` writes: a block in `.env`, and a line in git's `info/exclude`. Bytes.

If two lines set the same name, Compose takes the last one, so the block is at the end of the file.
Earlier lines that use these variables were computed with the user's values, so the block repeats
those lines.
"""

from collections.abc import Collection, Iterable, Iterator

from composeports.core.environment import Pair, as_dotenv
from composeports.core.marked_block import LINK_MARKS, BlockParts, without_block

MADE = "made by composeports"
NOT_IN_A_FILE = "COMPOSE_ENV_FILES"  # Compose reads this variable only from the shell
EXPLANATION = (
    b"# This stack's variables, for plain `docker compose`: `composeports up` keeps them up to\n"
    b"# date, `composeports down` and `composeports unlink` take them out.\n"
)
REPEATED = b"# Lines of yours that are made from them:\n"
EXCLUDE = b"# composeports link "
SPECIAL = b"\\*?[!# "


def head(project: str, *, made: bool) -> str:
    """Return the text for the block's first line; `made`: composeports creates the file."""
    return f"{project} ({MADE})" if made else project


def project_of(text: bytes) -> str:
    """Return the project that the file is linked to; empty if it is not linked."""
    parts = BlockParts.of(text, LINK_MARKS)
    return parts.head.split(b" ")[0].decode("ascii", "replace") if parts else ""


def unlinked(text: bytes) -> bytes:
    """Return the file's content without our block."""
    return without_block(text, LINK_MARKS)


def is_made(text: bytes) -> bool:
    """Return True if composeports created the file."""
    parts = BlockParts.of(text, LINK_MARKS)
    return parts is not None and MADE.encode() in parts.head


def is_all_ours(text: bytes) -> bool:
    """Return True if composeports created the file and only our block is in it."""
    return is_made(text) and not unlinked(text)


def body(pairs: Iterable[Pair], text: bytes) -> bytes:
    """Return the lines of the block for the session's variables, in a file with that text."""
    block_pairs = [(name, value) for name, value in pairs if name != NOT_IN_A_FILE]
    repeated_lines = b"".join(repeated(unlinked(text), {name for name, _ in block_pairs}))
    lines = as_dotenv(block_pairs).encode("utf-8", "surrogateescape")
    return EXPLANATION + lines + (REPEATED + repeated_lines if repeated_lines else b"")


def repeated(text: bytes, names: Collection[str]) -> Iterator[bytes]:
    """Yield each line that sets a variable from one of `names`, or from such a variable."""
    block_names = {name.encode() for name in names}
    changed_names = set(block_names)
    for line in text.replace(b"\r\n", b"\n").split(b"\n"):
        name, value = _assignment(line)
        if (
            name
            and name not in block_names
            and any(_mentions(value, changed_name) for changed_name in changed_names)
        ):
            changed_names.add(name)
            yield line.strip() + b"\n"


def overridden(text: bytes, pairs: Iterable[Pair]) -> list[str]:
    """Return the variables of the block that the file's own lines set as well."""
    lines = unlinked(text).replace(b"\r\n", b"\n").split(b"\n")
    assigned_names = {_assignment(line)[0] for line in lines}
    return [name for name, _ in pairs if name.encode() in assigned_names and name != NOT_IN_A_FILE]


def _assignment(line: bytes) -> tuple[bytes, bytes]:
    """Return the name and value of a `NAME=value` line; empty for all other lines.

    A value in single quotes is returned as empty, because it cannot use variables.
    """
    statement = line.strip()
    if statement.startswith(b"#"):
        return b"", b""
    name, separator, value = statement.partition(b"=")
    name = name.removeprefix(b"export ").strip()
    value = value.strip()
    quote = value[:1]
    if quote in {b'"', b"'"} and value.find(quote, 1) < 0:
        return b"", b""  # the value continues on the next line
    is_name = bool(separator) and name.replace(b"_", b"a").isalnum()
    return (name, b"" if quote == b"'" else value) if is_name else (b"", b"")


def _mentions(value: bytes, name: bytes) -> bool:
    """Return True if the value uses the variable, as `$NAME` or `${NAME...}`."""
    for sign in (b"$" + name, b"${" + name):
        start = value.find(sign)
        while start >= 0:
            next_char = value[start + len(sign) : start + len(sign) + 1]
            if not (next_char.isalnum() or next_char == b"_"):
                return True
            start = value.find(sign, start + 1)
    return False


def with_exclusion(text: bytes, project: str, path: str) -> bytes:
    """Return git's exclude file with our entry for `path`, relative to the worktree's top.

    The entry comes first, so that no newline has to be added. Each project has its own entry,
    because all worktrees of a repository share the file.
    """
    pattern = b"".join(
        b"\\" + char if char in SPECIAL else char
        for char in (bytes([code]) for code in path.encode("utf-8", "surrogateescape"))
    )
    return _exclusion(project) + b"/" + pattern + b"\n" + without_exclusion(text, project)


def without_exclusion(text: bytes, project: str) -> bytes:
    """Return git's exclude file as it was before our entry was added."""
    prefix, entry, suffix = text.partition(_exclusion(project))
    return prefix + suffix.partition(b"\n")[2] if entry else text


def _exclusion(project: str) -> bytes:
    return EXCLUDE + project.encode() + b"\n"
