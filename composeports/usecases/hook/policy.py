"""Our block in a git hook: add it to a shell script and remove it again. Works on bytes."""

SHELLS = frozenset({b"sh", b"bash", b"dash", b"ash", b"zsh", b"ksh", b"mksh"})
BEGIN = b"# >>> composeports hook >>>"
END = b"# <<< composeports hook <<<"
# One line, so that users can also add it by hand. It acts only if a branch was checked out.
LINE = (
    b'[ "${3-}" != 1 ] || ! command -v composeports >/dev/null 2>&1 || '
    b'composeports hook run post-checkout "$@" || :'
)
# The block goes before the newline of the first line. Then removing it restores every byte, also in
# a script whose first line has no newline.
BLOCK = b"\n" + BEGIN + b"\n" + LINE + b"\n" + END
OWN_SCRIPT = b"#!/bin/sh\n# Made by `composeports hook install`.\n"


def is_shell_script(script: bytes) -> bool:
    """Return True if the first line names a shell that can run our line."""
    first_line = script.partition(b"\n")[0]
    if not first_line.startswith(b"#!"):
        return False
    words = first_line[2:].split()
    names = [word.rpartition(b"/")[2] for word in words]
    if names[:1] == [b"env"]:
        names = [name for name in names[1:] if not name.startswith(b"-") and b"=" not in name]
    return bool(names) and names[0] in SHELLS


def is_broken(script: bytes) -> bool:
    """Return True if only one mark of the block is there, or if their order is wrong."""
    begin, end = script.find(b"\n" + BEGIN), script.find(END)
    return (begin < 0) != (end < 0) or begin > end


def with_block(script: bytes) -> bytes:
    """Return the script with our block; a block that it already has is replaced."""
    original = without_block(script)
    first_line, newline, other_lines = original.partition(b"\n")
    return first_line + BLOCK + newline + other_lines


def without_block(script: bytes) -> bytes:
    """Return the script as it was before our block was added."""
    prefix, marker, suffix = script.partition(b"\n" + BEGIN)
    return prefix + suffix.partition(END)[2] if marker else script
